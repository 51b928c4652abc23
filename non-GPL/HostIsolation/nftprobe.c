// SPDX-License-Identifier: BSD-2-Clause
/*
 * What this kernel's nf_tables can do, found by trying: a transaction whose last message must fail
 * changes nothing, and the first error tells whether the part in question was taken.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <libnftnl/chain.h>
#include "HostIsolation/nfttables.h"
#include <linux/netfilter_arp.h> /* behind netinet/in.h */
#include <linux/netfilter_bridge.h>

#define PROBE_TABLE "hostiso_probe"

static void put_failing(struct nft_batch *b)
{
	struct nlmsghdr *nlh = nft_put(b, NFT_MSG_DELTABLE, NFPROTO_INET, 0, "end of probe");

	mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, PROBE_TABLE "_none");
	nft_put_end(b, nlh);
}

static void put_option_rule(struct nft_batch *b)
{
	struct nft_rules r = {.batch = b, .family = NFPROTO_NETDEV, .table = PROBE_TABLE};

	nft_put_chain(b, r.family, r.table, "probe");
	rule_begin(&r, "probe");
	if_option4(&r, 131);
	do_verdict(&r, NF_DROP, NULL);
	rule_end(&r);
}

static void put_egress(struct nft_batch *b)
{
	struct nft_rules r = {.batch = b, .family = NFPROTO_NETDEV, .table = PROBE_TABLE};

	nft_put_base_chain(b, r.family, r.table, "probe", NF_NETDEV_EGRESS, 0, "lo");
	rule_begin(&r, "probe");
	if_route(&r); /* needs CONFIG_IP_ROUTE_CLASSID */
	if_socket(&r);
	do_verdict(&r, NF_ACCEPT, NULL);
	rule_end(&r);
}

static void put_mark_rules(struct nft_batch *b)
{
	struct nft_rules r = {.batch = b, .family = NFPROTO_NETDEV, .table = PROBE_TABLE};

	nft_put_base_chain(b, r.family, r.table, "probe", NF_NETDEV_EGRESS, 0, "lo");
	nft_put_routed_mark(&r, "probe");
	rule_begin(&r, "probe");
	if_routed_mark(&r);
	do_verdict(&r, NF_ACCEPT, NULL);
	rule_end(&r);
}

static void put_part(struct nft_batch *b, unsigned int part)
{
	switch (part) {
	case 0: /* the tables every installation needs */
		nft_put_table(b, NFPROTO_INET, PROBE_TABLE, NULL, 0);
		nft_put_base_chain(b, NFPROTO_INET, PROBE_TABLE, "probe", NF_INET_LOCAL_IN, 0,
				   NULL);
		nft_put_table(b, NFPROTO_NETDEV, PROBE_TABLE, NULL, 0);
		nft_put_set(b, NFPROTO_NETDEV, PROBE_TABLE, &nft_armed_set);
		break;
	case NFT_CAN_EGRESS:
		nft_put_table(b, NFPROTO_NETDEV, PROBE_TABLE, NULL, 0);
		put_egress(b);
		break;
	case NFT_CAN_ANY_DEVICE:
		nft_put_table(b, NFPROTO_NETDEV, PROBE_TABLE, NULL, 0);
		nft_put_base_chain(b, NFPROTO_NETDEV, PROBE_TABLE, "probe", NF_NETDEV_INGRESS, 0,
				   NFT_ANY_DEVICE);
		break;
	case NFT_CAN_ARP:
		nft_put_table(b, NFPROTO_ARP, PROBE_TABLE, NULL, 0);
		nft_put_base_chain(b, NFPROTO_ARP, PROBE_TABLE, "probe", NF_ARP_OUT, 0, NULL);
		break;
	case NFT_CAN_BRIDGE:
		nft_put_table(b, NFPROTO_BRIDGE, PROBE_TABLE, NULL, 0);
		nft_put_base_chain(b, NFPROTO_BRIDGE, PROBE_TABLE, "probe", NF_BR_POST_ROUTING, 0,
				   NULL);
		break;
	case NFT_CAN_OPTIONS:
		nft_put_table(b, NFPROTO_NETDEV, PROBE_TABLE, NULL, 0);
		put_option_rule(b);
		break;
	case NFT_CAN_SECMARK:
		nft_put_table(b, NFPROTO_NETDEV, PROBE_TABLE, NULL, 0);
		put_mark_rules(b);
		break;
	}
}

