// SPDX-License-Identifier: BSD-2-Clause
/* A match of the kill hook, as one line of JSON. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include "Kill/killevent.h"
#include "Kill/killguards.h"
#include "Kill/killhooks.h"

static const char *const effect_words[KILL_EFFECT_COUNT] = {
	[KILL_ATTEMPTED] = "attempted",
	[KILL_PREVENTED] = "prevented",
	[KILL_COMPLETED] = "completed",
};

static void word(struct json *j, const char *key, const char *value)
{
	json_lit(j, ",\"");
	json_bytes(j, key, strlen(key));
	json_lit(j, "\":");
	json_string(j, value, strlen(value));
}

static void number(struct json *j, const char *key, __s64 value)
{
	json_lit(j, ",\"");
	json_bytes(j, key, strlen(key));
	json_lit(j, "\":");
	json_i64(j, value);
}

/* As the tracer prints modes: octal digits, with the file type, as a bare number. */
static void mode(struct json *j, const char *key, __u32 value)
{
	json_lit(j, ",\"");
	json_bytes(j, key, strlen(key));
	json_lit(j, "\":");
	json_octal(j, value);
}

int kill_event_path(const struct kill_event *e, char *out)
{
	__u32 end = e->path_len;
	size_t n = 0;

	if (end > KILL_PATH_ROOM || (end && e->path[end - 1]))
		return -EINVAL;
	if (!end)
		out[n++] = '/';
	while (end) {
		__u32 begin = end - 1;

		while (begin && e->path[begin - 1])
			begin--;
		out[n++] = '/';
		memcpy(out + n, e->path + begin, end - 1 - begin);
		n += end - 1 - begin;
		end = begin;
	}
	out[n] = 0;
	return n;
}

static bool sound(const struct kill_event *e, size_t size)
{
	return size >= sizeof(*e) && e->way < KILL_WAY_COUNT && e->door < KILL_DOOR_COUNT &&
	       e->effect < KILL_EFFECT_COUNT && e->guard < KILL_GUARD_COUNT;
}

static void text(struct json *j, const char *key, const char *s, size_t n)
{
	json_lit(j, ",\"");
	json_bytes(j, key, strlen(key));
	json_lit(j, "\":");
	if (!json_string(j, s, n))
		return;
	json_lit(j, ",\"");
	json_bytes(j, key, strlen(key));
	json_lit(j, "_b64\":");
	json_base64(j, s, n);
}

static void outcome(struct json *j, const struct kill_event *e)
{
	static const char *const sent[] = {"sent", "EPERM", "EBUSY", "failed"};

	word(j, "effect", effect_words[e->effect]);
	word(j, "action",
	     e->guard && e->effect == KILL_PREVENTED ? "deny"
	     : e->guard				     ? "spared"
	     : e->flags & KILL_FELL_BACK	     ? "fell back to audit"
	     : !(e->flags & KILL_ENFORCED)	     ? "audit"
	     : e->rule_flags & KILL_DENY_ONLY	     ? "deny"
	     : e->effect == KILL_PREVENTED	     ? "deny+signal"
						     : "signal");
	if (e->guard)
		word(j, "spared", kill_guard_words[e->guard]);
	if (e->flags & KILL_SENT) {
		number(j, "signal", e->signal);
		word(j, "signal_result",
		     sent[!e->result		? 0
			  : e->result == -EPERM ? 1
			  : e->result == -EBUSY ? 2
						: 3]);
	}
	word(j, "provider", kill_way_words[e->way]);
	word(j, "door", kill_door_words[e->door]);
}

int kill_event_json(struct json *j, const void *data, size_t size)
{
	const struct kill_event *e = data;
	char path[KILL_PATH_ROOM + 2];
	int n;

	if (size < sizeof(*e) || !sound(e, size))
		return -EINVAL;
	n = kill_event_path(e, path);
	if (n < 0)
		return n;
	json_lit(j, "{\"event_type\":\"KILL_CHMOD\"");
	number(j, "rule", e->rule);
	json_lit(j, ",\"pids\":{\"tid\":");
	json_u64(j, e->tid);
	number(j, "tgid", e->tgid);
	number(j, "ppid", e->ppid);
	number(j, "start_time_ns", e->start_time_ns);
	json_char(j, '}');
	number(j, "uid", e->uid);
	text(j, "comm", e->comm, strnlen(e->comm, sizeof(e->comm)));
	outcome(j, e);
	if (e->flags & KILL_HAS_OLD)
		mode(j, "old_mode", e->old_mode);
	mode(j, "requested_mode", e->requested);
	if (e->flags & KILL_HAS_NEW)
		mode(j, "new_mode", e->new_mode);
	else if (e->effect == KILL_PREVENTED && e->flags & KILL_HAS_OLD)
		mode(j, "new_mode", e->old_mode);
	number(j, "owner", e->owner);
	number(j, "inode", e->ino);
	number(j, "dev_major", e->dev >> 20);
	number(j, "dev_minor", e->dev & 0xfffff);
	text(j, "path", path, n);
	if (e->flags & KILL_PATH_CUT)
		json_lit(j, ",\"path_cut\":true");
	if (e->flags & KILL_PATH_OUTSIDE)
		json_lit(j, ",\"path_unreachable\":true");
	json_lit(j, ",\"ts_boot_ns\":");
	json_u64(j, e->ts_boot_ns);
	json_lit(j, "}\n");
	return 0;
}
