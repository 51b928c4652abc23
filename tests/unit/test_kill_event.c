// SPDX-License-Identifier: BSD-2-Clause
/* Matches of the kill hook as JSON, damaged and hostile ones among them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#undef fail /* cmocka's */
#include <errno.h>
#include <string.h>
#include <json-c/json.h>
#include "Kill/killevent.h"

static struct kill_event event(const char *names, size_t size)
{
	struct kill_event e = {.rule = 3,
			       .flags = KILL_HAS_OLD | KILL_ENFORCED | KILL_SENT,
			       .way = KILL_WAY_MODRET,
			       .effect = KILL_PREVENTED,
			       .signal = 9,
			       .old_mode = 0100644,
			       .requested = 0755,
			       .ino = 77,
			       .dev = 8 << 20 | 1,
			       .comm = "sh",
			       .path_len = size};

	memcpy(e.path, names, size);
	return e;
}

/* The line as an object; NULL when it was refused. */
static struct json_object *line(const struct kill_event *e, size_t size)
{
	static char buf[KILL_LINE_ROOM];
	struct json j = {.p = buf, .start = buf, .end = buf + sizeof(buf)};
	struct json_object *o;

	if (kill_event_json(&j, e, size) < 0) {
		assert_ptr_equal(j.p, buf);
		return NULL;
	}
	assert_int_equal(j.p[-1], '\n');
	assert_null(memchr(buf, '\033', j.p - buf));
	*j.p = 0;
	o = json_tokener_parse(buf);
	assert_non_null(o);
	return o;
}

static const char *text(struct json_object *o, const char *key)
{
	struct json_object *v;

	return json_object_object_get_ex(o, key, &v) ? json_object_get_string(v) : "";
}

static void fields(void **state)
{
	struct kill_event e = event("f\0dir\0tmp", 10);
	struct json_object *o = line(&e, sizeof(e));

	assert_string_equal(text(o, "path"), "/tmp/dir/f");
	assert_string_equal(text(o, "effect"), "prevented");
	assert_string_equal(text(o, "action"), "deny+signal");
	assert_string_equal(text(o, "signal_result"), "sent");
	assert_string_equal(text(o, "old_mode"), "100644");
	assert_string_equal(text(o, "requested_mode"), "755");
	assert_string_equal(text(o, "new_mode"), "100644"); /* as it was: it was refused */
	assert_string_equal(text(o, "provider"), "fmod_ret");
	assert_string_equal(text(o, "dev_major"), "8");
	json_object_put(o);
}

static void actions(void **state)
{
	static const struct {
		__u32 flags, rule_flags, effect, guard;
		__s32 result;
		const char *action, *sent;
	} rows[] = {
		{0, 0, KILL_ATTEMPTED, 0, 0, "audit", ""},
		{KILL_ENFORCED | KILL_SENT, KILL_ENFORCE, KILL_COMPLETED, 0, 0, "signal", "sent"},
		{KILL_ENFORCED | KILL_SENT, KILL_ENFORCE, KILL_COMPLETED, 0, -EPERM, "signal",
		 "EPERM"},
		{KILL_ENFORCED | KILL_SENT, KILL_ENFORCE, KILL_COMPLETED, 0, -EBUSY, "signal",
		 "EBUSY"},
		{KILL_ENFORCED | KILL_SENT, KILL_ENFORCE, KILL_COMPLETED, 0, -1234, "signal",
		 "failed"},
		{KILL_ENFORCED, KILL_ENFORCE | KILL_DENY_ONLY, KILL_PREVENTED, 0, 0, "deny", ""},
		{KILL_ENFORCED | KILL_FELL_BACK, KILL_ENFORCE, KILL_ATTEMPTED, 0, 0,
		 "fell back to audit", ""},
		{KILL_ENFORCED, KILL_ENFORCE, KILL_ATTEMPTED, KILL_GUARD_PACKAGES, 0, "spared", ""},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct kill_event e = event("f", 2);
		struct json_object *o;

		e.flags = rows[i].flags;
		e.rule_flags = rows[i].rule_flags;
		e.effect = rows[i].effect;
		e.guard = rows[i].guard;
		e.result = rows[i].result;
		o = line(&e, sizeof(e));
		assert_string_equal(text(o, "action"), rows[i].action);
		assert_string_equal(text(o, "signal_result"), rows[i].sent);
		assert_string_equal(text(o, "spared"), rows[i].guard ? "package-manager" : "");
		json_object_put(o);
	}
}

static void hostile(void **state)
{
	struct kill_event e = event("\033[2J\"\\\377", 8);
	struct json_object *o;

	memset(e.comm, '\033', sizeof(e.comm)); /* no NUL */
	o = line(&e, sizeof(e));
	assert_int_equal(strlen(text(o, "comm")), 16);
	assert_string_equal(text(o, "path_b64"), "LxtbMkoiXP8=");
	json_object_put(o);

	/* the most that a line can grow to */
	memset(e.path, 1, sizeof(e.path));
	e.path_len = KILL_PATH_ROOM;
	e.path[KILL_PATH_ROOM - 1] = 0;
	json_object_put(line(&e, sizeof(e)));
	for (int i = 1; i < KILL_PATH_ROOM; i += 2)
		e.path[i] = 0;
	memset(e.comm, 0xff, sizeof(e.comm));
	json_object_put(line(&e, sizeof(e)));
}

static void damaged(void **state)
{
	struct kill_event good = event("f", 2), e;

	assert_null(line(&good, sizeof(good) - 1));
	assert_null(line(&good, 0));
	e = good;
	e.path_len = KILL_PATH_ROOM + 1;
	assert_null(line(&e, sizeof(e)));
	e = good;
	e.path_len = 1; /* no NUL at its end */
	assert_null(line(&e, sizeof(e)));
	e = good;
	e.way = KILL_WAY_COUNT;
	assert_null(line(&e, sizeof(e)));
	e = good;
	e.door = KILL_DOOR_COUNT;
	assert_null(line(&e, sizeof(e)));
	e = good;
	e.effect = KILL_EFFECT_COUNT;
	assert_null(line(&e, sizeof(e)));
	e = good;
	e.guard = KILL_GUARD_COUNT;
	assert_null(line(&e, sizeof(e)));
}

static void root(void **state)
{
	struct kill_event e = event("", 0);
	struct json_object *o = line(&e, sizeof(e));

	assert_string_equal(text(o, "path"), "/");
	json_object_put(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields),  cmocka_unit_test(actions), cmocka_unit_test(hostile),
		cmocka_unit_test(damaged), cmocka_unit_test(root),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
