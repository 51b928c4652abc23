// SPDX-License-Identifier: BSD-2-Clause
/*
 * hostiso isolate: everything is loaded, filled and attached with the policy off; one store
 * switches it on, on all devices at once. What fails before is undone.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <bpf/bpf.h>
#include "HostIsolation/backstop.h"
#include "HostIsolation/cleanup.h"
#include "HostIsolation/duration.h"
#include "HostIsolation/isolateargs.h"
#include "HostIsolation/netns.h"
#include "HostIsolation/nftbackend.h"
#include "HostIsolation/reset.h"
#include "HostIsolation/resolve.h"
#include "HostIsolation/snapshot.h"
#include "HostIsolation/xskguard.h"

static void report_device(const struct link_info *link, const struct attach_result *res, void *arg)
{
	const struct common *c = arg;
	char name[64];

	if (!c->verbose || c->json)
		return;
	printf("%s: tc by %s, xdp %s", printable(link->name, name, sizeof(name)),
	       res->tc == TC_TCX ? "tcx" : "clsact",
	       res->xdp == XDP_NATIVE	 ? "native"
	       : res->xdp == XDP_GENERIC ? "generic"
					 : "off");
	if (res->xdp_errno)
		printf(" (%s)", strerror(res->xdp_errno));
	printf("\n");
}

static int learn_neighbour(const __u8 addr[16], void *arg)
{
	const struct maps *maps = arg;
	__u64 now = boot_ns();

	bpf_map_update_elem(maps->fd[MAP_nd_onlink], addr, &now, BPF_ANY);
	return 0;
}

/* The list to be: what is there, less what has expired, and what was asked for now. */
static int new_list(struct session *s, struct isolate_arguments *a, struct allowlist *list,
		    struct error *err)
{
	struct entry_vec resolved = {};
	int ret = bank_load(&s->maps, &s->pins, list, err);

	if (ret == 0)
		ret = entries_resolve(&a->entries, &resolved, err);
	if (ret == 0 && a->dns)
		ret = resolvers_find("", &resolved, err);
	if (ret == 0) {
		allowlist_expire(list, boot_ns());
		ret = additions_apply(list, &resolved, a->comment, FOREVER, err);
	}
	if (ret == 0)
		allowlist_sort(list);
	entry_vec_free(&resolved);
	return ret;
}

static void write_policy(struct session *s, const struct isolate_arguments *a, bool fresh)
{
	struct policy *p = s->maps.policy;
	__u64 now = boot_ns();

	p->netns_cookie = netns_inode(0);
	if (a->case_id)
		snprintf(p->case_id, sizeof(p->case_id), "%s", a->case_id);
	if (a->comment)
		snprintf(p->comment, sizeof(p->comment), "%s", a->comment);
	if (fresh)
		p->isolated_at = time(NULL);
	policy_set_deadlines(&s->maps,
			     a->for_ns ? now + a->for_ns
			     : fresh   ? 0
				       : p->for_deadline,
			     a->confirm_ns ? now + a->confirm_ns
			     : fresh	   ? 0
					   : p->confirm_deadline);
}

/* The point of no return: all that can fail has been done. */
static void switch_on(struct session *s, const struct isolate_arguments *a, bool kept)
{
	__u64 control =
		s->maps.policy->control & ~(CONTROL_ENFORCE | CONTROL_AUDIT | CONTROL_NAMED);
	bool fresh = isolation_state(&s->maps) != (a->audit ? STATE_AUDIT : STATE_ISOLATED);

	if (isolation_state(&s->maps) == STATE_EXPIRED || isolation_state(&s->maps) == STATE_OFF) {
		policy_set_control(&s->maps, control);
		counters_clear(&s->maps);
	}
	write_policy(s, a, fresh);
	policy_set_control(&s->maps, control | (a->audit ? CONTROL_AUDIT : CONTROL_ENFORCE) |
					     (kept ? CONTROL_KEPT : 0) |
					     (a->guard.device_count ? CONTROL_NAMED : 0));
	policy_settle();
}

static int check_namespace(const struct session *s, struct error *err)
{
	const struct policy *p = s->maps.policy;

	if (isolation_state(&s->maps) == STATE_OFF || !p->netns_cookie ||
	    p->netns_cookie == netns_inode(0))
		return 0;
	return fail(
		err, -EINVAL,
		"the pins in %s isolate another network namespace (net:[%llu]); give this one its own --pin-dir",
		s->pins.dir, p->netns_cookie);
}

