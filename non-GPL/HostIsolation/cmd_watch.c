// SPDX-License-Identifier: BSD-2-Clause
/*
 * hostiso watch: guards devices the moment they are announced (RTNLGRP_LINK), looks every few
 * seconds whether something was torn down, mends it, and says both. Nothing depends on it: what it
 * did stays when it is killed.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <bpf/bpf.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include "HostIsolation/backstop.h"
#include "HostIsolation/cleanup.h"
#include "HostIsolation/guard.h"
#include "HostIsolation/plain.h"
#include "HostIsolation/snapshot.h"
#include "HostIsolation/words.h"

#define CHECK_EVERY_MS 2000 /* removed programs announce themselves to nobody */
#define RETRY_LOOKS 5	    /* looks after which the same complaint is worth another attempt */

/* What was found last, so that it is said once. */
struct told {
	__u64 complaint; /* what complaint_of() gave; TOLD_NOTHING: whatever there is is news */
	unsigned int looks;
};

#define TOLD_NOTHING (~0ULL)

static volatile sig_atomic_t ended;

static void on_signal(int sig)
{
	ended = sig;
}

static void say(const char *line)
{
	char when[32];

	format_time(time(NULL), when, sizeof(when));
	printf("%s %s\n", when, line);
	fflush(stdout);
}

/* The devices that isolate was told to guard, by name: they may have come back with another index.
 */
static size_t named_devices(struct session *s, char names[][16], struct guard_options *o)
{
	__u32 key, *prev = NULL;
	size_t n = 0;

	if (!(s->maps.policy->control & CONTROL_NAMED))
		return 0;
	while (n < DEVICES_ASKED_MAX &&
	       bpf_map_get_next_key(s->maps.fd[MAP_devices], prev, &key) == 0) {
		struct device d;

		if (bpf_map_lookup_elem(s->maps.fd[MAP_devices], &key, &d) == 0) {
			snprintf(names[n], 16, "%s", d.name);
			o->devices[n] = names[n];
			n++;
		}
		prev = &key;
	}
	return n;
}

/* FNV-1a of all its lines; 0 without any. One fault may take another's place: a count would not do.
 */
static __u64 complaint_of(const struct snapshot *snap)
{
	__u64 hash = 0xcbf29ce484222325ULL;

	for (size_t i = 0; i < snap->degraded_count; i++)
		for (const char *c = snap->degraded[i];; c++) {
			hash = (hash ^ (unsigned char)*c) * 0x100000001b3ULL;
			if (!*c)
				break;
		}
	return snap->degraded_count ? hash : 0;
}

static int mend(struct session *s, const struct snapshot *before, bool news, struct error *err)
{
	char names[DEVICES_ASKED_MAX][16];
	struct guard_options o = {.xdp = XDP_AUTO, .force = true};
	struct guard_result res = {};
	struct progs progs = PROGS_INIT;
	struct snapshot after = {};
	bool changed;
	int ret;

	for (size_t i = 0; i < before->degraded_count && news; i++)
		say(before->degraded[i]);
	if (s->maps.plain)
		return plain_follow(&s->maps, err);
	o.device_count = named_devices(s, names, &o);
	/* shut first, then guarded, then let through to the programs */
	ret = backstop_follow(s, &changed, err);
	if (ret == 0)
		ret = guard_attach(&s->pins, &s->maps, &progs, &o, &res, err);
	progs_close(&progs);
	if (ret == 0)
		ret = backstop_follow(s, &changed, err);
	if (ret == 0)
		ret = snapshot_take(s, &after, err);
	if (ret == 0 && after.degraded_count < before->degraded_count)
		say(after.degraded_count ? "mended, in part" : "mended: fully isolated");
	snapshot_free(&after);
	return ret;
}

/* An index counts as guarded whose device is gone: another one could come by it. */
static bool stale(const struct snapshot *snap)
{
	for (size_t g = 0; g < snap->nft.guarded_count; g++) {
		bool there = false;

		for (size_t i = 0; i < snap->device_count; i++)
			there |= snap->devices[i].link.ifindex == snap->nft.guarded[g];
		if (!there)
			return true;
	}
	return false;
}

