// SPDX-License-Identifier: BSD-2-Clause
/*
 * Our tables, written in one transaction:
 *
 *   inet    input, forward, output, postrouting: what is on a device that is not guarded drops
 *   arp     the same for ARP, where hooks on all devices are not to be had
 *   bridge  the same for frames that cross a bridge
 *   netdev  egress (and ingress): AF_PACKET frames; the backend's judge; with hooks on all devices
 *           also every frame of a device that is not guarded
 *
 * Where the kernel has no egress hook, the backend judges IP in inet prerouting and postrouting.
 */
#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "HostIsolation/maps.h"
#include "HostIsolation/nftread.h"
#include "HostIsolation/nftinstall.h"
#include <linux/netfilter_arp.h> /* behind netinet/in.h */
#include <linux/netfilter_bridge.h>

/* Before everybody else, so that what drops costs nobody anything; and after everybody else on the
 * way out, where a packet may have been routed anew. */
#define FIRST INT_MIN
#define LAST INT_MAX

/* One table after the other. */
struct install {
	struct nft_writer w;
	struct nft_note note;
	enum nft_family at;
};

static void put_base(struct install *in, const char *chain, int hook, int priority)
{
	struct nft_rules *r = &in->w.rules;

	nft_put_base_chain(r->batch, r->family, NFT_TABLE, chain, hook, priority,
			   r->family == NFPROTO_NETDEV ? NFT_ANY_DEVICE : NULL);
}

/* When the time is over, all pass. */
static void put_armed(struct install *in, const char *chain)
{
	struct nft_rules *r = &in->w.rules;

	rule_begin(r, chain);
	if_zero_not_in(r, nft_armed_set.name);
	do_verdict(r, NF_ACCEPT, NULL);
	rule_end(r);
}

static void put_loopback(struct install *in, const char *chain, int meta)
{
	struct nft_rules *r = &in->w.rules;

	rule_begin(r, chain);
	if_meta_u32(r, meta, NFT_CMP_EQ, IFINDEX_LO);
	do_verdict(r, NF_ACCEPT, NULL);
	rule_end(r);
}

static const char *const unguarded_chains[] = {
	[DIR_IN] = "unguarded_in", [DIR_OUT] = "unguarded_out"};

static void put_unguarded_chains(struct install *in)
{
	struct nft_rules *r = &in->w.rules;

	for (int dir = 0; dir < DIR_COUNT; dir++) {
		char name[COUNTER_NAME_MAX];

		nft_put_chain(r->batch, r->family, NFT_TABLE, unguarded_chains[dir]);
		if (in->w.policy->named)
			continue; /* and so it is passed */
		put_armed(in, unguarded_chains[dir]);
		nft_counter_name(name, in->w.policy->audit, WORD_UNGUARDED, dir);
		rule_begin(r, unguarded_chains[dir]);
		do_count(r, name);
		do_drop(&in->w);
	}
}

static void begin_table(struct install *in, enum nft_family family)
{
	struct nft_rules *r = &in->w.rules;

	in->at = family;
	r->family = nft_families[family];
	r->count = &in->note.rules[family];
	nft_put_table_gone(r->batch, r->family, NFT_TABLE);
	nft_put_table(r->batch, r->family, NFT_TABLE, NULL, 0);
	nft_put_common_sets(&in->w);
	nft_put_counters(&in->w, WORD_UNGUARDED);
	put_unguarded_chains(in);
}

/* One lookup is all that a packet of a guarded device costs. */
static void put_unguarded(struct install *in, const char *chain, int dir)
{
	struct nft_rules *r = &in->w.rules;

	rule_begin(r, chain);
	load_meta(r, dir == DIR_IN ? NFT_META_IIF : NFT_META_OIF, REG(0));
	if_not_in(r, nft_guarded_set.name, REG(0));
	do_verdict(r, NFT_GOTO, unguarded_chains[dir]);
	rule_end(r);
}

static void put_guard_chain(struct install *in, const char *chain, int hook, int priority, int dir)
{
	put_base(in, chain, hook, priority);
	put_unguarded(in, chain, dir);
}

static void put_goto(struct install *in, const char *chain, const char *to)
{
	rule_begin(&in->w.rules, chain);
	do_verdict(&in->w.rules, NFT_GOTO, to);
	rule_end(&in->w.rules);
}