static int prepare(struct session *s, struct isolate_arguments *a, struct allowlist *list,
		   struct guard_result *res, size_t *kept, struct error *err)
{
	struct progs progs = PROGS_INIT;
	struct kept_key keys[KEPT_MAX];
	__u64 old_limit = s->maps.policy->limit;
	int ret = check_namespace(s, err);

	if (ret == 0)
		ret = guard_check_devices(&a->guard, err);
	if (ret == 0)
		ret = new_list(s, a, list, err);
	*kept = 0;
	if (ret == 0 && !a->audit)
		ret = ssh_guard_check(list, &s->maps, a->ssh, keys, kept, err);
	if (ret == 0)
		ret = guard_attach(&s->pins, &s->maps, &progs, &a->guard, res, err);
	progs_close(&progs);
	if (ret == 0)
		ret = ssh_guard_keep(&s->maps, keys, *kept, err);
	if (ret < 0)
		return ret;
	neighbours6_dump(learn_neighbour, &s->maps, NULL);
	if (a->limit)
		s->maps.policy->limit = a->limit;
	ret = bank_store(&s->maps, &s->pins, list, err);
	if (ret < 0)
		s->maps.policy->limit = old_limit;
	return ret;
}

/* Back to how it was: waiting entries stay, an isolation in force stays in force. */
static void undo(struct session *s, enum isolation_state was)
{
	if (was != STATE_OFF)
		return;
	guard_detach_all(&s->pins, &s->maps, NULL);
	session_undo(s);
}

/* What only some kernels can do, and costs no more than itself: `status` says what is missing. With
 * --dev the other devices stay as they are, and a socket has none yet when it is made. */
static void refuse_af_xdp(struct session *s, const struct isolate_arguments *a)
{
	__u64 control = s->maps.policy->control & ~CONTROL_XSK;
	struct error why = {};

	if (!a->guard.device_count && xskguard_arm(&s->pins, &s->maps, &why) < 0 &&
	    a->common.verbose)
		fprintf(stderr, "hostiso: AF_XDP sockets are not refused: %s\n", why.text);
	if (a->guard.device_count)
		xskguard_detach(&s->pins, NULL);
	policy_set_control(&s->maps, control | (xskguard_armed(&s->pins) ? CONTROL_XSK : 0));
}

static void print_json(const struct snapshot *snap)
{
	_cleanup_free_ char *text = snapshot_json(snap);

	printf("%s\n", text ? text : "{}");
}

/* What the kernel says now: all of it as JSON, or what is not as it was asked for. */
static int say_state(struct session *s, const struct isolate_arguments *a)
{
	bool ask = !a->audit && !a->guard.device_count;
	struct snapshot snap = {};
	struct error err = {};
	int code = EXIT_DONE;

	if (!ask && !a->common.json)
		return EXIT_DONE;
	if (snapshot_take(s, &snap, &err) < 0)
		return complain(&err, EXIT_NOT_ISOLATED);
	if (a->common.json)
		print_json(&snap);
	if (ask && !snapshot_whole(&snap))
		code = EXIT_NOT_ISOLATED;
	if (ask && snap.state == STATE_EXPIRED)
		fprintf(stderr, "hostiso: not isolated any more: its time is over already\n");
	for (size_t i = 0; ask && i < snap.degraded_count; i++)
		fprintf(stderr, "hostiso: isolated, but not fully: %s\n", snap.degraded[i]);
	snapshot_free(&snap);
	return code;
}

static void say_done(const struct isolate_arguments *a, const struct guard_result *res, bool was,
		     size_t kept, struct session *s)
{
	__u64 deadline = s->maps.policy->deadline, now = boot_ns();
	char rest[32];

	if (s->maps.nft_backend)
		printf("%s by nftables alone: %u device%s guarded\n",
		       a->audit ? "auditing, nothing is dropped"
		       : was	? "isolated (it was already)"
				: "isolated",
		       res->devices, res->devices == 1 ? "" : "s");
	else
		printf("%s: %u device%s guarded, XDP on %u%s\n",
		       a->audit ? "auditing, nothing is dropped"
		       : was	? "isolated (it was already)"
				: "isolated",
		       res->devices, res->devices == 1 ? "" : "s", res->native + res->generic,
		       a->guard.xdp == XDP_GENERIC && res->generic ? " (generic)" : "");
	if (kept)
		printf("kept: your SSH connection\n");
	if (deadline > now) {
		/* the second that has just begun is still there */
		duration_format(deadline - now + SECOND_NS - 1, rest, sizeof(rest));
		printf("ends by itself in %s%s\n", rest,
		       s->maps.policy->confirm_deadline == deadline
			       ? " unless you say: hostiso confirm"
			       : "");
	}
}

