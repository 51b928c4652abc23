// SPDX-License-Identifier: BSD-2-Clause
/* Host names and resolvers. The answers of getaddrinfo(3) are made here: no network is asked. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include "HostIsolation/resolve.h"
#include "tmpdir.h"

#define COUNT(rows) (sizeof(rows) / sizeof(*(rows)))

/* What the next getaddrinfo() answers: addresses with a space between, or an EAI_* code. */
static const char *answer;
static int answer_code, answer_errno;
static char asked[HOST_NAME_MAX_LEN + 1];
static int out_there; /* lists not yet freed */

static struct addrinfo *make_answer(const char *text)
{
	struct sockaddr_storage *s = calloc(1, sizeof(*s));
	struct sockaddr_in6 *s6 = (void *)s;
	struct sockaddr_in *s4 = (void *)s;
	struct addrinfo *a = calloc(1, sizeof(*a));

	assert_true(a && s);
	a->ai_addr = (struct sockaddr *)s;
	if (inet_pton(AF_INET, text, &s4->sin_addr) == 1)
		a->ai_family = AF_INET;
	else if (inet_pton(AF_INET6, text, &s6->sin6_addr) == 1)
		a->ai_family = AF_INET6;
	else
		a->ai_family = AF_UNIX; /* "other" */
	s->ss_family = a->ai_family;
	s6->sin6_scope_id = a->ai_family == AF_INET6 ? 7 : 0;
	return a;
}

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
		struct addrinfo **out)
{
	struct addrinfo **next = out;
	char text[1024], *save, *one;

	snprintf(asked, sizeof(asked), "%s", name);
	assert_null(service);
	assert_int_equal(hints->ai_family, AF_UNSPEC);
	assert_int_equal(hints->ai_flags, 0); /* AI_ADDRCONFIG would leave out a family */
	if (answer_code) {
		errno = answer_errno;
		return answer_code;
	}
	snprintf(text, sizeof(text), "%s", answer);
	for (one = strtok_r(text, " ", &save); one; one = strtok_r(NULL, " ", &save)) {
		*next = make_answer(one);
		next = &(*next)->ai_next;
	}
	*next = NULL;
	out_there++;
	return 0;
}

void freeaddrinfo(struct addrinfo *a)
{
	out_there--;
	while (a) {
		struct addrinfo *next = a->ai_next;

		free(a->ai_addr);
		free(a);
		a = next;
	}
}

/* All entries, with a space between; "NAME=" before those that have one. */
static void assert_entries(const struct entry_vec *v, const char *want)
{
	char got[4096] = "", text[ENTRY_TEXT_MAX];

	for (size_t i = 0; i < v->count; i++) {
		size_t n = strlen(got);

		entry_format(&v->items[i].key, text, sizeof(text));
		snprintf(got + n, sizeof(got) - n, "%s%s%s%s", i ? " " : "", v->items[i].name,
			 v->items[i].name[0] ? "=" : "", text);
	}
	assert_string_equal(got, want);
}

static int resolve(const char *entry, struct entry_vec *out, struct error *err)
{
	struct entry e;
	int ret;

	assert_int_equal(entry_parse(entry, &e, err), 0);
	ret = resolve_entry(&e, out, err);
	assert_int_equal(out_there, 0);
	return ret;
}

