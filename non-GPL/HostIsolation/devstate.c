// SPDX-License-Identifier: BSD-2-Clause
// What is attached to a device now, asked of the kernel.

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <bpf/bpf.h>

#include "HostIsolation/cleanup.h"
#include "HostIsolation/hooks.h"
#include "HostIsolation/layout.h"
#include "HostIsolation/tcx.h"

/* Who asks: the predicate of device_state_read(). */
struct owner {
	bool (*ours)(__u32 prog_id, void *arg);
	void *arg;
};

static bool is_ours(const struct owner *o, __u32 prog_id)
{
	return prog_id && o->ours(prog_id, o->arg);
}

static void clean(char *s)
{
	for (; *s; s++)
		if (!isascii(*s) || !isprint(*s))
			*s = '?';
}

void prog_describe(__u32 prog_id, char *out, size_t size)
{
	_cleanup_close_ int fd = bpf_prog_get_fd_by_id(prog_id);
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len))
		info.name[0] = '\0';
	snprintf(out, size, "%.15s (id %u)", *info.name ? info.name : "a program", prog_id);
	clean(out);
}

static void filter_describe(const struct tc_filter *f, char *out, size_t size)
{
	if (f->prog_id)
		snprintf(out, size, "tc filter %.20s (id %u), pref %u", f->name, f->prog_id,
			 f->priority);
	else
		snprintf(out, size, "tc filter %s, pref %u", f->kind, f->priority);
	clean(out);
}

/* *foreign: somebody else's program that every packet meets before clsact. */
static int read_tcx(int ifindex, int direction, const struct owner *o, struct hook_state *h,
		    bool *foreign, struct error *err)
{
	struct tcx_list list;
	char who[32];
	__u32 i;
	int r;

	*foreign = false;
	r = tcx_query(ifindex, direction, &list);
	if (r == -EOPNOTSUPP)
		return 0;
	if (r)
		return fail(err, r, "cannot read the tcx programs of device %d: %s", ifindex,
			    strerror(-r));
	for (i = 0; i < list.count; i++) {
		if (is_ours(o, list.prog_id[i])) {
			h->attached = h->tcx = true;
			h->prog_id = list.prog_id[i];
			h->blocked = *foreign;
			return 0;
		}
		if (*foreign)
			continue;
		*foreign = true;
		prog_describe(list.prog_id[i], who, sizeof(who));
		snprintf(h->ahead, sizeof(h->ahead), "tcx program %s", who);
	}
	return 0;
}

static int read_clsact(int ifindex, int direction, const struct owner *o, struct hook_state *h,
		       bool foreign, struct error *err)
{
	_cleanup_(tc_filter_vec_free) struct tc_filter_vec v = {};
	size_t i;
	int r;

	r = tc_filters_dump(ifindex, direction, &v, err);
	if (r)
		return r;
	for (i = 0; i < v.count; i++) {
		const struct tc_filter *f = &v.items[i];

		if (f->chain) /* reached by a jump out of chain 0 only */
			continue;
		if (f->direct_action && is_ours(o, f->prog_id)) {
			h->attached = true;
			h->prog_id = f->prog_id;
			h->blocked = foreign;
			return 0;
		}
		if (!foreign)
			filter_describe(f, h->ahead, sizeof(h->ahead));
		foreign = true;
	}
	return 0;
}

static int hook_read(int ifindex, int direction, const struct owner *o, struct hook_state *out,
		     struct error *err)
{
	struct hook_state h = {};
	bool foreign;
	int r;

	r = read_tcx(ifindex, direction, o, &h, &foreign, err);
	if (!r && !h.attached)
		r = read_clsact(ifindex, direction, o, &h, foreign, err);
	if (r)
		return r;
	if (!h.blocked)
		h.ahead[0] = '\0';
	*out = h;
	return 0;
}

static void read_xdp(const struct link_info *link, const struct owner *o, struct device_state *s)
{
	const __u32 ids[] = {link->xdp_drv_prog_id, link->xdp_skb_prog_id, link->xdp_hw_prog_id,
			     link->xdp_prog_id};
	size_t i;

	s->xdp = XDP_OFF;
	if (is_ours(o, link->xdp_drv_prog_id))
		s->xdp = XDP_NATIVE;
	else if (is_ours(o, link->xdp_skb_prog_id))
		s->xdp = XDP_GENERIC;
	for (i = 0; i < sizeof(ids) / sizeof(*ids) && !s->foreign_xdp_id; i++)
		if (ids[i] && !is_ours(o, ids[i]))
			s->foreign_xdp_id = ids[i];
	if (s->foreign_xdp_id)
		prog_describe(s->foreign_xdp_id, s->foreign_xdp, sizeof(s->foreign_xdp));
}

int device_state_read(const struct link_info *link, bool (*ours)(__u32 prog_id, void *arg),
		      void *arg, struct device_state *out, struct error *err)
{
	const struct owner o = {ours, arg};
	struct device_state s = {};
	struct link_info now;
	int r;

	r = link_read(link->ifindex, &now, err);
	if (!r)
		r = hook_read(link->ifindex, DIR_IN, &o, &s.in, err);
	if (!r)
		r = hook_read(link->ifindex, DIR_OUT, &o, &s.out, err);
	if (r)
		return r;
	read_xdp(&now, &o, &s);
	*out = s;
	return 0;
}
