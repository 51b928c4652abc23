// SPDX-License-Identifier: BSD-2-Clause
/* Small changes to what is installed: a device more or less, the deadline, and its removal. */
#include "HostIsolation/nftinstall.h"

#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "HostIsolation/nftread.h"

/* As nft(8) writes user data: type, length, value. */
#define NOTE_TYPE 0x68

struct stored_note {
	__u8 type, size;
	__u8 version, pad;
	struct nft_note note;
};

#define NOTE_VERSION 1

void nft_put_note(struct nft_batch *b, const struct nft_note *note)
{
	struct stored_note s = {
		.type = NOTE_TYPE, .size = sizeof(s) - 2, .version = NOTE_VERSION, .note = *note};
	struct nlmsghdr *nlh =
		nft_put(b, NFT_MSG_NEWSET, NFPROTO_INET, NLM_F_CREATE, "adding nftables note");

	mnl_attr_put_strz(nlh, NFTA_SET_TABLE, NFT_TABLE);
	mnl_attr_put_strz(nlh, NFTA_SET_NAME, NFT_NOTE_SET);
	mnl_attr_put_u32(nlh, NFTA_SET_KEY_TYPE, htonl(NFT_TYPE_MARK));
	mnl_attr_put_u32(nlh, NFTA_SET_KEY_LEN, htonl(4));
	mnl_attr_put_u32(nlh, NFTA_SET_ID, htonl(b->seq));
	mnl_attr_put(nlh, NFTA_SET_USERDATA, sizeof(s), &s);
	nft_put_end(b, nlh);
}

int nft_note_read(struct nft_note *out, struct error *err)
{
	struct stored_note s;
	int ret = nft_read_note(&s, sizeof(s), err);

	if (ret == -ENOENT)
		return fail(err, ret, "hostiso's nftables tables are not installed");
	if (ret < 0)
		return ret;
	if (ret != sizeof(s) || s.type != NOTE_TYPE || s.version != NOTE_VERSION)
		return fail(err, -EPROTO,
			    "the nftables tables were installed by another version of hostiso; "
			    "release, and isolate again");
	*out = s.note;
	return 0;
}

static void device_chain_name(char name[32], int ifindex, bool out)
{
	snprintf(name, 32, "%s%d", out ? DEVICE_CHAIN_OUT : DEVICE_CHAIN_IN, ifindex);
}

int nft_put_device_chain(struct nft_batch *b, unsigned int can, int ifindex, bool out)
{
	struct nft_rules r = {.batch = b, .family = NFPROTO_NETDEV, .table = NFT_TABLE};
	char name[32], device[IF_NAMESIZE];
	int ret = 0;

	if (!if_indextoname((unsigned int)ifindex, device))
		return -ENODEV;
	device_chain_name(name, ifindex, out);
	nft_put_base_chain(b, r.family, r.table, name, out ? NF_NETDEV_EGRESS : NF_NETDEV_INGRESS,
			   INT_MIN, device);
	rule_begin(&r, name);
	if_zero_not_in(&r, nft_armed_set.name);
	do_verdict(&r, NF_ACCEPT, NULL);
	rule_end(&r);
	if (out && can & NFT_CAN_SECMARK)
		ret = nft_put_device_routed_mark(&r, name, ifindex);
	rule_begin(&r, name);
	do_verdict(&r, NFT_GOTO, out ? "frames_out" : "in");
	rule_end(&r);
	return ret;
}

static bool has_table(const struct nft_note *note, enum nft_family family)
{
	return (family != NFT_ARP || note->can & NFT_CAN_ARP) &&
	       (family != NFT_BRIDGE || note->can & NFT_CAN_BRIDGE);
}

static bool is_guarded(int family, int ifindex)
{
	struct nft_element_vec v = {};
	bool found = false;

	if (!nft_read_elements(family, nft_guarded_set.name, &v, NULL))
		for (size_t i = 0; i < v.count; i++)
			found |= !memcmp(v.items[i].key, &ifindex, sizeof(ifindex));
	free(v.items);
	return found;
}

static bool has_chain(const struct nft_chain_vec *chains, const char *name)
{
	for (size_t i = 0; i < chains->count; i++)
		if (!strcmp(chains->items[i].name, name))
			return true;
	return false;
}

