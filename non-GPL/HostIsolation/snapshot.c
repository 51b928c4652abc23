// SPDX-License-Identifier: BSD-2-Clause
/* What status tells, collected from the kernel: devices, hooks, counters, and what is wrong. */
#include <errno.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <bpf/bpf.h>
#include "HostIsolation/backstop.h"
#include "HostIsolation/granthooks.h"
#include "HostIsolation/grants.h"
#include "HostIsolation/netns.h"
#include "HostIsolation/nftbackend.h"
#include "HostIsolation/snapshot.h"

const struct loss_word grant_losses[GRANT_LOST_COUNT] = {
	[GRANT_LOST_FLOW] = {"grant_flows_lost", "closing connections"},
	[GRANT_LOST_TASK] = {"grant_tasks_lost", "processes"},
	[GRANT_LOST_SOCKET] = {"grant_sockets_lost", "sockets"},
};

void snapshot_degraded(struct snapshot *snap, const char *fmt, ...)
{
	char(*more)[DEGRADED_TEXT] =
		realloc(snap->degraded, (snap->degraded_count + 1) * sizeof(*snap->degraded));
	va_list ap;

	if (!more)
		return;
	snap->degraded = more;
	va_start(ap, fmt);
	vsnprintf(more[snap->degraded_count++], DEGRADED_TEXT, fmt, ap);
	va_end(ap);
}

static void judge_hook(struct snapshot *snap, const struct link_info *link, const char *name,
		       const char *way, const struct hook_state *hook)
{
	if (!hook->attached)
		snapshot_degraded(snap,
				  "%s: no program of ours %s%s; 'hostiso isolate' puts it back",
				  name, way,
				  snapshot_shut(snap, link->ifindex)
					  ? ": shut by the nftables backstop, allowed peers too"
					  : "");
	else if (hook->blocked)
		snapshot_degraded(snap, "%s: %s runs before ours %s and can let packets past it",
				  name, hook->ahead, way);
}

/* A later isolate, or watch, could not attach the same program again. */
static void judge_pins(struct snapshot *snap, const struct progs *progs)
{
	for (size_t i = 0; i < snap->device_count; i++) {
		const struct device_state *d = &snap->devices[i].state;

		if ((d->in.attached && !progs_pinned(progs, d->in.prog_id)) ||
		    (d->out.attached && !progs_pinned(progs, d->out.prog_id))) {
			snapshot_degraded(
				snap,
				"the programs run, but their pins are gone; 'hostiso isolate' puts them back");
			return;
		}
	}
}

static int take_device(struct snapshot *snap, struct progs *progs, const struct link_info *link,
		       struct error *err)
{
	struct device_snapshot *d = &snap->devices[snap->device_count];
	char name[64];
	int ret;

	d->link = *link;
	if (snap->nft_backend) {
		d->whole = !snapshot_shut(snap, link->ifindex);
		snap->heard |= d->whole;
		snap->offload_unseen |= d->whole;
		snap->device_count++;
		return 0;
	}
	ret = device_state_read(link, progs_ours, progs, &d->state, err);
	if (ret == -ENODEV)
		return 0;
	if (ret < 0)
		return ret;
	snap->device_count++;
	printable(link->name, name, sizeof(name));
	d->whole = d->state.in.attached && !d->state.in.blocked && d->state.out.attached &&
		   !d->state.out.blocked;
	if (!d->state.in.attached && !d->state.out.attached &&
	    snap->policy.control & CONTROL_NAMED) {
		snapshot_degraded(snap, "%s: left open, because isolate was told --dev", name);
		return 0;
	}
	snap->heard |= d->state.xdp == XDP_OFF;
	snap->offload_unseen |= link->header != LINK_UNKNOWN && d->state.out.attached &&
				!prog_sees_offload(d->state.out.prog_id);
	judge_hook(snap, link, name, "inwards", &d->state.in);
	judge_hook(snap, link, name, "outwards", &d->state.out);
	if (link->header == LINK_UNKNOWN)
		snapshot_degraded(snap, "%s: link type %u is not understood; all its traffic drops",
				  name, link->type);
	return 0;
}

static int take_devices(struct session *s, struct snapshot *snap, struct error *err)
{
	struct progs progs = PROGS_INIT;
	struct link_vec links = {};
	int ret = snap->nft_backend || snap->unread ? 0 : progs_open(&progs, &s->pins, err);

	if (ret == 0)
		ret = links_dump(&links, err);
	snap->devices = calloc(links.count + 1, sizeof(*snap->devices));
	if (ret == 0 && !snap->devices)
		ret = -ENOMEM;
	for (size_t i = 0; i < links.count && ret == 0; i++)
		if (!links.items[i].loopback)
			ret = take_device(snap, &progs, &links.items[i], err);
	if (ret == 0 && !snap->nft_backend && !snap->unread)
		judge_pins(snap, &progs);
	link_vec_free(&links);
	progs_close(&progs);
	return ret;
}

