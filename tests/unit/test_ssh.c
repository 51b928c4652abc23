// SPDX-License-Identifier: BSD-2-Clause
/* The SSH guard: what environments say. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <errno.h>
#include <string.h>
#include "HostIsolation/ssh.h"
#include "sshaddress.h" /* last: cmocka.h makes a macro of fail() */

static int parse(const char *text, struct ssh_connection *c)
{
	return ssh_connection_parse(text, strlen(text), c);
}

static void test_parse(void **state)
{
	struct ssh_connection c;

	assert_int_equal(parse("203.0.113.5 51514 10.0.0.1 22", &c), 0);
	assert_int_equal(c.family, AF_INET);
	assert_address(c.peer, "203.0.113.5");
	assert_address(c.local, "10.0.0.1");
	assert_int_equal(c.peer_port, 51514);
	assert_int_equal(c.local_port, 22);
	assert_int_equal(c.begun_by, DIR_IN);

	assert_int_equal(parse("2001:db8::5 65535 2001:db8::1 1", &c), 0);
	assert_int_equal(c.family, AF_INET6);
	assert_address(c.peer, "2001:db8::5");
	assert_int_equal(c.peer_port, 65535);
	assert_int_equal(c.local_port, 1);

	assert_int_equal(parse("fe80::1%eth0 50000 fe80::2%enp0s31f6.4094 22", &c), 0);
	assert_address(c.peer, "fe80::1");
	assert_address(c.local, "fe80::2");

	assert_int_equal(parse("::ffff:203.0.113.5 51514 ::ffff:10.0.0.1 22", &c), 0);
	assert_int_equal(c.family, AF_INET);
	assert_address(c.peer, "203.0.113.5");
	assert_address(c.local, "10.0.0.1");
}

static void test_parse_refuses(void **state)
{
	static const char *const bad[] = {
		"",
		" ",
		"UNKNOWN 65535 UNKNOWN 65535",
		"203.0.113.5",
		"203.0.113.5 51514",
		"203.0.113.5 51514 10.0.0.1",
		"203.0.113.5 51514 10.0.0.1 ",
		"203.0.113.5 51514 10.0.0.1 22 ",
		"203.0.113.5 51514 10.0.0.1 22 x",
		" 203.0.113.5 51514 10.0.0.1 22",
		"203.0.113.5  51514 10.0.0.1 22",
		"203.0.113.5\t51514\t10.0.0.1\t22",
		"203.0.113.5 0 10.0.0.1 22",
		"203.0.113.5 65536 10.0.0.1 22",
		"203.0.113.5 999999999999999999999 10.0.0.1 22",
		"203.0.113.5 -1 10.0.0.1 22",
		"203.0.113.5 +1 10.0.0.1 22",
		"203.0.113.5 0x16 10.0.0.1 22",
		"203.0.113 51514 10.0.0.1 22",
		"203.0.113.5%eth0 51514 10.0.0.1 22",
		"203.0.113.5 51514 2001:db8::1 22",
		"2001:db8::g 51514 2001:db8::1 22",
		"host.example 51514 10.0.0.1 22",
		"fe80::1%aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa 1 fe80::2 22",
		"203.0.113.5 51514 10.0.0.1 22\n",
		"\033[2J 51514 10.0.0.1 22",
	};
	struct ssh_connection c, before;

	memset(&c, 0x5a, sizeof(c));
	before = c;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		if (parse(bad[i], &c) != -EINVAL)
			fail_msg("accepted: \"%s\"", bad[i]);
		assert_memory_equal(&c, &before, sizeof(c));
	}
	assert_int_equal(ssh_connection_parse("1.2.3.4 5\0 1.2.3.4 22", 21, &c), -EINVAL);
	/* the bytes behind the given size are not looked at */
	assert_int_equal(ssh_connection_parse("1.2.3.4 5 1.2.3.4 2266666", 20, &c), 0);
	assert_int_equal(c.local_port, 22);
}

static void test_environ_next(void **state)
{
	static const char env[] = "PATH=/bin\0XSSH_CONNECTION=no\0SSH_CONNECTION\0SSH_CONNECTION=\0"
				  "\0\0SSH_CONNECTIONS=no\0SSH_CONNECTION=a=b\0SSH_CONNECTION=last";
	const char *value;
	size_t pos = 0, len;

	value = environ_next(env, sizeof(env) - 1, &pos, "SSH_CONNECTION", &len);
	assert_non_null(value);
	assert_int_equal(len, 0);
	value = environ_next(env, sizeof(env) - 1, &pos, "SSH_CONNECTION", &len);
	assert_non_null(value);
	assert_int_equal(len, 3);
	assert_memory_equal(value, "a=b", 3);
	value = environ_next(env, sizeof(env) - 1, &pos, "SSH_CONNECTION", &len);
	assert_non_null(value); /* not NUL-terminated: cut off */
	assert_int_equal(len, 4);
	assert_memory_equal(value, "last", 4);
	assert_null(environ_next(env, sizeof(env) - 1, &pos, "SSH_CONNECTION", &len));
	assert_null(environ_next(env, sizeof(env) - 1, &pos, "SSH_CONNECTION", &len));
	pos = 0;
	assert_null(environ_next(NULL, 0, &pos, "SSH_CONNECTION", &len));
	/* a name cut off by the end */
	pos = 0;
	assert_null(environ_next("SSH_CONNECTION=x", 14, &pos, "SSH_CONNECTION", &len));
}

static void test_loopback(void **state)
{
	__u8 a[16] = {};

	a[0] = 127, a[3] = 53;
	assert_true(address_is_loopback(AF_INET, a));
	a[0] = 128;
	assert_false(address_is_loopback(AF_INET, a));
	memset(a, 0, 16);
	assert_true(address_is_loopback(AF_INET, a));
	assert_true(address_is_loopback(AF_INET6, a));
	a[15] = 1;
	assert_true(address_is_loopback(AF_INET6, a));
	a[0] = 0xfe;
	assert_false(address_is_loopback(AF_INET6, a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_parse_refuses),
		cmocka_unit_test(test_environ_next),
		cmocka_unit_test(test_loopback),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
