// SPDX-License-Identifier: BSD-2-Clause
/* The options of `hostiso kill chmod`: what is a rule, and what is told when it is none. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#undef fail /* cmocka's */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include "Kill/killargs.h"

static void signals(void **state)
{
	static const struct {
		const char *text;
		int ret, signal;
	} rows[] = {
		{"KILL", 0, SIGKILL},	 {"SIGTERM", 0, SIGTERM},
		{"sigstop", 0, SIGSTOP}, {"9", 0, 9},
		{"31", 0, 31},		 {"0", -EINVAL, 0},
		{"32", -EINVAL, 0},	 {"-9", -EINVAL, 0},
		{"", -EINVAL, 0},	 {"SIG", -EINVAL, 0},
		{"9x", -EINVAL, 0},	 {"KILLER", -EINVAL, 0},
		{"\033[2J", -EINVAL, 0},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct error err = {};
		int got = 0;

		assert_int_equal(kill_signal_parse(rows[i].text, &got, &err), rows[i].ret);
		assert_int_equal(got, rows[i].signal);
		assert_int_equal(err.text[0] != 0, rows[i].ret != 0);
		assert_null(strchr(err.text, '\033'));
	}
}

static void adds(void **state)
{
	static const struct {
		const char *text;
		int ret;
		__u32 bits;
	} rows[] = {
		{"x", 0, 0111},	    {"w", 0, 0002},    {"s", 0, 06000},	  {"xws", 0, 06113},
		{"x,s", 0, 06111},  {"", -EINVAL, 0},  {",", -EINVAL, 0}, {"r", -EINVAL, 0},
		{"xr", -EINVAL, 0}, {"X", -EINVAL, 0},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct error err = {};
		__u32 bits = 0;

		assert_int_equal(kill_adds_parse(rows[i].text, &bits, &err), rows[i].ret);
		assert_int_equal(bits, rows[i].bits);
	}
}

static void masks(void **state)
{
	static const struct {
		const char *text;
		int ret;
		__u32 bits;
	} rows[] = {
		{"111", 0, 0111},  {"0111", 0, 0111},	  {"7777", 0, 07777},
		{"0", -EINVAL, 0}, {"10000", -EINVAL, 0}, {"8", -EINVAL, 0},
		{"", -EINVAL, 0},  {"-1", -EINVAL, 0},	  {"11x", -EINVAL, 0},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct error err = {};
		__u32 bits = 0;

		assert_int_equal(kill_mask_parse(rows[i].text, &bits, &err), rows[i].ret);
		assert_int_equal(bits, rows[i].bits);
	}
}

/* A whole command line: -EINVAL and words of the line, or 0. */
static void lines(void **state)
{
	static const struct {
		const char *words[8];
		int ret;
		const char *said;
	} rows[] = {
		{{"kill"}, -EINVAL, "empty rule"},
		{{"kill", "--enforce"}, -EINVAL, "empty rule"},
		{{"kill", "--type", "f"}, -EINVAL, "empty rule"},
		{{"kill", "--created"}, -EINVAL, "empty rule"},
		{{"kill", "--any"}, 0, ""},
		{{"kill", "--path", "/tmp"}, 0, ""},
		{{"kill", "--adds", "x"}, 0, ""},
		{{"kill", "--path", ""}, -EINVAL, "empty value"},
		{{"kill", "--uid", "x"}, -EINVAL, "--uid"},
		{{"kill", "--uid", "-1"}, -EINVAL, "--uid"},
		{{"kill", "--uid", "4294967295"}, -EINVAL, "--uid"},
		{{"kill", "--tree", "12monkeys"}, -EINVAL, "--tree"},
		{{"kill", "--any", "--audit", "--enforce"}, -EINVAL, "exclude"},
		{{"kill", "--any", "--deny-only"}, -EINVAL, "--enforce"},
		{{"kill", "--any", "--signal", "TERM"}, -EINVAL, "--enforce"},
		{{"kill", "--any", "--enforce", "--deny-only", "--thread"}, -EINVAL, "no signal"},
		{{"kill", "--any", "--max-kills", "5/minute"}, -EINVAL, "--max-kills"},
		{{"kill", "--any", "--max-kills", "5/second"}, 0, ""},
		{{"kill", "--any", "--for", "yes"}, -EINVAL, "yes"},
		{{"kill", "--any", "--provider", "magic"}, -EINVAL, "--provider"},
		{{"kill", "--any", "--type", "fz"}, -EINVAL, "--type"},
		{{"kill", "/tmp"}, -EINVAL, "--path"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct kill_request r;
		char words[8][32], *argv[9] = {};
		int argc = 0, ret;

		for (; rows[i].words[argc]; argc++) {
			strcpy(words[argc], rows[i].words[argc]);
			argv[argc] = words[argc];
		}
		kill_request_init(&r);
		assert_int_equal(argp_parse(&kill_argp, argc, argv, 0, NULL, &r), 0);
		ret = r.error.text[0] ? -EINVAL : kill_request_check(&r);
		if (ret != rows[i].ret || !strstr(r.error.text, rows[i].said))
			print_error("row %zu: %d, '%s'\n", i, ret, r.error.text);
		assert_int_equal(ret, rows[i].ret);
		assert_non_null(strstr(r.error.text, rows[i].said));
	}
}

static void what_it_asks_for(void **state)
{
	char *argv[] = {"kill", "--path",    "/tmp",  "--adds",	     "x",   "--uid", "7", "--owner",
			"0",	"--enforce", "--any", "--max-kills", "3/s", "--for", "1h"};
	struct kill_request r;

	kill_request_init(&r);
	assert_int_equal(argp_parse(&kill_argp, 15, argv, 0, NULL, &r), 0);
	assert_int_equal(kill_request_check(&r), 0);
	assert_int_equal(r.value_count, 3);
	assert_int_equal(r.values[1].dim, KILL_DIM_UID);
	assert_int_equal(r.values[1].number, 7);
	assert_int_equal(r.bits, 0111);
	assert_int_equal(r.types, 1 << 8); /* regular files, when nothing else was asked */
	assert_int_equal(r.flags, KILL_ENFORCE);
	assert_true(r.any);
	assert_int_equal(r.max_kills, 3);
	assert_int_equal(r.for_ns, 3600000000000ULL);
	assert_int_equal(r.signal, SIGKILL);
	assert_string_equal(r.text, "--path /tmp --adds x --uid 7 --owner 0 --any --max-kills 3/s");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signals),
		cmocka_unit_test(adds),
		cmocka_unit_test(masks),
		cmocka_unit_test(lines),
		cmocka_unit_test(what_it_asks_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