/* The programs are pinned or not; that they run, the kernel is asked. */
static void take_xsk(struct session *s, struct snapshot *snap)
{
	bool armed = !snap->nft_backend && xskguard_armed(&s->pins);
	struct xsk_vec holders = {};
	struct error why = {};
	int ret;

	snap->xsk = armed ? XSK_REFUSED : xskguard_answer();
	if (snap->xsk == XSK_REFUSED && !armed)
		snap->xsk = XSK_OPEN; /* another namespace's */
	if (snap->policy.control & CONTROL_XSK && !armed)
		snapshot_degraded(
			snap,
			"AF_XDP sockets are refused no more: our BPF LSM programs are gone; 'hostiso isolate' puts them back");
	ret = snap->xsk == XSK_ABSENT ? 0 : xsk_holders(&holders, &why);
	if (ret < 0)
		snapshot_degraded(snap, "%s", why.text);
	for (size_t i = 0; i < holders.count; i++) {
		const struct xsk_holder *h = &holders.items[i];
		char device[IF_NAMESIZE] = "", name[64];

		if_indextoname(h->ifindex, device);
		snapshot_degraded(
			snap,
			"%s%sprocess %d (%s) has an AF_XDP socket, which can send and receive past tc and nftables; end the process",
			printable(device, name, sizeof(name)), device[0] ? ": " : "", h->pid,
			h->pid ? h->comm : "unknown");
	}
	xsk_vec_free(&holders);
}

const char *snapshot_xsk(const struct snapshot *snap)
{
	return snap->xsk == XSK_REFUSED ? "refused" : snap->xsk == XSK_OPEN ? "open" : "absent";
}

/* The tables are read before the devices: those that come meanwhile count as shut, which is true.
 */
static int take_hooks(struct session *s, struct snapshot *snap, struct error *err)
{
	bool on = snap->state == STATE_ISOLATED || snap->state == STATE_AUDIT;
	struct error why = {};
	int read = on ? nft_state_read(&snap->nft, &why) : 0, ret;

	ret = take_devices(s, snap, err);

	if (ret == 0 && on)
		backstop_judge(snap, read < 0 ? why.text : NULL);
	if (ret == 0 && on)
		take_xsk(s, snap);
	return ret;
}

static size_t count_kept(const struct maps *maps)
{
	struct kept_key key, *prev = NULL;
	size_t n = 0;

	while (bpf_map_get_next_key(maps->fd[MAP_kept], prev, &key) == 0) {
		prev = &key;
		n++;
	}
	return n;
}

static int take_allowlist(struct session *s, struct snapshot *snap, struct error *err)
{
	struct allowlist list = {};
	int ret = bank_load_without_hits(&s->maps, &s->pins, &list, err);

	if (ret < 0)
		return ret;
	allowlist_expire(&list, boot_ns());
	snap->entries4 = allowlist_count(&list, AF_INET);
	snap->entries6 = allowlist_count(&list, AF_INET6);
	allowlist_free(&list);
	return 0;
}

/* Without the hooks a grant does not reach new sockets, and may outlive its process. */
static int take_grants(struct session *s, struct snapshot *snap, struct error *err)
{
	struct grant_vec all = {};
	__u64 now = boot_ns();
	char missing[64] = "";
	unsigned int n;
	int ret = grants_read(&s->maps, &all, err);

	for (size_t i = 0; i < all.count; i++)
		snap->grants += all.rows[i].grant.until > now;
	grant_vec_free(&all);
	if (ret == 0)
		ret = grant_losses_read(&s->maps, snap->grant_lost);
	if (ret < 0 || !snap->grants)
		return ret;
	n = granthooks_missing(&s->pins, missing, sizeof(missing));
	if (n)
		snapshot_degraded(
			snap,
			"process grants: %u hooks are gone, %s for one: new sockets are blocked, and a grant may outlive its process; 'hostiso allow' of one again puts them back",
			n, missing);
	return 0;
}

int snapshot_take(struct session *s, struct snapshot *out, struct error *err)
{
	struct snapshot snap = {};
	int ret;

	snap.policy = *s->maps.policy;
	snap.state = isolation_state(&s->maps);
	snap.here = !snap.policy.netns_cookie || snap.policy.netns_cookie == netns_inode(0);
	snap.nft_backend = s->maps.nft_backend;
	snap.kept = snap.nft_backend			 ? s->maps.nft_backend->kept_count
		    : snap.policy.control & CONTROL_KEPT ? count_kept(&s->maps)
							 : 0;
	if (!snap.here)
		snapshot_degraded(
			&snap,
			"these pins isolate another network namespace, net:[%llu]: run status there",
			snap.policy.netns_cookie);
	ret = counters_read(&s->maps, snap.counters);
	if (ret < 0)
		fail(err, ret, "cannot read the counters: %s", strerror(-ret));
	if (ret == 0)
		ret = take_allowlist(s, &snap, err);
	if (ret == 0 && !snap.nft_backend)
		ret = take_grants(s, &snap, err);
	if (ret == 0 && snap.here && snap.state != STATE_OFF)
		ret = take_hooks(s, &snap, err);
	if (ret < 0) {
		snapshot_free(&snap);
		return ret;
	}
	*out = snap;
	return 0;
}

int snapshot_take_orphans(struct session *s, const char *why, struct snapshot *out,
			  struct error *err)
{
	struct snapshot snap = {.here = true, .unread = true};
	int ret = 0;

	snap.policy = s->orphans.policy;
	snap.state = orphans_state(&s->orphans);
	snapshot_degraded(&snap, "%s", why);
	if (s->orphans.devices && !s->orphans.readable)
		snapshot_degraded(
			&snap,
			"the programs that run on are another version's: whether they drop is not known");
	if (snap.state != STATE_OFF)
		ret = take_hooks(s, &snap, err);
	if (ret < 0) {
		snapshot_free(&snap);
		return ret;
	}
	*out = snap;
	return 0;
}

void snapshot_free(struct snapshot *snap)
{
	free(snap->devices);
	free(snap->degraded);
	nft_state_free(&snap->nft);
	*snap = (struct snapshot){};
}
