// SPDX-License-Identifier: BSD-2-Clause
/* The ENTRY grammar: what is refused, and that the line says why. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "HostIsolation/entry.h"
#include <cmocka.h>

#define COUNT(rows) (sizeof(rows) / sizeof(*(rows)))

/* What is refused, and words that the line must have. */
static const struct {
	const char *text, *why;
} bad[] = {
	{"", "names no address"},
	{":", "names no address"},
	{":443", "names no address"},
	{"/8", "names no address"},
	{"in:", "names no address"},
	{"out:", "names no address"},
	{"out::443", "names no address"},
	{"[]", "names no address"},
	{"[]:443", "names no address"},
	{" ", "white space"},
	{" 10.0.0.5", "white space"},
	{"10.0.0.5 ", "white space"},
	{"10.0.0.5\n", "white space"},
	{"10.0.0.5,10.0.0.6", "not an IPv4 address"},
	{"10.0.0.5/33", "0 to 32"},
	{"10.0.0.5/-1", "0 to 32"},
	{"10.0.0.5/", "0 to 32"},
	{"10.0.0.5/08", "0 to 32"},
	{"10.0.0.0/0x8", "0 to 32"},
	{"10.0.0.0/4294967304", "0 to 32"},
	{"10.0.0.0/255.0.0.0", "0 to 32"},
	{"10.0.0.5/tcp", "a protocol behind it"},
	{"10.0.0.0/8/8", "0 to 32"},
	{"2001:db8::/129", "0 to 128"},
	{"2001:db8::/", "0 to 128"},
	{"2001:db8::1:443/tcp", "[ADDR]:PORT"},
	{"10.0.0.5/8", "did you mean 10.0.0.0/8?"},
	{"10.0.0.5/0", "did you mean 0.0.0.0/0?"},
	{"10.0.0.5/8", "for the one address write 10.0.0.5"},
	{"10.0.0.5/31", "did you mean 10.0.0.4/31?"},
	{"in:10.0.0.5/8:22", "did you mean 10.0.0.0/8?"},
	{"2001:db8::1/32", "did you mean 2001:db8::/32?"},
	{"2001:db8::1/127", "did you mean 2001:db8::/127?"},
	{"[2001:db8::1]/64:22", "did you mean 2001:db8::/64?"},
	{"10.0.0.5:0", "1 to 65535"},
	{"10.0.0.5:65536", "1 to 65535"},
	{"10.0.0.5:4294967739", "1 to 65535"}, /* 2^32 + 443 */
	{"10.0.0.5:", "1 to 65535"},
	{"10.0.0.5:-", "1 to 65535"},
	{"10.0.0.5:80-", "1 to 65535"},
	{"10.0.0.5:-80", "1 to 65535"},
	{"10.0.0.5:0-80", "1 to 65535"},
	{"10.0.0.5:80-65536", "1 to 65535"},
	{"10.0.0.5:80-90-95", "1 to 65535"},
	{"10.0.0.5:0443", "1 to 65535"},
	{"10.0.0.5:+443", "1 to 65535"},
	{"10.0.0.5: 443", "white space"},
	{"10.0.0.5:443 ", "white space"},
	{"10.0.0.5:https", "1 to 65535"},
	{"10.0.0.5:/tcp", "1 to 65535"},
	{"10.0.0.5:90-80", "did you mean 80-90?"},
	{"10.0.0.5:443/", "tcp, udp"},
	{"10.0.0.5:443/icmp", "tcp, udp"},
	{"10.0.0.5:443/6", "tcp, udp"},
	{"10.0.0.5:443/tc", "tcp, udp"},
	{"10.0.0.5:443/tcpx", "tcp, udp"},
	{"10.0.0.5:443/tcp/udp", "tcp, udp"},
	{"10.0.0.5:443/tcp,udp", "tcp, udp"},
	{"10.0.0.5:443:444", "not an IPv6 address"},
	{"http://10.0.0.5:80", "not an IPv6 address"},
	{"both:10.0.0.5", "1 to 65535"},
	{"in:out:10.0.0.5", "1 to 65535"},
	{"in:in:10.0.0.5", "1 to 65535"},
	{"10.0.0.256", "not an IPv4 address"},
	{"10.0.0", "not an IPv4 address"},
	{"10.0.0.5.6", "not an IPv4 address"},
	{"10.0.0.5.", "not an IPv4 address"},
	{"010.0.0.5", "not an IPv4 address"},
	{"10.0.0.05", "not an IPv4 address"},
	{"10.0.0.00", "not an IPv4 address"},
	{"167772165", "not an IPv4 address"},
	{"0x7f000001", "not an IPv4 address"},
	{"0X7F.1", "not an IPv4 address"},
	{"10.0X1", "not an IPv4 address"},
	{"127.0x1", "not an IPv4 address"},
	{"0x", "not an IPv4 address"},
	{"in:22", "not an IPv4 address"},
	{"10.0.0.5%eth0", "neither an address nor a host name"},
	{"fe80::1%eth0", "leave out the zone"},
	{"fe80::1%eth0/64", "leave out the zone"},
	{"[fe80::1%eth0]:22", "leave out the zone"},
	{"[2001:db8::1", "bracket is not closed"},
	{"[", "bracket is not closed"},
	{"2001:db8::1]:443", "not an IPv6 address"},
	{"[2001:db8::1]443", "behind the bracket"},
	{"[2001:db8::1]]", "behind the bracket"},
	{"[2001:db8::1]x", "behind the bracket"},
	{"[2001:db8::/32]/32", "one prefix length is enough"},
	{"[2001:db8::/32]/33:443", "one prefix length is enough"},
	{"[2001:db8::/]:443", "0 to 128"},
	{"[2001:db8::]/:443", "0 to 128"},
	{"[2001:db8::1]/tcp", "0 to 128"},
	{"[2001:db8::1]:", "1 to 65535"},
	{"[10.0.0.5]:22", "only these take brackets"},
	{"[host.example]:22", "only these take brackets"},
	{"[[::1]]", "behind the bracket"},
	{"2001:db8::/32:443", "[2001:db8::]/32:443"},
	{"2001:db8:::1", "not an IPv6 address"},
	{"1:2:3:4:5:6:7", "not an IPv6 address"},
	{"1:2:3:4:5:6:7:8:9", "not an IPv6 address"},
	{"2001:db8::12345", "not an IPv6 address"},
	{"2001:db8::g", "not an IPv6 address"},
	{"::ffff:10.0.0.5", "write 10.0.0.5"},
	{"::ffff:a00:5", "write 10.0.0.5"},
	{"[::ffff:10.0.0.5]:443", "write 10.0.0.5"},
	{"::ffff:0:0/96", "write 0.0.0.0/0"},
	{"::ffff:0:0/95", "did you mean ::fffe:0:0/95?"},
	{"::ffff:10.0.0.0/104", "write 10.0.0.0/8"},
};

