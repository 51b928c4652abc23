// SPDX-License-Identifier: BSD-2-Clause
/* Tables, chains, counters, sets and elements as messages of a transaction. */
#include "HostIsolation/nftbatch.h"

#include <arpa/inet.h>
#include <endian.h>
#include <string.h>

/* Not in the headers this is built with. */
#define HOOK_DEVICE_PREFIX 2 /* NFTA_DEVICE_PREFIX, Linux 6.18 */

void nft_put_table(struct nft_batch *b, int family, const char *name, const void *udata,
		   size_t udata_size)
{
	struct nlmsghdr *nlh = nft_put(b, NFT_MSG_NEWTABLE, family, NLM_F_CREATE,
				       "adding nftables table %s", name);

	mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, name);
	mnl_attr_put_u32(nlh, NFTA_TABLE_FLAGS, 0);
	if (udata_size)
		mnl_attr_put(nlh, NFTA_TABLE_USERDATA, udata_size, udata);
	nft_put_end(b, nlh);
}

/* There is no "delete if there" before 6.3, but making it first comes to the same. */
void nft_put_table_gone(struct nft_batch *b, int family, const char *name)
{
	struct nlmsghdr *nlh;

	nft_put_table(b, family, name, NULL, 0);
	nlh = nft_put(b, NFT_MSG_DELTABLE, family, 0, "removing nftables table %s", name);
	mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, name);
	nft_put_end(b, nlh);
}

void nft_put_base_chain(struct nft_batch *b, int family, const char *table, const char *name,
			int hook, int priority, const char *device)
{
	struct nlmsghdr *nlh = nft_put(b, NFT_MSG_NEWCHAIN, family, NLM_F_CREATE,
				       "adding nftables chain %s", name);
	struct nlattr *nest, *devices;

	mnl_attr_put_strz(nlh, NFTA_CHAIN_TABLE, table);
	mnl_attr_put_strz(nlh, NFTA_CHAIN_NAME, name);
	mnl_attr_put_strz(nlh, NFTA_CHAIN_TYPE, "filter");
	mnl_attr_put_u32(nlh, NFTA_CHAIN_POLICY, htonl(NF_ACCEPT));
	nest = mnl_attr_nest_start(nlh, NFTA_CHAIN_HOOK);
	mnl_attr_put_u32(nlh, NFTA_HOOK_HOOKNUM, htonl((__u32)hook));
	mnl_attr_put_u32(nlh, NFTA_HOOK_PRIORITY, htonl((__u32)priority));
	if (device && *device)
		mnl_attr_put_strz(nlh, NFTA_HOOK_DEV, device);
	if (device && !*device) {
		devices = mnl_attr_nest_start(nlh, NFTA_HOOK_DEVS);
		mnl_attr_put(nlh, HOOK_DEVICE_PREFIX, 0, "");
		mnl_attr_nest_end(nlh, devices);
	}
	mnl_attr_nest_end(nlh, nest);
	nft_put_end(b, nlh);
}

void nft_put_chain(struct nft_batch *b, int family, const char *table, const char *name)
{
	struct nlmsghdr *nlh = nft_put(b, NFT_MSG_NEWCHAIN, family, NLM_F_CREATE,
				       "adding nftables chain %s", name);

	mnl_attr_put_strz(nlh, NFTA_CHAIN_TABLE, table);
	mnl_attr_put_strz(nlh, NFTA_CHAIN_NAME, name);
	nft_put_end(b, nlh);
}

void nft_put_counter(struct nft_batch *b, int family, const char *table, const char *name,
		     __u64 packets, __u64 bytes)
{
	struct nlmsghdr *nlh = nft_put(b, NFT_MSG_NEWOBJ, family, NLM_F_CREATE,
				       "adding nftables counter %s", name);
	struct nlattr *nest;

	mnl_attr_put_strz(nlh, NFTA_OBJ_TABLE, table);
	mnl_attr_put_strz(nlh, NFTA_OBJ_NAME, name);
	mnl_attr_put_u32(nlh, NFTA_OBJ_TYPE, htonl(NFT_OBJECT_COUNTER));
	nest = mnl_attr_nest_start(nlh, NFTA_OBJ_DATA);
	mnl_attr_put_u64(nlh, NFTA_COUNTER_BYTES, htobe64(bytes));
	mnl_attr_put_u64(nlh, NFTA_COUNTER_PACKETS, htobe64(packets));
	mnl_attr_nest_end(nlh, nest);
	nft_put_end(b, nlh);
}

__u32 nft_set_key_size(const struct nft_set *set)
{
	__u32 size = 0;

	if (set->field_count == 1)
		return set->fields[0].size;
	for (int i = 0; i < set->field_count; i++)
		size += (set->fields[i].size + 3) & ~3u;
	return size;
}

/* nft(8) packs the types of a concatenation into one number, six bits each. */
static __u32 key_type(const struct nft_set *set)
{
	__u32 type = 0;

	for (int i = 0; i < set->field_count; i++)
		type = type << 6 | set->fields[i].type;
	return type;
}

/* nft(8) takes numbers in keys for network order, unless the set's user data says otherwise. */
static const struct {
	__u8 type, size, value[4];
} host_order = {0 /* NFTNL_UDATA_SET_KEYBYTEORDER */, 4, {1}};