static int put_inet(struct install *in, struct error *err)
{
	bool judge = in->note.backend && !(in->w.can & NFT_CAN_EGRESS);
	int ret = 0;

	begin_table(in, NFT_INET);
	if (judge) {
		ret = nft_put_allow_sets(&in->w, true, err);
		nft_put_judge_counters(&in->w);
		nft_put_judge(&in->w, DIR_IN, false, true);
		nft_put_judge(&in->w, DIR_OUT, false, true);
		put_guard_chain(in, "prerouting", NF_INET_PRE_ROUTING, FIRST, DIR_IN);
		put_loopback(in, "prerouting", NFT_META_IIF);
		put_armed(in, "prerouting");
		put_goto(in, "prerouting", "in");
	}
	put_guard_chain(in, "input", NF_INET_LOCAL_IN, FIRST, DIR_IN);
	put_guard_chain(in, "forward", NF_INET_FORWARD, FIRST, DIR_IN);
	put_unguarded(in, "forward", DIR_OUT);
	put_guard_chain(in, "output", NF_INET_LOCAL_OUT, FIRST, DIR_OUT);
	put_guard_chain(in, "postrouting", NF_INET_POST_ROUTING, LAST, DIR_OUT);
	if (judge) {
		put_loopback(in, "postrouting", NFT_META_OIF);
		put_armed(in, "postrouting");
		put_goto(in, "postrouting", "out");
	}
	return ret;
}

static void put_arp(struct install *in)
{
	begin_table(in, NFT_ARP);
	put_guard_chain(in, "input", NF_ARP_IN, FIRST, DIR_IN);
	put_guard_chain(in, "output", NF_ARP_OUT, FIRST, DIR_OUT);
}

static void put_bridge(struct install *in)
{
	begin_table(in, NFT_BRIDGE);
	put_guard_chain(in, "prerouting", NF_BR_PRE_ROUTING, FIRST, DIR_IN);
	put_guard_chain(in, "postrouting", NF_BR_POST_ROUTING, LAST, DIR_OUT);
	if (in->note.backend && !(in->w.can & NFT_CAN_EGRESS)) {
		/* no hook could judge what leaves by the other port */
		struct nft_rules *r = &in->w.rules;
		char name[COUNTER_NAME_MAX];

		nft_put_counters(&in->w, nft_reasons[REASON_NOT_ALLOWED].word);
		nft_counter_name(name, in->w.policy->audit, nft_reasons[REASON_NOT_ALLOWED].word,
				 DIR_OUT);
		put_base(in, "forward", NF_BR_FORWARD, FIRST);
		put_armed(in, "forward");
		rule_begin(r, "forward");
		do_count(r, name);
		do_drop(&in->w);
	}
}

/* What a process wrote itself has a socket, but no route: nobody asked the IP stack about it.
 * Frames that are only forwarded have no socket; a virtual machine's may have, and are judged the
 * same. */
static void put_frames_out(struct install *in)
{
	struct nft_rules *r = &in->w.rules;
	const char *rest = in->note.backend ? "out" : NULL;

	nft_put_chain(r->batch, r->family, NFT_TABLE, "frames_out");
	for (int marked = 0; marked < (in->w.can & NFT_CAN_SECMARK ? 2 : 1); marked++) {
		rule_begin(r, "frames_out");
		marked ? if_routed_mark(r) : if_route(r);
		do_verdict(r, rest ? NFT_GOTO : NF_ACCEPT, rest);
		rule_end(r);
	}
	rule_begin(r, "frames_out");
	if_socket(r);
	do_verdict(r, NFT_GOTO, "raw");
	rule_end(r);
	if (rest)
		put_goto(in, "frames_out", rest);
}

