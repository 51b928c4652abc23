// SPDX-License-Identifier: BSD-2-Clause
/* What hostiso watch has said, and when what it could not mend is worth another attempt. */
#include "HostIsolation/told.h"

/* FNV-1a. */
static __u64 hash_of(const char *line)
{
	__u64 hash = 0xcbf29ce484222325ULL;

	for (; *line; line++)
		hash = (hash ^ (unsigned char)*line) * 0x100000001b3ULL;
	return hash;
}

static bool known(const struct told *t, __u64 hash)
{
	for (size_t i = 0; i < t->count; i++)
		if (t->lines[i] == hash)
			return true;
	return false;
}

void told_keep(struct told *t, const char *const *lines, size_t count)
{
	struct told now = {.tries = t->tries, .error = t->error, .next_ms = t->next_ms};

	for (size_t i = 0; i < count && now.count < TOLD_MAX; i++) {
		__u64 hash = hash_of(lines[i]);

		if (known(t, hash) && !known(&now, hash))
			now.lines[now.count++] = hash;
	}
	*t = now;
}

bool told_knows(const struct told *t, const char *line)
{
	return t->count == TOLD_MAX || known(t, hash_of(line));
}

bool told_news(struct told *t, const char *line)
{
	__u64 hash = hash_of(line);

	if (t->count == TOLD_MAX || known(t, hash))
		return false;
	t->lines[t->count++] = hash;
	return true;
}

bool told_error(struct told *t, const char *line)
{
	__u64 hash = line ? hash_of(line) : 0;
	bool news = hash && hash != t->error;

	t->error = hash;
	return news;
}

bool told_due(const struct told *t, __u64 now_ms)
{
	return now_ms >= t->next_ms;
}

void told_tried(struct told *t, bool news, __u64 now_ms, __u64 step_ms, __u64 most_ms)
{
	__u64 wait;

	if (news)
		t->tries = 0;
	wait = step_ms << (t->tries < 16 ? t->tries : 16);
	t->next_ms = now_ms + (wait < most_ms ? wait : most_ms);
	t->tries++;
}

void told_forget(struct told *t)
{
	*t = (struct told){};
}