/* 0 when the kernel took it. */
static int try_part(unsigned int part, struct error *err)
{
	struct error why = {};
	struct nft_batch b;
	int ret;

	nft_batch_begin(&b);
	put_part(&b, part);
	put_failing(&b);
	ret = nft_commit(&b, &why);
	nft_batch_free(&b);
	if (!ret)
		return fail(err, -EPROTO, "nf_tables took what it must refuse");
	if (!strncmp(why.text, "end of probe:", strlen("end of probe:")))
		return 0;
	return fail(err, ret, "%s", why.text);
}

/*
 * A libnftnl that does not know hooks on all devices makes nft(8) 1.0.6 list the ruleset for ever,
 * whoever asks. It is the library we use, too: so what it makes of such a chain tells.
 */
static bool library_knows_any_device(void)
{
	struct nftnl_chain *chain = nftnl_chain_alloc();
	struct nft_batch b;
	bool knows = false;

	nft_batch_begin(&b);
	struct nlmsghdr *nlh = (void *)(b.buf + b.used);

	nft_put_base_chain(&b, NFPROTO_NETDEV, PROBE_TABLE, "probe", NF_NETDEV_INGRESS, 0,
			   NFT_ANY_DEVICE);
	if (chain && !b.error)
		knows = nftnl_chain_nlmsg_parse(nlh, chain) == 0;
	if (chain)
		nftnl_chain_free(chain);
	nft_batch_free(&b);
	return knows;
}

unsigned int nft_library_can(void)
{
	return library_knows_any_device() ? NFT_CAN_ALL : NFT_CAN_ALL & ~NFT_CAN_ANY_DEVICE;
}

int nft_probe(unsigned int *can, struct error *err)
{
	struct error why = {};
	unsigned int found = 0;
	int ret = try_part(0, &why);

	if (ret)
		return fail(err, ret, "nftables cannot be used on this kernel: %s", why.text);
	for (unsigned int part = 1; part < NFT_CAN_ALL; part <<= 1)
		if (!try_part(part, NULL))
			found |= part;
	*can = found & nft_library_can();
	return 0;
}

const char *nft_cannot_text(unsigned int can, bool backend, size_t index)
{
	static const struct {
		unsigned int part;
		bool backend_only;
		const char *text;
	} parts[] = {
		{NFT_CAN_EGRESS, false,
		 "AF_PACKET frames with PACKET_QDISC_BYPASS pass: this kernel has no nftables "
		 "egress hook (Linux 5.16)"},
		{NFT_CAN_EGRESS, true,
		 "forwarding between bridge ports is shut whole, and frames that are not IP leave "
		 "unjudged: this kernel has no nftables egress hook (Linux 5.16)"},
		{NFT_CAN_ANY_DEVICE, false,
		 "AF_PACKET frames pass on devices that appear later, until they are guarded "
		 "(nftables shuts them from Linux 6.18 on, where libnftnl knows of it)"},
		{NFT_CAN_ARP, false,
		 "ARP passes on devices that appear later, until they are guarded: this kernel has "
		 "no nftables for ARP"},
		{NFT_CAN_BRIDGE, false,
		 "bridged frames pass on devices that appear later, until they are guarded: this "
		 "kernel has no nftables for bridges"},
		{NFT_CAN_SECMARK, false,
		 "below VLAN, bond and team devices ports and process grants may count for "
		 "nothing, allowed addresses pass: this kernel's nftables cannot mark them (skb->secmark)"},
		{NFT_CAN_OPTIONS, true,
		 "IPv4 source routes to allowed peers pass: this kernel's nftables does not know "
		 "IP options"},
	};

	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		if (can & parts[i].part || (parts[i].backend_only && !backend))
			continue;
		/* hooks on all devices see ARP and bridged frames, too */
		if (parts[i].part & (NFT_CAN_ARP | NFT_CAN_BRIDGE) && can & NFT_CAN_ANY_DEVICE &&
		    can & NFT_CAN_EGRESS)
			continue;
		if (!index--)
			return parts[i].text;
	}
	return NULL;
}
