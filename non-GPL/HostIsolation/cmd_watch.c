// SPDX-License-Identifier: BSD-2-Clause
/*
 * hostiso watch: guards devices the moment they are announced (RTNLGRP_LINK), looks every few
 * seconds whether something was torn down, mends it, and says both. Nothing depends on it: what it
 * did stays when it is killed.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
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
#include "HostIsolation/nftnews.h"
#include "HostIsolation/nftbackend.h"
#include "HostIsolation/snapshot.h"
#include "HostIsolation/told.h"
#include "HostIsolation/words.h"
#include "HostIsolation/xskguard.h"

#define CHECK_EVERY_MS 2000 /* removed programs announce themselves to nobody */
#define RETRY_MOST_MS 10000 /* what could not be mended: tried again after 2 s, 4 s, 8 s, 10 s */
#define BREATHE_MS 100
#define LOOKS_AT_ONCE 3 /* until nothing is left to do; more is an attack, and waits BREATHE_MS */

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

static __u64 now_ms(void)
{
	return boot_ns() / 1000000;
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

static int mend(struct session *s, const struct snapshot *before, struct error *err)
{
	char names[DEVICES_ASKED_MAX][16];
	struct guard_options o = {.xdp = XDP_AUTO, .force = true};
	struct guard_result res = {};
	struct progs progs = PROGS_INIT;
	struct snapshot after = {};
	bool changed;
	int ret;

	if (s->maps.nft_backend)
		return nft_backend_follow(&s->maps, err);
	o.device_count = named_devices(s, names, &o);
	/* shut first, then guarded, then let through to the programs; guarded also where nftables
	 * fails, which the last step tells */
	backstop_follow(s, &changed, NULL);
	ret = guard_attach(&s->pins, &s->maps, &progs, &o, &res, err);
	progs_close(&progs);
	if (s->maps.policy->control & CONTROL_XSK)
		xskguard_arm(&s->pins, &s->maps, NULL);
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

/* Gone or torn, with a kernel that would take it back: that is never put off. */
static bool backstop_out(const struct snapshot *snap)
{
	unsigned int can;

	if (snap->nft.kind == NFT_NONE)
		return nft_probe(&can, NULL) == 0;
	return snap->nft.torn || !snap->nft.armed;
}

/* Says what was not said yet; true when there was something. */
static bool tell(struct told *told, const struct snapshot *snap)
{
	_cleanup_free_ const char **lines = calloc(snap->degraded_count + 1, sizeof(*lines));
	bool news = false;

	for (size_t i = 0; lines && i < snap->degraded_count; i++)
		lines[i] = snap->degraded[i];
	if (lines)
		told_keep(told, lines, snap->degraded_count);
	for (size_t i = 0; i < snap->degraded_count; i++)
		if (told_news(told, snap->degraded[i])) {
			say(snap->degraded[i]);
			news = true;
		}
	return news;
}

static bool all_known(const struct told *told, const struct snapshot *snap)
{
	for (size_t i = 0; i < snap->degraded_count; i++)
		if (!told_knows(told, snap->degraded[i]))
			return false;
	return true;
}

static bool ours(const struct snapshot *snap)
{
	return snap->state == STATE_ISOLATED && snap->here;
}

/* Looked at anew under the lock: what another verb was in the middle of is no fault. */
static int mend_locked(const struct common *common, struct told *told, bool *done,
		       struct error *err)
{
	_cleanup_(snapshot_free) struct snapshot snap = {};
	struct session s = SESSION_INIT;
	int ret = session_open(&s, common, SESSION_CHANGE, err);

	if (ret == 0 && s.have_maps)
		ret = snapshot_take(&s, &snap, err);
	if (ret == 0 && ours(&snap) && (snap.degraded_count || stale(&snap))) {
		bool news = tell(told, &snap);

		ret = mend(&s, &snap, err);
		told_tried(told, news, now_ms(), CHECK_EVERY_MS, RETRY_MOST_MS);
		*done = ret == 0;
	}
	session_close(&s);
	return ret;
}

/* One look; takes the lock only when there is something to do. True: something was done, and
 * whether it holds is for the next look. */
static bool look(const struct common *common, struct told *told)
{
	_cleanup_(snapshot_free) struct snapshot snap = {};
	struct session s = SESSION_INIT;
	struct error err = {};
	bool done = false;
	int ret = session_open(&s, common, SESSION_READ, &err);

	if (ret == 0 && s.have_maps)
		ret = snapshot_take(&s, &snap, &err);
	session_close(&s);
	if (ret == 0 && ours(&snap) &&
	    (!all_known(told, &snap) || stale(&snap) || backstop_out(&snap) ||
	     (snap.degraded_count && told_due(told, now_ms()))))
		ret = mend_locked(common, told, &done, &err);
	else if (ret == 0 && ours(&snap))
		tell(told, &snap); /* nothing new: what is gone is forgotten */
	if (ret < 0 && ret != -ENOENT && told_error(told, err.text))
		say(err.text);
	else if (done)
		told_error(told, NULL);
	return done;
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
			told_forget(told);
		else
			mnl_cb_run(buf, (size_t)n, 0, 0, take_news, NULL);
}

/* Until devices or our tables change, and at most CHECK_EVERY_MS. Other people's work on their
 * tables wakes us, and is no reason to look. */
static void wait_for_news(struct mnl_socket *links, struct mnl_socket *tables, struct told *told)
{
	struct pollfd p[] = {
		{.fd = mnl_socket_get_fd(links), .events = POLLIN},
		{.fd = tables ? mnl_socket_get_fd(tables) : -1, .events = POLLIN},
	};
	__u64 until = now_ms() + CHECK_EVERY_MS, now;
	bool news = false;

	while (!news && !ended && (now = now_ms()) < until) {
		if (poll(p, 2, (int)(until - now)) <= 0)
			continue;
		news = p[0].revents;
		if (p[0].revents)
			drain(links, told);
		if (p[1].revents)
			news |= nft_news_read(tables);
	}
}

static int watch(const struct common *common, struct error *err)
{
	struct mnl_socket *links = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC), *tables;
	struct told told = {};

	if (!links || mnl_socket_bind(links, RTMGRP_LINK, MNL_SOCKET_AUTOPID) < 0)
		return fail(err, -errno, "cannot listen to the kernel's device news: %s",
			    strerror(errno));
	tables = nft_news_open();
	say("watching");
	while (!ended) {
		int looks = 0;

		while (looks < LOOKS_AT_ONCE && look(common, &told))
			looks++;
		if (looks == LOOKS_AT_ONCE)
			poll(NULL, 0, BREATHE_MS);
		wait_for_news(links, tables, &told);
	}
	say("ended; the isolation stays as it is");
	mnl_socket_close(links);
	if (tables)
		mnl_socket_close(tables);
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
