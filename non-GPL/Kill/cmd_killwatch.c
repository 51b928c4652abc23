// SPDX-License-Identifier: BSD-2-Clause
/*
 * hostiso kill watch: prints matches, and for rules with --revert puts the old mode back where it
 * could not be refused. No rule depends on it.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <bpf/libbpf.h>
#include "HostIsolation/cleanup.h"
#include "HostIsolation/process.h"
#include "Kill/killevent.h"
#include "Kill/killrevert.h"
#include "Kill/killverbs.h"

static volatile sig_atomic_t ended;

static void on_signal(int sig)
{
	ended = sig;
}

struct watch {
	char line[KILL_LINE_ROOM];
	unsigned long long damaged;
	bool told;
};

static int on_event(void *arg, void *data, size_t size)
{
	struct watch *w = arg;
	struct json j = {.p = w->line, .start = w->line, .end = w->line + sizeof(w->line)};
	const struct kill_event *e = data;

	if (kill_event_json(&j, data, size) < 0) {
		w->damaged++;
		return 0;
	}
	fwrite(w->line, 1, j.p - w->line, stdout);
	if (e->flags & KILL_ENFORCED && kill_revert_wanted(e)) {
		int ret = kill_revert(e);

		printf("{\"event_type\":\"KILL_REVERT\",\"rule\":%u,\"inode\":%llu,\"mode\":%o,\"result\":\"%s\"}\n",
		       e->rule, e->ino, e->old_mode & 07777, ret < 0 ? strerror(-ret) : "done");
	}
	return 0;
}

static int watch(struct kill_store *s, struct error *err)
{
	static struct watch w;
	struct ring_buffer *ring = ring_buffer__new(s->fd[KILL_MAP_kill_ring], on_event, &w, NULL);
	int ret = 0;

	if (kill_watched(s)) {
		ring_buffer__free(ring);
		return fail(err, -EBUSY, "pid %u watches already; each match goes to one reader",
			    s->state->watcher);
	}
	if (!ring)
		return fail(err, -errno, "cannot open the ring of matches: %s", strerror(errno));
	s->state->watcher_start = process_start(getpid());
	s->state->watcher = getpid();
	while (!ended && ret >= 0 && kill_store_stands(s)) {
		ret = ring_buffer__poll(ring, 200);
		if (ret == -EINTR)
			ret = 0;
		fflush(stdout);
		if (ferror(stdout))
			ret = fail(err, -EIO, "cannot write what happened: %s", strerror(errno));
	}
	if (ret >= 0)
		ring_buffer__consume(ring);
	s->state->watcher = 0;
	fflush(stdout);
	if (s->state->events_lost || w.damaged)
		fprintf(stderr, "hostiso: %llu matches were acted on but not told, %llu damaged\n",
			s->state->events_lost, w.damaged);
	ring_buffer__free(ring);
	return ret < 0 ? ret : 0;
}

int kill_watch(int argc, char **argv)
{
	const struct argp argp = {
		.doc = "Print matches as JSON, one a line, until ended or until the last rule is; one reader at a time. Puts modes back for rules with --revert.",
		.children = COMMON_CHILDREN};
	struct sigaction action = {.sa_handler = on_signal};
	struct kill_store s = KILL_STORE_INIT;
	struct common common = {};
	struct error err = {};
	int ret;

	if (verb_parse(&argp, argc, argv, &common, &common))
		return EXIT_MISUSED;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	ret = kill_store_open(&s, &common, SESSION_READ, &err);
	if (ret == 0 && !s.have)
		ret = fail(&err, -ENOENT, "no rules are armed; arm one: hostiso kill chmod --help");
	if (ret == 0)
		ret = watch(&s, &err);
	kill_store_close(&s);
	return ret < 0 ? complain(&err, misuse_or_failure(ret)) : EXIT_DONE;
}