static void test_bad(void **state)
{
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct error err = {};
		struct entry e, before;
		char quoted[128];

		memset(&e, 0xa5, sizeof(e));
		before = e;
		if (entry_parse(bad[i].text, &e, &err) != -EINVAL)
			fail_msg("\"%s\" is accepted", bad[i].text);
		if (!strstr(err.text, bad[i].why))
			fail_msg("\"%s\" is refused for another reason: %s", bad[i].text, err.text);
		assert_memory_equal(&e, &before, sizeof(e));
		assert_null(strchr(err.text, '\n'));
		snprintf(quoted, sizeof(quoted), "\"%s\"", bad[i].text);
		if (!strchr(bad[i].text, '\n'))
			assert_ptr_equal(strstr(err.text, quoted), err.text);
		assert_int_equal(entry_parse(bad[i].text, &e, NULL), -EINVAL);
	}
}

#define L63 "abcdefghijklmnopqrstuvwxyz-abcdefghijklmnopqrstuvwxyz-012345678"
#define L61 "abcdefghijklmnopqrstuvwxyz-abcdefghijklmnopqrstuvwxyz-0123456"
#define N253 L63 "." L63 "." L63 "." L61

static void test_bad_names(void **state)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{"-host", "neither"},
		{"host-", "neither"},
		{"host-.example", "neither"},
		{"a.-b", "neither"},
		{"a..b", "neither"},
		{".a", "neither"},
		{".", "neither"},
		{"a.b..", "neither"},
		{"under_score", "neither"},
		{"b\xc3\xbc"
		 "cher.example",
		 "neither"},
		{"host name", "white space"},
		{"host\x1b[2J", "neither"},
		{"*.example", "neither"},
		{"host.example/24", "no prefix length"},
		{"host.example/tcp", "no prefix length"},
		{"host.example/24:443", "no prefix length"},
		{"host.example:0", "1 to 65535"},
		{"host.example.7", "not an IPv4 address"},
		{L63 "x", "neither"},
		{"a." L63 "x.b", "neither"},
		{N253 "x", "at most 253"},
		{N253 ".", "at most 253"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct error err = {};
		struct entry e;

		assert_int_equal(entry_parse(rows[i].text, &e, &err), -EINVAL);
		if (!strstr(err.text, rows[i].why))
			fail_msg("\"%s\" is refused for another reason: %s", rows[i].text,
				 err.text);
		assert_null(strchr(err.text, '\x1b'));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_bad_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