static bool is_host_order(enum nft_type type)
{
	return type == NFT_TYPE_IFINDEX || type == NFT_TYPE_MARK;
}

void nft_put_set(struct nft_batch *b, int family, const char *table, const struct nft_set *set)
{
	struct nlmsghdr *nlh = nft_put(b, NFT_MSG_NEWSET, family, NLM_F_CREATE,
				       "adding nftables set %s", set->name);
	__u32 flags = set->flags;

	if (set->field_count > 1 && flags & NFT_SET_INTERVAL)
		flags |= NFT_SET_CONCAT;
	mnl_attr_put_strz(nlh, NFTA_SET_TABLE, table);
	mnl_attr_put_strz(nlh, NFTA_SET_NAME, set->name);
	mnl_attr_put_u32(nlh, NFTA_SET_FLAGS, htonl(flags));
	mnl_attr_put_u32(nlh, NFTA_SET_KEY_TYPE, htonl(key_type(set)));
	mnl_attr_put_u32(nlh, NFTA_SET_KEY_LEN, htonl(nft_set_key_size(set)));
	mnl_attr_put_u32(nlh, NFTA_SET_ID, htonl(b->seq));
	if (set->timeout_ms)
		mnl_attr_put_u64(nlh, NFTA_SET_TIMEOUT, htobe64(set->timeout_ms));
	if (set->size || flags & NFT_SET_CONCAT) {
		struct nlattr *desc = mnl_attr_nest_start(nlh, NFTA_SET_DESC);

		if (set->size)
			mnl_attr_put_u32(nlh, NFTA_SET_DESC_SIZE, htonl(set->size));
		if (flags & NFT_SET_CONCAT) {
			struct nlattr *concat = mnl_attr_nest_start(nlh, NFTA_SET_DESC_CONCAT);

			for (int i = 0; i < set->field_count; i++) {
				struct nlattr *f = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);

				mnl_attr_put_u32(nlh, NFTA_SET_FIELD_LEN,
						 htonl(set->fields[i].size));
				mnl_attr_nest_end(nlh, f);
			}
			mnl_attr_nest_end(nlh, concat);
		}
		mnl_attr_nest_end(nlh, desc);
	}
	if (set->field_count == 1 && is_host_order(set->fields[0].type))
		mnl_attr_put(nlh, NFTA_SET_USERDATA, sizeof(host_order), &host_order);
	nft_put_end(b, nlh);
}

static void put_key(struct nlmsghdr *nlh, __u16 attr, const void *key, __u32 size)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, attr);

	mnl_attr_put(nlh, NFTA_DATA_VALUE, size, key);
	mnl_attr_nest_end(nlh, nest);
}

/* Older kernels (5.10 among them) round down to ticks, and take none for no timeout at all. */
#define TIMEOUT_MIN_MS 20
#define ELEMENT_ROOM 512 /* the longest: two keys of 40 bytes, a timeout, flags, user data */

void nft_put_element(struct nft_elements *e, const void *key, const void *key_end, __u64 timeout_ms,
		     __u32 flags)
{
	__u32 size = nft_set_key_size(e->set);
	struct nlattr *elem;

	if (e->nlh && e->nlh->nlmsg_len + ELEMENT_ROOM > NFT_MESSAGE_ROOM / 2)
		nft_put_elements_end(e);
	if (!e->nlh) {
		bool add = e->type == NFT_MSG_NEWSETELEM;

		e->nlh = nft_put(e->batch, e->type, e->family, add ? NLM_F_CREATE : 0,
				 "%s nftables set %s", add ? "adding to" : "removing from",
				 e->set->name);
		mnl_attr_put_strz(e->nlh, NFTA_SET_ELEM_LIST_TABLE, e->table);
		mnl_attr_put_strz(e->nlh, NFTA_SET_ELEM_LIST_SET, e->set->name);
		e->list = mnl_attr_nest_start(e->nlh, NFTA_SET_ELEM_LIST_ELEMENTS);
	}
	elem = mnl_attr_nest_start(e->nlh, NFTA_LIST_ELEM);
	put_key(e->nlh, NFTA_SET_ELEM_KEY, key, size);
	if (key_end)
		put_key(e->nlh, NFTA_SET_ELEM_KEY_END, key_end, size);
	if (flags)
		mnl_attr_put_u32(e->nlh, NFTA_SET_ELEM_FLAGS, htonl(flags));
	if (timeout_ms)
		mnl_attr_put_u64(
			e->nlh, NFTA_SET_ELEM_TIMEOUT,
			htobe64(timeout_ms < TIMEOUT_MIN_MS ? TIMEOUT_MIN_MS : timeout_ms));
	if (e->data)
		mnl_attr_put(e->nlh, NFTA_SET_ELEM_USERDATA, e->data_size, e->data);
	mnl_attr_nest_end(e->nlh, elem);
}

void nft_put_elements_end(struct nft_elements *e)
{
	if (!e->nlh)
		return;
	mnl_attr_nest_end(e->nlh, e->list);
	nft_put_end(e->batch, e->nlh);
	e->nlh = NULL;
}