/* Either one base chain for all devices, or one for each of the guarded. */
static void put_device_chains(struct install *in, bool out)
{
	const char *chain = out ? "egress" : "ingress", *to = out ? "frames_out" : "in";
	int hook = out ? NF_NETDEV_EGRESS : NF_NETDEV_INGRESS;

	if (in->w.can & NFT_CAN_ANY_DEVICE) {
		put_guard_chain(in, chain, hook, FIRST, out ? DIR_OUT : DIR_IN);
		put_loopback(in, chain, out ? NFT_META_OIF : NFT_META_IIF);
		put_armed(in, chain);
		if (out && in->w.can & NFT_CAN_SECMARK)
			nft_put_routed_mark(&in->w.rules, chain);
		if (out || in->note.backend)
			put_goto(in, chain, to);
		return;
	}
	if (!out && !in->note.backend)
		return;
	for (size_t i = 0; i < in->w.policy->guarded_count && !in->w.rules.batch->error; i++)
		if (in->w.policy->guarded[i] != IFINDEX_LO)
			in->w.rules.batch->error = nft_put_device_chain(
				in->w.rules.batch, in->w.can, in->w.policy->guarded[i], out);
}

static int put_netdev(struct install *in, struct error *err)
{
	bool egress = in->w.can & NFT_CAN_EGRESS, backend = in->note.backend;
	int ret = 0;

	begin_table(in, NFT_NETDEV);
	if (egress || backend) {
		ret = nft_put_allow_sets(&in->w, backend, err);
		nft_put_counters(&in->w, WORD_RAW);
	}
	if (backend) {
		nft_put_judge_counters(&in->w);
		nft_put_judge(&in->w, DIR_IN, true, egress);
	}
	if (egress) {
		if (backend)
			nft_put_judge(&in->w, DIR_OUT, true, true);
		nft_put_raw(&in->w);
		put_frames_out(in);
		put_device_chains(in, true);
	}
	put_device_chains(in, false);
	return ret;
}

static void put_all_gone(struct nft_batch *b, unsigned int can)
{
	nft_put_table_gone(b, NFPROTO_NETDEV, NFT_TABLE);
	nft_put_table_gone(b, NFPROTO_INET, NFT_TABLE);
	if (can & NFT_CAN_ARP)
		nft_put_table_gone(b, NFPROTO_ARP, NFT_TABLE);
	if (can & NFT_CAN_BRIDGE)
		nft_put_table_gone(b, NFPROTO_BRIDGE, NFT_TABLE);
}

static int try_install(const struct nft_policy *p, const struct nft_note *note,
		       const struct nft_counter_vec *counters, struct error *err)
{
	struct install in = {
		.w = {.policy = p, .counters = counters, .now = boot_ns(), .can = note->can},
		.note = *note,
	};
	struct nft_batch b;
	int ret;

	nft_batch_begin(&b);
	in.w.rules.batch = &b;
	in.w.rules.table = NFT_TABLE;
	put_all_gone(&b, note->can);
	ret = put_netdev(&in, err);
	if (note->can & NFT_CAN_ARP)
		put_arp(&in);
	if (note->can & NFT_CAN_BRIDGE)
		put_bridge(&in);
	if (!ret)
		ret = put_inet(&in, err);
	nft_put_note(&b, &in.note);
	nft_put_backend_blob(&b, p->blob, p->blob_size);
	if (!ret)
		ret = nft_commit(&b, err);
	nft_batch_free(&b);
	return ret;
}

/*
 * At first as if the kernel could do everything: that is so nearly everywhere, and one transaction
 * is refused or taken as a whole. Only then it is asked for each part, which takes four times as
 * long.
 */
static int install_kind(const struct nft_policy *p, bool backend, unsigned int *can,
			struct error *err)
{
	struct nft_note note = {.backend = backend, .audit = p->audit, .named = p->named};
	struct nft_counter_vec counters = {};
	unsigned int found;
	int ret = 0;

	for (int i = 0; i < NFT_FAMILIES && !ret; i++)
		ret = nft_read_counters(nft_families[i], &counters, err);
	note.can = (nft_library_can() | p->force) & ~p->cannot;
	if (!ret)
		ret = try_install(p, &note, &counters, err);
	if (ret && ret != -ENODEV && ret != -ENOMEM && !nft_probe(&found, err)) {
		note.can = (found | p->force) & ~p->cannot;
		ret = try_install(p, &note, &counters, err);
	}
	free(counters.items);
	if (!ret && can)
		*can = note.can;
	return ret;
}

int nft_backstop_install(const struct nft_policy *p, unsigned int *can, struct error *err)
{
	return install_kind(p, false, can, err);
}

int nft_backend_install(const struct nft_policy *p, unsigned int *can, struct error *err)
{
	return install_kind(p, true, can, err);
}
