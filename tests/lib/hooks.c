// SPDX-License-Identifier: BSD-2-Clause
/* The filter on a bench: one program, one frame, what it said and which counters moved. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "HostIsolation/cleanup.h"
#include "filterlab.h"

#include <cmocka.h>

/* BPF_PROG_TEST_RUN takes no less; and skbs of 14 bytes, with nothing behind, not since 6.2. */
#define FRAME_MIN 15
/* Since 6.18 it refuses skbs that end inside the IP header that their EtherType promises. */
#define REFUSED_BELOW (ETH_HLEN + 40)

const struct hook hooks[] = {
	{"tc_in", PROG_tc_in, DIR_IN, false, false},
	{"tc_out", PROG_tc_out, DIR_OUT, false, false},
	{"xdp_in", PROG_xdp_in, DIR_IN, true, false},
	{"xdp_in_frags", PROG_xdp_in_frags, DIR_IN, true, false},
	{"tc_in_ip", PROG_tc_in_ip, DIR_IN, false, true},
	{"tc_out_ip", PROG_tc_out_ip, DIR_OUT, false, true},
};
const size_t hook_count = sizeof(hooks) / sizeof(hooks[0]);

static const struct {
	const char *word;
	bool passes;
} reasons[REASON_COUNT] = {
#define PASS 1
#define DROP 0
#define REASON(id, w, verdict, text) {w, verdict},
#include "HostIsolation/reasons.def"
#undef REASON
#undef PASS
#undef DROP
};

const char *reason_word(enum reason reason)
{
	return reason < REASON_COUNT ? reasons[reason].word : "nothing";
}

bool reason_is_drop(enum reason reason)
{
	return !reasons[reason].passes;
}

/* Without a link header only IP is left, and the version field says which. */
static bool is_plain_ip(const struct frame *f)
{
	int ethertype = f->len > ETH_HLEN ? f->data[12] << 8 | f->data[13] : 0;

	return f->len > ETH_HLEN && ((ethertype == ETH_P_IP && f->data[ETH_HLEN] >> 4 == 4) ||
				     (ethertype == ETH_P_IPV6 && f->data[ETH_HLEN] >> 4 == 6));
}

bool hook_takes(const struct hook *h, const struct frame *f)
{
	size_t len = f->len;

	if (h->dir != f->dir || lab.progs.fd[h->prog] < 0)
		return false;
	if (h->headerless && !is_plain_ip(f))
		return false;
	if (h->headerless)
		len -= ETH_HLEN;
	return len >= FRAME_MIN;
}

static void compare_counters(const struct counter *before, const struct counter *now,
			     struct outcome *o)
{
	o->moved = 0;
	o->reason = REASON_COUNT;
	for (__u32 i = 0; i < COUNTER_COUNT; i++) {
		if (before[i].packets == now[i].packets && before[i].bytes == now[i].bytes)
			continue;
		o->moved++;
		o->dir = i % DIR_COUNT;
		o->reason = i / DIR_COUNT % REASON_COUNT;
		o->audit = i / DIR_COUNT / REASON_COUNT;
		o->by.packets = now[i].packets - before[i].packets;
		o->by.bytes = now[i].bytes - before[i].bytes;
	}
}

/* 0, or -errno. For more than one buffer, the context says where the first ends. */
static int test_run(const struct hook *h, const void *data, __u32 len, __u32 linear, __u32 *retval)
{
	_cleanup_free_ void *copy_out = malloc(len);
	struct __sk_buff skb = {.data_end = linear};
	struct xdp_md xdp = {.data_end = linear};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = data, .data_size_in = len,
		    .data_out = copy_out, .data_size_out = len);
	int ret;

	if (linear && h->prog == PROG_xdp_in)
		return -EINVAL; /* some kernels cut the frame there, for a program without frags */
	if (linear) {
		opts.ctx_in = h->xdp ? (void *)&xdp : (void *)&skb;
		opts.ctx_size_in = h->xdp ? sizeof(xdp) : sizeof(skb);
	}
	ret = bpf_prog_test_run_opts(lab.progs.fd[h->prog], &opts);
	if (ret < 0)
		return ret;
	*retval = opts.retval;
	if (opts.data_size_out != len || memcmp(copy_out, data, len))
		fail_msg("%s changed the frame", h->name);
	return 0;
}

bool lab_run(const struct hook *h, const struct frame *f, __u32 linear, struct outcome *o)
{
	static struct counter counters[2][COUNTER_COUNT], *before = counters[0], *now = counters[1];
	const __u32 pass = h->xdp ? XDP_PASS : (__u32)TC_ACT_UNSPEC;
	const __u32 drop = h->xdp ? XDP_DROP : TC_ACT_SHOT;
	size_t skip = h->headerless ? ETH_HLEN : 0;
	struct counter *swap;
	__u32 retval = 0;
	int ret;

	if (lab.recount)
		assert_int_equal(counters_read(&lab.maps, before), 0);
	lab.recount = false;
	ret = test_run(h, f->data + skip, f->len - skip, linear, &retval);
	if (ret == -EINVAL && (linear || f->len - skip < REFUSED_BELOW))
		return false;
	if (ret < 0)
		fail_msg("%s: BPF_PROG_TEST_RUN of %zu bytes: %s", h->name, f->len - skip,
			 strerror(-ret));
	assert_int_equal(counters_read(&lab.maps, now), 0);
	if (retval != pass && retval != drop)
		fail_msg("%s returned %d", h->name, (int)retval);
	o->dropped = retval == drop;
	compare_counters(before, now, o);
	swap = before; /* nobody else counts */
	before = now;
	now = swap;
	lab.remembers |= !o->dropped &&
			 (h->xdp || o->reason == REASON_ALLOWED_PORT || o->reason == REASON_ND);
	return true;
}

void lab_run_before(const struct hook *h, const struct frame *f)
{
	struct outcome o;

	if (!f->before)
		return;
	lab_run_before(h, f->before);
	for (size_t i = 0; i < hook_count; i++)
		if (!hooks[i].xdp && hooks[i].headerless == h->headerless &&
		    hook_takes(&hooks[i], f->before))
			lab_run(&hooks[i], f->before, 0, &o);
}