static int reset(struct session *s, const struct isolate_arguments *a)
{
	struct reset_result res = {};
	struct error err = {};
	int ret = reset_connections(s, a->reset_all, &res, &err);

	if (a->common.json)
		return ret < 0 || res.failed ? complain(&err, EXIT_FAILED) : EXIT_DONE;
	printf("reset: %u TCP and %u UDP connections ended, %u kept", res.tcp, res.udp, res.kept);
	if (a->reset_all)
		printf(", in %u network namespaces", res.namespaces);
	printf("\n");
	if (res.failed || ret < 0) {
		fprintf(stderr, "hostiso: isolated, but %u connections could not be ended: %s\n",
			res.failed, err.text);
		return EXIT_FAILED;
	}
	return EXIT_DONE;
}

static int isolate(struct session *s, struct isolate_arguments *a)
{
	_cleanup_(allowlist_free) struct allowlist list = {};
	enum isolation_state was = isolation_state(&s->maps);
	struct guard_result res = {};
	struct error err = {};
	size_t kept = 0;
	int ret, code;

	ret = prepare(s, a, &list, &res, &kept, &err);
	if (ret < 0) {
		undo(s, was);
		return complain(&err, misuse_or_failure(ret));
	}
	switch_on(s, a, kept || s->maps.policy->control & CONTROL_KEPT);
	/* what the kernel lacks here costs the backstop, not the isolation */
	if (backstop_install_list(s, &list, &err) < 0 && (a->audit || a->guard.device_count))
		fprintf(stderr, "hostiso: no nftables backstop: %s\n", err.text);
	refuse_af_xdp(s, a);
	if (!a->common.json)
		say_done(a, &res, was == (a->audit ? STATE_AUDIT : STATE_ISOLATED), kept, s);
	ret = a->reset && !a->audit ? reset(s, a) : EXIT_DONE;
	code = say_state(s, a);
	return ret ? ret : code;
}

/* The devices to judge: those of --dev, or all that are there now. */
static int nft_backend_devices(const struct guard_options *o, struct indexes *out,
			       struct error *err)
{
	_cleanup_(link_vec_free) struct link_vec links = {};
	int ret = links_dump(&links, err);

	out->items = calloc(links.count + 1, sizeof(*out->items));
	if (ret == 0 && !out->items)
		ret = fail(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < links.count && ret == 0; i++)
		if (guard_asked_for(o, &links.items[i]))
			out->items[out->count++] = links.items[i].ifindex;
	return ret;
}

/* Everything in one transaction, so there is nothing to undo. */
static int prepare_nft_backend(struct session *s, struct isolate_arguments *a,
			       struct guard_result *res, size_t *kept, struct error *err)
{
	_cleanup_(allowlist_free) struct allowlist list = {};
	_cleanup_(indexes_free) struct indexes devices = {};
	struct nft_backend *p = s->maps.nft_backend;
	struct policy *policy = s->maps.policy;
	struct kept_key keys[KEPT_MAX];
	enum isolation_state to = a->audit ? STATE_AUDIT : STATE_ISOLATED;
	int ret = guard_check_devices(&a->guard, err);

	*kept = 0;
	if (ret == 0)
		ret = new_list(s, a, &list, err);
	if (ret == 0 && !a->audit)
		ret = ssh_guard_check(&list, &s->maps, a->ssh, keys, kept, err);
	if (ret == 0)
		ret = nft_backend_devices(&a->guard, &devices, err);
	if (ret < 0)
		return ret;
	for (size_t i = 0; i < *kept && p->kept_count < KEPT_MAX; i++)
		p->kept[p->kept_count++] = keys[i];
	write_policy(s, a, isolation_state(&s->maps) != to);
	policy->control = (a->audit ? CONTROL_AUDIT : CONTROL_ENFORCE) |
			  (p->kept_count ? CONTROL_KEPT : 0) |
			  (a->guard.device_count ? CONTROL_NAMED : 0);
	if (a->limit)
		policy->limit = a->limit;
	res->devices = (unsigned int)devices.count;
	return nft_backend_store(&s->maps, &list, devices.items, devices.count, err);
}