static void test_addresses(void **state)
{
	static const struct {
		const char *entry, *answer, *want;
	} rows[] = {
		{"h", "10.0.0.5", "h=10.0.0.5"},
		{"h", "2001:db8::1", "h=2001:db8::1"},
		{"h", "10.0.0.5 2001:db8::1 10.0.0.6", "h=10.0.0.5 h=2001:db8::1 h=10.0.0.6"},
		{"H.Example:443/tcp", "10.0.0.5 2001:db8::1",
		 "h.example=10.0.0.5:443/tcp h.example=[2001:db8::1]:443/tcp"},
		{"in:h:22", "10.0.0.5", "h=in:10.0.0.5:22"},
		{"out:h", "10.0.0.5", "h=out:10.0.0.5"},
		{"h", "10.0.0.5 10.0.0.5 10.0.0.5", "h=10.0.0.5"},
		{"h", "::ffff:10.0.0.5", "h=10.0.0.5"}, /* on the wire it is IPv4 */
		{"h", "::ffff:10.0.0.5 10.0.0.5", "h=10.0.0.5"},
		{"h", "fe80::1", "h=fe80::1"}, /* its zone is dropped */
		{"h", "0.0.0.0 10.0.0.5 ::", "h=10.0.0.5"},
		{"h", "other 10.0.0.5", "h=10.0.0.5"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct entry_vec v = {};
		struct error err = {};

		answer = rows[i].answer;
		answer_code = 0;
		if (resolve(rows[i].entry, &v, &err))
			fail_msg("row %zu: %s", i, err.text);
		assert_entries(&v, rows[i].want);
		entry_vec_free(&v);
	}
	assert_string_equal(asked, "h");
}

static void test_a_number_asks_nobody(void **state)
{
	struct entry_vec v = {};
	struct error err = {};

	answer_code = EAI_FAIL;
	assert_int_equal(resolve("10.0.0.0/8", &v, &err), 0);
	assert_int_equal(resolve("in:[2001:db8::1]:22/tcp", &v, &err), 0);
	assert_entries(&v, "10.0.0.0/8 in:[2001:db8::1]:22/tcp");
	entry_vec_free(&v);
}

static void test_two_names_one_address(void **state)
{
	struct entry_vec v = {};
	struct error err = {};

	answer_code = 0;
	answer = "10.0.0.5";
	assert_int_equal(resolve("a", &v, &err), 0);
	assert_int_equal(resolve("b", &v, &err), 0);
	assert_entries(&v, "a=10.0.0.5 b=10.0.0.5"); /* each name keeps its own */
	entry_vec_free(&v);
}

static void test_unknown(void **state)
{
	static const struct {
		int code, number;
		const char *answer, *why;
		int ret;
	} rows[] = {
		{EAI_NONAME, 0, NULL, "\"h\" does not resolve: ", -ENOENT},
		{EAI_AGAIN, 0, NULL, "\"h\" does not resolve: ", -ENOENT},
		{EAI_SYSTEM, EMFILE, NULL, "Too many open files", -ENOENT},
		{EAI_MEMORY, 0, NULL, "\"h\" does not resolve: ", -ENOMEM},
		{0, 0, "", "no address that can be reached", -ENOENT},
		{0, 0, "0.0.0.0", "no address that can be reached", -ENOENT},
		{0, 0, ":: 0.0.0.0", "no address that can be reached", -ENOENT},
		{0, 0, "::ffff:0.0.0.0", "no address that can be reached", -ENOENT},
		{0, 0, "other", "no address that can be reached", -ENOENT},
	};
	struct entry_vec v = {};

	answer_code = 0;
	answer = "10.0.0.1";
	assert_int_equal(resolve("before", &v, NULL), 0);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct error err = {};

		answer = rows[i].answer;
		answer_code = rows[i].code;
		answer_errno = rows[i].number;
		assert_int_equal(resolve("h", &v, &err), rows[i].ret);
		if (!strstr(err.text, rows[i].why) || !strstr(err.text, "give its address instead"))
			fail_msg("row %zu: %s", i, err.text);
		assert_entries(&v, "before=10.0.0.1");
	}
	entry_vec_free(&v);
}

