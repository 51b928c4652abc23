/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of clsact share: attaching that way and no other, and looking at what is there. */
#pragma once

#include "attach_env.h"

static int intents;
static int intent_index;

static inline int note(int ifindex, void *arg)
{
	intents++;
	intent_index = ifindex;
	/* It comes before the qdisc. */
	assert_int_equal(clsact_present(ifindex), QDISC_NONE);
	return arg ? *(int *)arg : 0;
}

static inline struct attach_result attach(const struct link_info *link,
					  const struct device_progs *p)
{
	struct attach_result res;

	intents = 0;
	assert_ok(
		attach_device(env_links, link, p, TC_CLSACT, XDP_OFF, note, NULL, &res, &env_err));
	assert_int_equal(res.tc, TC_CLSACT);
	assert_int_equal(count_pins(), 0);
	return res;
}

static inline void assert_clear(const struct link_info *link, const struct device_progs *p)
{
	struct device_state s = state_of(link, p);

	assert_true(s.in.attached && !s.in.tcx && !s.in.blocked);
	assert_true(s.out.attached && !s.out.tcx && !s.out.blocked);
	assert_int_equal(s.in.prog_id, id_of(p->tc_in));
	assert_int_equal(s.out.prog_id, id_of(p->tc_out));
	assert_string_equal(s.in.ahead, "");
}

static inline size_t filters(const struct link_info *link, int direction, struct tc_filter *first)
{
	struct tc_filter_vec v;
	size_t count;

	assert_ok(tc_filters_dump(link->ifindex, direction, &v, &env_err));
	count = v.count;
	if (first && count)
		*first = v.items[0];
	tc_filter_vec_free(&v);
	return count;
}

/* The device's qdiscs and filters without what packets change. */
static inline char *listing(const char *dev)
{
	char cmd[256];

	snprintf(
		cmd, sizeof(cmd),
		"tc qdisc show dev %s; tc filter show dev %s ingress; tc filter show dev %s egress",
		dev, dev, dev);
	return output_of(cmd);
}
