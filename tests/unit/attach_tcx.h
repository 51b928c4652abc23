/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of tcx share: attaching that way and no other, and who is in line. */
#pragma once

#include "attach_env.h"
#include "rounds.h"

#define begin_tcx()                                                                                \
	do {                                                                                       \
		begin();                                                                           \
		if (!have_tcx())                                                                   \
			skip_because("this kernel has no tcx");                                    \
	} while (0)

static inline struct tcx_list list_of(int ifindex, int direction)
{
	struct tcx_list list;

	assert_ok(tcx_query(ifindex, direction, &list));
	return list;
}

static inline struct attach_result attach(const struct link_info *link,
					  const struct device_progs *p)
{
	struct attach_result res;

	assert_ok(attach_device(env_links, link, p, TC_AUTO, XDP_OFF, NULL, NULL, &res, &env_err));
	assert_int_equal(res.tc, TC_TCX);
	assert_int_equal(res.xdp, XDP_OFF);
	assert_false(res.clsact_made);
	return res;
}