static void test_resolv_conf(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{"", ""},
		{"nameserver 10.0.0.53\n", "10.0.0.53"},
		{"nameserver 10.0.0.53", "10.0.0.53"},
		{"# c\nsearch example\nnameserver\t 10.0.0.53  # c\noptions edns0\n", "10.0.0.53"},
		{"nameserver 10.0.0.53\r\nnameserver 10.0.0.54\r\n", "10.0.0.53 10.0.0.54"},
		{"nameserver 2001:db8::53\n", "2001:db8::53"},
		{"nameserver 2001:db8::53\r\n", "2001:db8::53"},
		{"nameserver fe80::1%eth0\n", "fe80::1"},
		{"nameserver fe80::1%averyveryverylongname0123\n", "fe80::1"},
		{"nameserver ::ffff:10.0.0.53\n", "10.0.0.53"},
		{"nameserver 127.0.0.53\n", "127.0.0.53"},
		{"nameserver 10.0.53\n", "10.0.0.53"}, /* as inet_aton(3), hence glibc, has it */
		{"#nameserver 10.0.0.53\n;nameserver 10.0.0.54\n", ""},
		{" nameserver 10.0.0.53\n", ""}, /* not in the first column: glibc skips it */
		{"nameserver\n", ""},
		{"nameserver \n", ""},
		{"nameserver10.0.0.53\n", ""},
		{"nameservers 10.0.0.53\n", ""},
		{"Nameserver 10.0.0.53\n", ""},
		{"nameserver dns.example\n", ""},
		{"nameserver 10.0.0.256\n", ""},
		{"nameserver 10.0.0.53:53\n", ""},
		{"nameserver 10.0.0.53/8\n", ""},
		{"nameserver "
		 "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000\n",
		 ""},
		{"nameserver bad\nnameserver 10.0.0.1\nnameserver 10.0.0.2\nnameserver 10.0.0.3\n"
		 "nameserver 10.0.0.4\n",
		 "10.0.0.1 10.0.0.2 10.0.0.3"},
		{"nameserver 10.0.0.1\nnameserver 10.0.0.1\nnameserver 10.0.0.3\n"
		 "nameserver 10.0.0.4\n",
		 "10.0.0.1 10.0.0.3"}, /* three lines are read */
		{"nam", ""},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		size_t n = strlen(rows[i].text);
		char *exact = malloc(n ? n : 1); /* no NUL behind it */
		struct entry_vec v = {};

		assert_non_null(exact);
		memcpy(exact, rows[i].text, n);
		assert_int_equal(resolvconf_parse(exact, n, &v), 0);
		assert_entries(&v, rows[i].want);
		free(exact);
		entry_vec_free(&v);
	}
}

/* Writes etc/resolv.conf and what else the row has below a root of its own, and asks. */
struct files {
	const char *resolv_conf;
	const char *path[3], *text[3];
	const char *want; /* NULL: none is found */
};

static void assert_resolvers(const struct files *f, size_t row)
{
	struct entry_vec v = {};
	struct error err = {};
	char root[32], name[256];

	snprintf(root, sizeof(root), "root%zu", row);
	snprintf(name, sizeof(name), "%s/etc/resolv.conf", root);
	if (f->resolv_conf)
		tmp_text(name, f->resolv_conf);
	for (int i = 0; i < 3 && f->path[i]; i++) {
		snprintf(name, sizeof(name), "%s%s", root, f->path[i]);
		tmp_text(name, f->text[i]);
	}
	if (f->want) {
		if (resolvers_find(tmp_path(root), &v, &err))
			fail_msg("row %zu: %s", row, err.text);
		assert_entries(&v, f->want);
	} else {
		assert_int_equal(resolvers_find(tmp_path(root), &v, &err), -ENOENT);
		assert_non_null(strstr(err.text, "found no DNS server"));
		assert_int_equal(v.count, 0);
	}
	entry_vec_free(&v);
}

#define RESOLVED "/run/systemd/resolve/resolv.conf"
#define MANAGER "/run/NetworkManager/no-stub-resolv.conf"
#define DNS(a) a ":53/udp " a ":53/tcp"