/* why: what made auto choose it; NULL: it was asked for, or is in force already. */
static int isolate_nft_backend(struct isolate_arguments *a, const char *why)
{
	struct session s = SESSION_INIT;
	struct guard_result res = {};
	struct error err = {};
	bool was = false;
	size_t kept = 0;
	int ret = session_open_nft_backend(&s, &err), code;

	if (ret == 0) {
		was = isolation_state(&s.maps) == (a->audit ? STATE_AUDIT : STATE_ISOLATED);
		ret = prepare_nft_backend(&s, a, &res, &kept, &err);
	}
	if (ret < 0) {
		session_close(&s);
		return complain(&err, misuse_or_failure(ret));
	}
	if (why)
		fprintf(stderr,
			"hostiso: BPF is refused here (%s): isolated by nftables alone, which is weaker; see 'hostiso status'\n",
			why);
	if (!a->common.json)
		say_done(a, &res, was, kept, &s);
	ret = a->reset && !a->audit ? reset(&s, a) : EXIT_DONE;
	code = say_state(&s, a);
	session_close(&s);
	return ret ? ret : code;
}

/* Which backend; -errno with a line when what is in force is of the other one. */
static int choose_backend(const struct isolate_arguments *a, struct error *err)
{
	struct session s = SESSION_INIT;
	int ret;

	if (nft_backend_there())
		return a->backend != BACKEND_BPF
			       ? BACKEND_NFT
			       : fail(err, -EINVAL,
				      "this host is isolated by nftables alone; 'hostiso release' first");
	if (a->backend != BACKEND_NFT)
		return BACKEND_BPF;
	ret = session_open(&s, &a->common, SESSION_READ, err);
	if (ret != -EUCLEAN)
		ret = 0;
	if (s.have_maps)
		ret = fail(
			err, -EINVAL, "%s; 'hostiso release' first",
			isolation_state(&s.maps) == STATE_OFF
				? "entries wait in the pinned maps, which the nftables backend does not have"
				: "this host is isolated by BPF already");
	session_close(&s);
	return ret < 0 ? ret : BACKEND_NFT;
}

/* Is there an isolation by BPF already, readable or not? */
static bool isolated_by_bpf(const struct common *common)
{
	char path[PATH_MAX];
	struct pins pins;

	if (nft_kind_now() == NFT_BACKSTOP)
		return true;
	if (pins_open(&pins, common->pin_dir, false, NULL) < 0)
		return false;
	snprintf(path, sizeof(path), "%s/policy", pins.maps);
	return access(path, F_OK) == 0;
}

/* Only where the kernel takes no BPF at all does auto fall to nftables. */
static int isolate_bpf(struct isolate_arguments *a)
{
	struct session s = SESSION_INIT;
	int ret, refused = isolated_by_bpf(&a->common) ? 0 : bpf_refused();

	if (refused && a->backend == BACKEND_AUTO)
		return isolate_nft_backend(a, strerror(-refused));
	if (refused) {
		fail(&a->error, refused,
		     "BPF is refused here: %s; 'isolate --backend nft' isolates by nftables alone",
		     strerror(-refused));
		return complain(&a->error, EXIT_FAILED);
	}
	ret = session_open(&s, &a->common, SESSION_MAKE, &a->error);
	ret = ret < 0 ? complain(&a->error, misuse_or_failure(ret)) : isolate(&s, a);
	session_close(&s);
	return ret;
}

int cmd_isolate(int argc, char **argv)
{
	struct isolate_arguments a = {};
	int ret;

	a.guard.report = report_device;
	a.guard.arg = &a.common;
	if (verb_parse(&isolate_argp, argc, argv, &a, &a.common))
		return EXIT_MISUSED;
	ret = a.error.text[0] ? -EINVAL : need_root(&a.error);
	if (ret == 0)
		ret = choose_backend(&a, &a.error);
	if (ret < 0)
		ret = complain(&a.error, misuse_or_failure(ret));
	else
		ret = ret == BACKEND_NFT ? isolate_nft_backend(&a, NULL) : isolate_bpf(&a);
	entry_vec_free(&a.entries);
	return ret;
}
