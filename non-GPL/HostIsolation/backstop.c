// SPDX-License-Identifier: BSD-2-Clause
/* The nftables backstop, kept in step with the policy, the allowlist and the devices. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <bpf/bpf.h>
#include "HostIsolation/backstop.h"
#include "HostIsolation/cleanup.h"
#include "HostIsolation/guard.h"

#define SETTLE_ROUNDS 10 /* devices that go while the tables are written; more is an attack */

void indexes_free(struct indexes *v)
{
	free(v->items);
	*v = (struct indexes){};
}

static bool has(const int *items, size_t count, int ifindex)
{
	for (size_t i = 0; i < count; i++)
		if (items[i] == ifindex)
			return true;
	return false;
}

/* The devices that carry our programs in both directions. */
static int attached_devices(struct session *s, struct indexes *out, struct error *err)
{
	_cleanup_(link_vec_free) struct link_vec links = {};
	struct progs progs = PROGS_INIT;
	struct indexes v = {};
	int ret = progs_open(&progs, &s->pins, err);

	if (ret == 0)
		ret = links_dump(&links, err);
	v.items = calloc(links.count + 1, sizeof(*v.items));
	if (ret == 0 && !v.items)
		ret = fail(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < links.count && ret == 0; i++) {
		struct device_state d;

		if (links.items[i].loopback)
			continue;
		ret = device_state_read(&links.items[i], progs_ours, &progs, &d, err);
		if (ret == 0 && d.in.attached && d.out.attached)
			v.items[v.count++] = links.items[i].ifindex;
		if (ret == -ENODEV)
			ret = 0;
	}
	progs_close(&progs);
	if (ret == 0)
		*out = v;
	else
		indexes_free(&v);
	return ret;
}

/* The deadline is a point in time here and a time span there. What is over gets the shortest. */
static __u64 time_left(const struct session *s)
{
	__u64 deadline = s->maps.policy->deadline, now = boot_ns();

	if (!deadline)
		return 0;
	return deadline > now ? deadline - now : 1;
}

static int install(struct session *s, const struct allowlist *list, struct error *err)
{
	_cleanup_(compiled_free) struct compiled compiled = {};
	struct nft_policy p = {
		.audit = isolation_state(&s->maps) == STATE_AUDIT,
		.named = s->maps.policy->control & CONTROL_NAMED,
		.allow = &compiled,
	};
	int ret = compile_allowlist(list, &compiled, err);

	for (int round = 0; round < SETTLE_ROUNDS && ret == 0; round++) {
		struct indexes devices = {};

		ret = attached_devices(s, &devices, err);
		p.guarded = devices.items;
		p.guarded_count = devices.count;
		p.for_ns = time_left(s);
		if (ret == 0)
			ret = nft_backstop_install(&p, NULL, err);
		indexes_free(&devices);
		if (ret != -ENODEV)
			break;
		if (round < SETTLE_ROUNDS - 1)
			ret = 0;
	}
	return ret;
}

int backstop_install_list(struct session *s, const struct allowlist *list, struct error *err)
{
	return install(s, list, err);
}

int backstop_install(struct session *s, struct error *err)
{
	_cleanup_(allowlist_free) struct allowlist list = {};
	int ret = bank_load_without_hits(&s->maps, &s->pins, &list, err);

	if (ret < 0)
		return ret;
	allowlist_expire(&list, boot_ns());
	allowlist_sort(&list);
	return install(s, &list, err);
}

static bool in_force(const struct session *s)
{
	return isolation_state(&s->maps) == STATE_ISOLATED ||
	       isolation_state(&s->maps) == STATE_AUDIT;
}

int backstop_allow(struct session *s, const struct allowlist *list, struct error *err)
{
	if (s->maps.nft_backend || !in_force(s) || nft_kind_now() == NFT_NONE)
		return 0; /* the backend's own list is the allowlist */
	return install(s, list, err);
}

int backstop_deadline(struct session *s, struct error *err)
{
	_cleanup_(allowlist_free) struct allowlist list = {};
	int ret;

	if (s->maps.nft_backend) { /* the deadlines are kept with the tables */
		ret = bank_load(&s->maps, &s->pins, &list, err);
		return ret < 0 ? ret : bank_store(&s->maps, &s->pins, &list, err);
	}
	ret = in_force(s) ? nft_set_deadline(time_left(s), err) : 0;
	return ret == -ENOENT ? 0 : ret;
}

static bool fits(const struct session *s, const struct nft_state *state)
{
	return state->kind == NFT_BACKSTOP && !state->torn && state->armed &&
	       state->audit == (isolation_state(&s->maps) == STATE_AUDIT) &&
	       state->named == !!(s->maps.policy->control & CONTROL_NAMED);
}

static int follow(const struct nft_state *state, const struct indexes *devices, bool *changed,
		  struct error *err)
{
	int ret = 0;