static void test_resolvers(void **state)
{
	static const struct files rows[] = {
		{.resolv_conf = "nameserver 10.0.0.53\n", .want = DNS("10.0.0.53")},
		{.resolv_conf = "nameserver 2001:db8::53\nnameserver 10.0.0.53\n",
		 .want = DNS("[2001:db8::53]") " " DNS("10.0.0.53")},
		/* real ones beside a stub: the stub's files are not asked */
		{.resolv_conf = "nameserver 127.0.0.1\nnameserver 10.0.0.53\n",
		 .path = {RESOLVED},
		 .text = {"nameserver 10.0.0.99\n"},
		 .want = DNS("10.0.0.53")},
		{.resolv_conf = "nameserver 127.0.0.53\n",
		 .path = {RESOLVED},
		 .text = {"nameserver 10.0.0.1\nnameserver 10.0.0.2\nnameserver 10.0.0.3\n"
			  "nameserver 10.0.0.4\n"}, /* a stub asks all of them */
		 .want = DNS("10.0.0.1") " " DNS("10.0.0.2") " " DNS("10.0.0.3") " " DNS(
			 "10.0.0.4")},
		{.resolv_conf = "nameserver ::1\n",
		 .path = {MANAGER, "/run/dnsmasq/resolv.conf", "/run/resolvconf/resolv.conf"},
		 .text = {"nameserver 10.0.0.1\n", "nameserver 10.0.0.2\n",
			  "nameserver 10.0.0.1\nnameserver 127.0.0.1\n"},
		 .want = DNS("10.0.0.1") " " DNS("10.0.0.2")},
		{.resolv_conf = "nameserver 127.0.0.1\n",
		 .path = {"/var" RESOLVED, "/var" MANAGER, "/var/run/dnsmasq/resolv.conf"},
		 .text = {"nameserver 10.0.0.1\n", "nameserver 10.0.0.2\n",
			  "nameserver 10.0.0.3\n"},
		 .want = DNS("10.0.0.1") " " DNS("10.0.0.2") " " DNS("10.0.0.3")},
		/* no line, no file, 0.0.0.0: all three mean this host */
		{.resolv_conf = "search example\n",
		 .path = {RESOLVED},
		 .text = {"nameserver 10.0.0.1\n"},
		 .want = DNS("10.0.0.1")},
		{.path = {RESOLVED}, .text = {"nameserver 10.0.0.1\n"}, .want = DNS("10.0.0.1")},
		{.resolv_conf = "nameserver 0.0.0.0\n",
		 .path = {RESOLVED},
		 .text = {"nameserver 10.0.0.1\n"},
		 .want = DNS("10.0.0.1")},
		{.resolv_conf = "nameserver 127.0.0.53\n"},
		{.resolv_conf = "nameserver 127.0.0.53\n",
		 .path = {RESOLVED},
		 .text = {"nameserver 127.0.0.1\n"}},
		{.resolv_conf = NULL},
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		assert_resolvers(&rows[i], i);
}

static void test_resolvers_append(void **state)
{
	struct entry_vec v = {};
	struct entry e;

	tmp_text("append/etc/resolv.conf", "nameserver 10.0.0.53\n");
	assert_int_equal(entry_parse("10.0.0.5", &e, NULL), 0);
	assert_int_equal(entry_vec_push(&v, &e), 0);
	assert_int_equal(resolvers_find(tmp_path("append"), &v, NULL), 0);
	assert_entries(&v, "10.0.0.5 " DNS("10.0.0.53"));
	assert_int_equal(resolvers_find(tmp_path("nothing"), &v, NULL), -ENOENT);
	assert_entries(&v, "10.0.0.5 " DNS("10.0.0.53"));
	entry_vec_free(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_a_number_asks_nobody),
		cmocka_unit_test(test_two_names_one_address),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_resolv_conf),
		cmocka_unit_test(test_resolvers),
		cmocka_unit_test(test_resolvers_append),
	};

	return cmocka_run_group_tests(tests, tmp_make, tmp_remove);
}
