// SPDX-License-Identifier: BSD-2-Clause
// A program as the first filter of a device's clsact qdisc.

#include <errno.h>
#include <string.h>
#include <linux/if_ether.h>

#include "HostIsolation/cleanup.h"
#include "HostIsolation/hooks.h"
#include "HostIsolation/layout.h"
#include "HostIsolation/maps.h"

static const char *filter_name(int direction)
{
	return direction == DIR_IN ? FILTER_NAME_IN : FILTER_NAME_OUT;
}

/* The name is enough: release must find what another version attached, too. */
static bool is_ours(const struct tc_filter *f, int direction)
{
	return !f->chain && f->protocol == ETH_P_ALL && !strcmp(f->kind, "bpf") &&
	       !strcmp(f->name, filter_name(direction));
}

/* The lowest priority where a bpf filter for all protocols may go: a priority belongs to one kind
 * of filter and one protocol. 0: none. */
static __u32 lowest_priority(const struct tc_filter_vec *v)
{
	__u32 priority = 1;
	size_t i;

	/* They are listed by rising priority within a chain. */
	for (i = 0; i < v->count; i++) {
		const struct tc_filter *f = &v->items[i];

		if (!f->chain && f->priority == priority &&
		    (strcmp(f->kind, "bpf") || f->protocol != ETH_P_ALL))
			priority++;
	}
	return priority > 0xffff ? 0 : priority;
}

static const struct tc_filter *first_at(const struct tc_filter_vec *v, __u32 priority)
{
	size_t i;

	for (i = 0; i < v->count; i++)
		if (!v->items[i].chain && v->items[i].priority == priority)
			return &v->items[i];
	return NULL;
}

static bool handle_used(const struct tc_filter_vec *v, __u32 priority, __u32 handle)
{
	size_t i;

	for (i = 0; i < v->count; i++)
		if (!v->items[i].chain && v->items[i].priority == priority &&
		    v->items[i].handle == handle)
			return true;
	return false;
}

/* Adds ours in front of what is at the priority; the next one when that turns out to be another's
 * (a filter-less classifier, which is not listed, or one that came meanwhile). */
static int add_first(const struct link_info *link, int direction, int prog_fd,
		     const struct tc_filter_vec *v, __u32 priority, struct error *err)
{
	__u32 last = priority + 8, handle;
	int r = -ENOSPC;

	for (; priority && priority <= 0xffff && priority < last; priority++) {
		handle = FILTER_HANDLE;
		while (handle_used(v, priority, handle))
			handle++;
		r = tc_filter_add(link->ifindex, direction, priority, handle, prog_fd,
				  filter_name(direction), err);
		if (r != -EINVAL)
			return r;
	}
	if (r == -ENOSPC)
		return fail(err, r, "cannot add a tc filter to %s: no preference is free",
			    link->name);
	return r;
}

/* All of ours but `keep`. */
static int remove_ours(int ifindex, int direction, const struct tc_filter_vec *v,
		       const struct tc_filter *keep, struct error *err)
{
	size_t i;
	int r;

	for (i = 0; i < v->count; i++) {
		const struct tc_filter *f = &v->items[i];

		if (f == keep || !is_ours(f, direction))
			continue;
		r = tc_filter_del(ifindex, direction, f->priority, f->handle, err);
		if (r && r != -ENOENT)
			return r;
	}
	return 0;
}

int clsact_hook_attach(const struct link_info *link, int direction, int prog_fd, struct error *err)
{
	_cleanup_(tc_filter_vec_free) struct tc_filter_vec v = {};
	const struct tc_filter *first;
	bool had = false;
	__u32 priority;
	size_t i;
	int r;

	r = tc_filters_dump(link->ifindex, direction, &v, err);
	if (r)
		return r;
	for (i = 0; i < v.count; i++)
		had |= is_ours(&v.items[i], direction);
	priority = lowest_priority(&v);
	first = first_at(&v, priority);

	/* A second filter with the same program goes in front before the one behind it is removed:
	 * no packet goes without. One on its way through the list may have been behind the first
	 * and before the second, so all of these are waited for. */
	if (!first || !is_ours(first, direction)) {
		r = add_first(link, direction, prog_fd, &v, priority, err);
		if (r)
			return r;
		if (had)
			policy_settle();
		r = remove_ours(link->ifindex, direction, &v, NULL, err);
		return r ?: !had;
	}
	if (first->prog_id != prog_id_of(prog_fd) || !first->direct_action) {
		r = tc_filter_replace(link->ifindex, direction, first->priority, first->handle,
				      prog_fd, filter_name(direction), err);
		if (r)
			return r;
	}
	return remove_ours(link->ifindex, direction, &v, first, err);
}

int clsact_hook_detach(int ifindex, int direction, struct error *err)
{
	_cleanup_(tc_filter_vec_free) struct tc_filter_vec v = {};
	int r = tc_filters_dump(ifindex, direction, &v, err);

	return r ?: remove_ours(ifindex, direction, &v, NULL, err);
}

int clsact_remove_empty(int ifindex, struct error *err)
{
	int direction, r;

	if (clsact_present(ifindex) != QDISC_CLSACT)
		return 0;
	for (direction = 0; direction < DIR_COUNT; direction++) {
		_cleanup_(tc_filter_vec_free) struct tc_filter_vec v = {};

		r = tc_filters_dump(ifindex, direction, &v, err);
		if (r || v.count)
			return r;
	}
	return clsact_del(ifindex, err);
}