	for (size_t i = 0; i < state->guarded_count && ret == 0; i++)
		if (!has(devices->items, devices->count, state->guarded[i])) {
			ret = nft_unguard(state->guarded[i], err);
			*changed = true;
		}
	for (size_t i = 0; i < devices->count && ret == 0; i++)
		if (!has(state->guarded, state->guarded_count, devices->items[i])) {
			ret = nft_guard(devices->items[i], err);
			*changed = true;
		}
	return ret;
}

int backstop_follow(struct session *s, bool *changed, struct error *err)
{
	struct nft_state state = {};
	struct indexes devices = {};
	int ret;

	*changed = false;
	if (!in_force(s))
		return 0;
	ret = nft_state_read(&state, err);
	if (ret == 0 && !fits(s, &state)) {
		nft_state_free(&state);
		*changed = true;
		return backstop_install(s, err);
	}
	if (ret == 0)
		ret = attached_devices(s, &devices, err);
	if (ret == 0)
		ret = follow(&state, &devices, changed, err);
	nft_state_free(&state);
	indexes_free(&devices);
	return ret == -ENODEV ? 0 : ret; /* it went meanwhile: its news is under way */
}

bool snapshot_shut(const struct snapshot *snap, int ifindex)
{
	const struct nft_state *nft = &snap->nft;

	return nft->kind != NFT_NONE && !nft->torn && nft->armed && !nft->audit && !nft->named &&
	       !has(nft->guarded, nft->guarded_count, ifindex);
}

static void judge_devices(struct snapshot *snap)
{
	for (size_t i = 0; i < snap->device_count; i++) {
		const struct device_snapshot *d = &snap->devices[i];
		bool attached =
			snap->nft_backend || (d->state.in.attached && d->state.out.attached);
		char name[64];

		if (attached && snapshot_shut(snap, d->link.ifindex))
			snapshot_degraded(
				snap,
				"%s: shut whole by nftables, allowed peers too, since it is not among the guarded; 'hostiso isolate' mends it",
				printable(d->link.name, name, sizeof(name)));
	}
}

static void judge_absent(struct snapshot *snap)
{
	struct error why = {};
	unsigned int can;

	if (nft_probe(&can, &why))
		snapshot_degraded(
			snap,
			"no backstop: %s: a device that appears later is open until 'hostiso watch' or 'isolate' sees it, and AF_PACKET frames with PACKET_QDISC_BYPASS leave",
			why.text);
	else
		snapshot_degraded(
			snap,
			"the nftables backstop is gone: a device that appears later is open until it is guarded; 'hostiso isolate' puts it back");
}

void backstop_judge(struct snapshot *snap, const char *unreadable)
{
	if (unreadable)
		snapshot_degraded(snap, "the nftables backstop cannot be read: %s", unreadable);
	else if (snap->nft.kind == NFT_NONE)
		judge_absent(snap);
	else if (snap->nft.torn)
		snapshot_degraded(snap,
				  "the nftables %s was altered: %s; 'hostiso isolate' mends it",
				  snap->nft_backend ? "backend" : "backstop", snap->nft.torn_text);
	else if (!snap->nft.armed)
		snapshot_degraded(
			snap,
			"the nftables backstop has ended before its time; 'hostiso isolate' puts it back");
	else if (snap->nft.audit != (snap->state == STATE_AUDIT))
		snapshot_degraded(snap, "the nftables backstop %s; 'hostiso isolate' mends it",
				  snap->nft.audit ? "only counts" : "drops in an audit");
	else if (!snap->nft.named)
		judge_devices(snap);
}

const char *snapshot_backstop(const struct snapshot *snap)
{
	return snap->nft.kind == NFT_NONE ? "absent"
	       : snap->nft.torn		  ? "altered"
	       : !snap->nft.armed	  ? "ended"
					  : "present";
}

const char *snapshot_limit(const struct snapshot *snap, size_t index)
{
	if (snap->xsk == XSK_OPEN && !index--)
		return snap->nft_backend
			       ? "AF_XDP sockets, which only root can make, send past nftables"
		       : snap->policy.control & CONTROL_NAMED
			       ? "AF_XDP sockets, which only root can make, send past tc and nftables; with --dev nothing refuses them"
			       : "AF_XDP sockets, which only root can make, send past tc and nftables; they are refused only where BPF LSM runs (lsm=…,bpf on the kernel's command line)";
	if (snap->heard && !index--)
		return "packet sockets (AF_PACKET, as tcpdump has), which only root can make, still receive what comes in, though they cannot answer: on devices where no XDP program of ours drops it first";
	if (snap->offload_unseen && !index--)
		return "frames that leave their checksum to the device, as root and virtual machines can make them, may have it written onto their destination: only BPF that may read the kernel sees that";
	if (snap->nft.kind == NFT_NONE)
		return NULL;
	return nft_cannot_text(snap->nft.can, snap->nft.kind == NFT_BACKEND, index);
}