static void put_chain_gone(struct nft_batch *b, const char *name)
{
	struct nlmsghdr *nlh = nft_put(b, NFT_MSG_DELRULE, NFPROTO_NETDEV, 0,
				       "removing the rules of chain %s", name);

	mnl_attr_put_strz(nlh, NFTA_RULE_TABLE, NFT_TABLE);
	mnl_attr_put_strz(nlh, NFTA_RULE_CHAIN, name);
	nft_put_end(b, nlh);
	nlh = nft_put(b, NFT_MSG_DELCHAIN, NFPROTO_NETDEV, 0, "removing nftables chain %s", name);
	mnl_attr_put_strz(nlh, NFTA_CHAIN_TABLE, NFT_TABLE);
	mnl_attr_put_strz(nlh, NFTA_CHAIN_NAME, name);
	nft_put_end(b, nlh);
}

/* The device's own chains: those that are needed and missing, or there and to go. */
static int put_device_chains(struct nft_batch *b, const struct nft_note *note, int ifindex,
			     bool guard, struct error *err)
{
	struct nft_chain_vec chains = {};
	int ret = nft_read_chains(NFPROTO_NETDEV, &chains, err);

	for (int out = 0; out < 2 && !ret; out++) {
		bool needed = out ? note->can & NFT_CAN_EGRESS : note->backend;
		char name[32];

		device_chain_name(name, ifindex, out);
		if (!guard && has_chain(&chains, name))
			put_chain_gone(b, name);
		if (guard && needed && !(note->can & NFT_CAN_ANY_DEVICE) &&
		    !has_chain(&chains, name))
			ret = nft_put_device_chain(b, note->can, ifindex, out);
	}
	free(chains.items);
	if (ret == -ENODEV)
		return fail(err, ret, "there is no device with index %d", ifindex);
	return ret;
}

static int change_guard(int ifindex, bool guard, struct error *err)
{
	struct nft_note note;
	struct nft_batch b;
	bool any = false;
	int ret = nft_note_read(&note, err);

	if (ret)
		return ret;
	nft_batch_begin(&b);
	for (enum nft_family i = 0; i < NFT_FAMILIES; i++) {
		struct nft_elements e = {.batch = &b,
					 .family = nft_families[i],
					 .table = NFT_TABLE,
					 .set = &nft_guarded_set,
					 .type = guard ? NFT_MSG_NEWSETELEM : NFT_MSG_DELSETELEM};

		if (!has_table(&note, i) || is_guarded(nft_families[i], ifindex) == guard)
			continue;
		nft_put_element(&e, &ifindex, NULL, 0, 0);
		nft_put_elements_end(&e);
		any = true;
	}
	__u32 before = b.seq;

	ret = put_device_chains(&b, &note, ifindex, guard, err);
	if (!ret && (any || b.seq != before))
		ret = nft_commit(&b, err);
	nft_batch_free(&b);
	return ret;
}

int nft_guard(int ifindex, struct error *err)
{
	return change_guard(ifindex, true, err);
}

int nft_unguard(int ifindex, struct error *err)
{
	return ifindex == IFINDEX_LO ? 0 : change_guard(ifindex, false, err);
}

int nft_set_deadline(__u64 for_ns, struct error *err)
{
	struct nft_note note;
	struct nft_batch b;
	int ret = nft_note_read(&note, err);

	if (ret)
		return ret;
	nft_batch_begin(&b);
	for (enum nft_family i = 0; i < NFT_FAMILIES; i++) {
		struct nft_elements e = {.batch = &b,
					 .family = nft_families[i],
					 .table = NFT_TABLE,
					 .set = &nft_armed_set};
		struct nft_element_vec v = {};

		if (!has_table(&note, i))
			continue;
		/* a timeout cannot be changed before 6.12, only taken away with its element */
		if (!nft_read_elements(nft_families[i], nft_armed_set.name, &v, NULL) && v.count) {
			e.type = NFT_MSG_DELSETELEM;
			nft_put_element(&e, &nft_armed_key, NULL, 0, 0);
			nft_put_elements_end(&e);
		}
		free(v.items);
		e.type = NFT_MSG_NEWSETELEM;
		nft_put_element(&e, &nft_armed_key, NULL, (for_ns + 999999) / 1000000, 0);
		nft_put_elements_end(&e);
	}
	ret = nft_commit(&b, err);
	nft_batch_free(&b);
	return ret;
}

int nft_remove_all(struct error *err)
{
	struct nft_batch b;
	bool any = false;
	int ret = 0;

	nft_batch_begin(&b);
	for (int i = 0; i < NFT_FAMILIES && !ret; i++) {
		bool there = false;

		ret = nft_read_table(nft_families[i], &there, err);
		if (there)
			nft_put_table_gone(&b, nft_families[i], NFT_TABLE);
		any |= there;
	}
	if (!ret && any)
		ret = nft_commit(&b, err);
	nft_batch_free(&b);
	return ret;
}