static bool worth_mending(const struct snapshot *snap, struct told *told, bool *news)
{
	__u64 complaint = complaint_of(snap);

	*news = complaint != told->complaint;
	if (*news || stale(snap))
		return true;
	return complaint && ++told->looks >= RETRY_LOOKS;
}

/* One look; takes the lock only when there is something to do. */
static void look(const struct common *common, struct told *told)
{
	struct session s = SESSION_INIT;
	struct snapshot snap = {};
	struct error err = {};
	bool news;
	int ret = session_open(&s, common, SESSION_READ, &err);

	if (ret == 0 && s.have_maps)
		ret = snapshot_take(&s, &snap, &err);
	if (ret == 0 && s.have_maps && snap.state == STATE_ISOLATED && snap.here &&
	    worth_mending(&snap, told, &news)) {
		session_close(&s);
		s = (struct session)SESSION_INIT;
		ret = session_open(&s, common, SESSION_CHANGE, &err);
		if (ret == 0 && s.have_maps && isolation_state(&s.maps) == STATE_ISOLATED)
			ret = mend(&s, &snap, news, &err);
		snapshot_free(&snap);
		if (ret == 0 && s.have_maps)
			ret = snapshot_take(&s, &snap, &err);
		*told = (struct told){.complaint = complaint_of(&snap)};
	}
	if (ret < 0 && ret != -ENOENT)
		say(err.text);
	snapshot_free(&snap);
	session_close(&s);
}

/* A device that leaves takes its programs along, but may come back with the same index. */
static int take_news(const struct nlmsghdr *nlh, void *arg)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);

	/* of AF_BRIDGE: it only left a bridge */
	if (nlh->nlmsg_type == RTM_DELLINK && ifi->ifi_family == AF_UNSPEC)
		nft_unguard(ifi->ifi_index, NULL);
	return MNL_CB_OK;
}

/* What was lost because there was too much of it is found by looking: *told is forgotten. */
static void drain(struct mnl_socket *nl, struct told *told)
{
	char buf[MNL_SOCKET_BUFFER_SIZE * 4];
	ssize_t n;

	while ((n = recv(mnl_socket_get_fd(nl), buf, sizeof(buf), MSG_DONTWAIT)) > 0 ||
	       (n < 0 && errno == ENOBUFS))
		if (n < 0)
			told->complaint = TOLD_NOTHING;
		else
			mnl_cb_run(buf, (size_t)n, 0, 0, take_news, NULL);
}

static int watch(const struct common *common, struct error *err)
{
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	struct pollfd p;
	struct told told = {};

	if (!nl || mnl_socket_bind(nl, RTMGRP_LINK, MNL_SOCKET_AUTOPID) < 0)
		return fail(err, -errno, "cannot listen to the kernel's device news: %s",
			    strerror(errno));
	p = (struct pollfd){.fd = mnl_socket_get_fd(nl), .events = POLLIN};
	say("watching");
	while (!ended) {
		look(common, &told);
		if (poll(&p, 1, CHECK_EVERY_MS) > 0)
			drain(nl, &told);
	}
	say("ended; the isolation stays as it is");
	mnl_socket_close(nl);
	return 0;
}

int cmd_watch(int argc, char **argv)
{
	const struct argp argp = {
		.doc = "Guard new devices at once and put back what was torn down, until ended. Isolation does not depend on it.",
		.children = COMMON_CHILDREN};
	struct sigaction action = {.sa_handler = on_signal};
	struct common common = {};
	struct error err = {};
	int ret;

	if (verb_parse(&argp, argc, argv, &common, &common))
		return EXIT_MISUSED;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	ret = need_root(&err);
	if (ret == 0)
		ret = watch(&common, &err);
	return ret < 0 ? complain(&err, misuse_or_failure(ret)) : EXIT_DONE;
}
