// SPDX-License-Identifier: BSD-2-Clause
/* Rules as messages of a transaction; libnftnl writes the expressions. */
#include "HostIsolation/nftrule.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <libnftnl/expr.h>

void rule_begin(struct nft_rules *r, const char *chain)
{
	r->rule = nftnl_rule_alloc();
	if (!r->rule) {
		r->batch->error = -ENOMEM;
		return;
	}
	nftnl_rule_set_u32(r->rule, NFTNL_RULE_FAMILY, (__u32)r->family);
	nftnl_rule_set_str(r->rule, NFTNL_RULE_TABLE, r->table);
	nftnl_rule_set_str(r->rule, NFTNL_RULE_CHAIN, chain);
}

void rule_end(struct nft_rules *r)
{
	struct nlmsghdr *nlh;

	if (!r->rule)
		return;
	nlh = nft_put(r->batch, NFT_MSG_NEWRULE, r->family, NLM_F_CREATE | NLM_F_APPEND,
		      "adding a rule to nftables chain %s",
		      nftnl_rule_get_str(r->rule, NFTNL_RULE_CHAIN));
	nftnl_rule_nlmsg_build_payload(nlh, r->rule);
	nft_put_end(r->batch, nlh);
	nftnl_rule_free(r->rule);
	r->rule = NULL;
	if (r->count)
		(*r->count)++;
}

static struct nftnl_expr *expr(struct nft_rules *r, const char *name)
{
	struct nftnl_expr *e = r->rule ? nftnl_expr_alloc(name) : NULL;

	if (e)
		nftnl_rule_add_expr(r->rule, e);
	else
		r->batch->error = -ENOMEM;
	return e;
}

/* Every expression is put together from numbers; a missing one was counted as an error above. */
static void set(struct nftnl_expr *e, int attr, __u32 value)
{
	if (e)
		nftnl_expr_set_u32(e, (__u16)attr, value);
}

static void set_data(struct nftnl_expr *e, int attr, const void *data, int len)
{
	if (e)
		nftnl_expr_set(e, (__u16)attr, data, (__u32)len);
}

static void set_text(struct nftnl_expr *e, int attr, const char *text)
{
	if (e)
		nftnl_expr_set_str(e, (__u16)attr, text);
}

void load_meta(struct nft_rules *r, int key, int reg)
{
	struct nftnl_expr *e = expr(r, "meta");

	set(e, NFTNL_EXPR_META_KEY, (__u32)key);
	set(e, NFTNL_EXPR_META_DREG, (__u32)reg);
}

void do_set_meta(struct nft_rules *r, int key, __u32 value)
{
	struct nftnl_expr *e;

	load_value(r, REG(0), &value, sizeof(value));
	e = expr(r, "meta");
	set(e, NFTNL_EXPR_META_KEY, (__u32)key);
	set(e, NFTNL_EXPR_META_SREG, (__u32)REG(0));
}

void load_payload(struct nft_rules *r, int base, int offset, int len, int reg)
{
	struct nftnl_expr *e = expr(r, "payload");

	set(e, NFTNL_EXPR_PAYLOAD_BASE, (__u32)base);
	set(e, NFTNL_EXPR_PAYLOAD_OFFSET, (__u32)offset);
	set(e, NFTNL_EXPR_PAYLOAD_LEN, (__u32)len);
	set(e, NFTNL_EXPR_PAYLOAD_DREG, (__u32)reg);
}

void load_value(struct nft_rules *r, int reg, const void *value, int len)
{
	struct nftnl_expr *e = expr(r, "immediate");

	set(e, NFTNL_EXPR_IMM_DREG, (__u32)reg);
	set_data(e, NFTNL_EXPR_IMM_DATA, value, len);
}

void if_reg(struct nft_rules *r, int reg, int op, const void *value, int len)
{
	struct nftnl_expr *e = expr(r, "cmp");

	set(e, NFTNL_EXPR_CMP_SREG, (__u32)reg);
	set(e, NFTNL_EXPR_CMP_OP, (__u32)op);
	set_data(e, NFTNL_EXPR_CMP_DATA, value, len);
}

void if_masked(struct nft_rules *r, int reg, int op, const void *mask, const void *value, int len)
{
	static const __u8 zero[16];
	struct nftnl_expr *e = expr(r, "bitwise");

	set(e, NFTNL_EXPR_BITWISE_SREG, (__u32)reg);
	set(e, NFTNL_EXPR_BITWISE_DREG, (__u32)reg);
	set(e, NFTNL_EXPR_BITWISE_LEN, (__u32)len);
	set_data(e, NFTNL_EXPR_BITWISE_MASK, mask, len);
	set_data(e, NFTNL_EXPR_BITWISE_XOR, zero, len);
	if_reg(r, reg, op, value, len);
}

static void lookup(struct nft_rules *r, const char *name, int reg, __u32 flags)
{
	struct nftnl_expr *e = expr(r, "lookup");

	set(e, NFTNL_EXPR_LOOKUP_SREG, (__u32)reg);
	set_text(e, NFTNL_EXPR_LOOKUP_SET, name);
	set(e, NFTNL_EXPR_LOOKUP_FLAGS, flags);
}

void if_in(struct nft_rules *r, const char *name, int reg)
{
	lookup(r, name, reg, 0);
}

void if_not_in(struct nft_rules *r, const char *name, int reg)
{
	lookup(r, name, reg, NFT_LOOKUP_F_INV);
}

void if_meta_u32(struct nft_rules *r, int key, int op, __u32 value)
{
	load_meta(r, key, REG(0));
	if_reg(r, REG(0), op, &value, sizeof(value));
}

/* Comparing is byte by byte, so a number must be turned around to be less or more. */
void if_meta_u32_below(struct nft_rules *r, int key, __u32 limit)
{
	__be32 be = htonl(limit);
	struct nftnl_expr *e;

	load_meta(r, key, REG(0));
	e = expr(r, "byteorder");
	set(e, NFTNL_EXPR_BYTEORDER_SREG, (__u32)REG(0));
	set(e, NFTNL_EXPR_BYTEORDER_DREG, (__u32)REG(0));
	set(e, NFTNL_EXPR_BYTEORDER_OP, NFT_BYTEORDER_HTON);
	set(e, NFTNL_EXPR_BYTEORDER_LEN, 4);
	set(e, NFTNL_EXPR_BYTEORDER_SIZE, 4);
	if_reg(r, REG(0), NFT_CMP_LT, &be, 4);
}

void if_meta_u16(struct nft_rules *r, int key, int op, __u16 value)
{
	load_meta(r, key, REG(0));
	if_reg(r, REG(0), op, &value, sizeof(value));
}

void if_meta_u8(struct nft_rules *r, int key, int op, __u8 value)
{
	load_meta(r, key, REG(0));
	if_reg(r, REG(0), op, &value, sizeof(value));
}

void if_protocol(struct nft_rules *r, __u16 ethertype)
{
	if_meta_u16(r, NFT_META_PROTOCOL, NFT_CMP_EQ, htons(ethertype));
}

void if_u8(struct nft_rules *r, int base, int offset, int op, __u8 value)
{
	load_payload(r, base, offset, 1, REG(0));
	if_reg(r, REG(0), op, &value, sizeof(value));
}

void if_be16(struct nft_rules *r, int base, int offset, int op, __u16 value)
{
	__be16 v = htons(value);

	load_payload(r, base, offset, 2, REG(0));
	if_reg(r, REG(0), op, &v, sizeof(v));
}

void if_be32(struct nft_rules *r, int base, int offset, int op, __u32 value)
{
	__be32 v = htonl(value);

	load_payload(r, base, offset, 4, REG(0));
	if_reg(r, REG(0), op, &v, sizeof(v));
}

void if_bytes(struct nft_rules *r, int base, int offset, const void *value, int len)
{
	load_payload(r, base, offset, len, REG(0));
	if_reg(r, REG(0), NFT_CMP_EQ, value, len);
}

void if_bits(struct nft_rules *r, int base, int offset, int op, __u8 mask, __u8 value)
{
	load_payload(r, base, offset, 1, REG(0));
	if_masked(r, REG(0), op, &mask, &value, 1);
}

void if_between(struct nft_rules *r, int base, int offset, int len, const void *lo, const void *hi)
{
	load_payload(r, base, offset, len, REG(0));
	if_reg(r, REG(0), NFT_CMP_GTE, lo, len);
	if_reg(r, REG(0), NFT_CMP_LTE, hi, len);
}

/* Loading ends the rule where there is none, and any number is at least 0. */
static void if_there(struct nft_rules *r, int key)
{
	if_meta_u32(r, key, NFT_CMP_GTE, 0);
}

void if_oifkind(struct nft_rules *r, const char *kind)
{
	char name[16] = {}; /* IFNAMSIZ in the kernel, padded with zeros */

	strncpy(name, kind, sizeof(name) - 1);
	load_meta(r, NFT_META_OIFKIND, REG(0));
	if_reg(r, REG(0), NFT_CMP_EQ, name, sizeof(name));
}

void if_route(struct nft_rules *r)
{
	if_there(r, NFT_META_RTCLASSID);
}

void if_socket(struct nft_rules *r)
{
	if_there(r, NFT_META_SKUID);
}

/* Written so that nft(8) can list it: a constant alone it cannot. */
void if_zero_not_in(struct nft_rules *r, const char *name)
{
	static const __u32 zero;
	struct nftnl_expr *e;

	load_meta(r, NFT_META_MARK, REG(0));
	e = expr(r, "bitwise");
	set(e, NFTNL_EXPR_BITWISE_SREG, (__u32)REG(0));
	set(e, NFTNL_EXPR_BITWISE_DREG, (__u32)REG(0));
	set(e, NFTNL_EXPR_BITWISE_LEN, sizeof(zero));
	set_data(e, NFTNL_EXPR_BITWISE_MASK, &zero, sizeof(zero));
	set_data(e, NFTNL_EXPR_BITWISE_XOR, &zero, sizeof(zero));
	if_not_in(r, name, REG(0));
}

static void exthdr(struct nft_rules *r, int op, int type, int offset, int len, int reg, __u32 flags)
{
	struct nftnl_expr *e = expr(r, "exthdr");

	if (e)
		nftnl_expr_set_u8(e, NFTNL_EXPR_EXTHDR_TYPE, (__u8)type);
	set(e, NFTNL_EXPR_EXTHDR_OP, (__u32)op);
	set(e, NFTNL_EXPR_EXTHDR_OFFSET, (__u32)offset);
	set(e, NFTNL_EXPR_EXTHDR_LEN, (__u32)len);
	set(e, NFTNL_EXPR_EXTHDR_FLAGS, flags);
	set(e, NFTNL_EXPR_EXTHDR_DREG, (__u32)reg);
}

void if_option4(struct nft_rules *r, int type)
{
	const __u8 one = 1;

	exthdr(r, NFT_EXTHDR_OP_IPV4, type, 0, 1, REG(0), NFT_EXTHDR_F_PRESENT);
	if_reg(r, REG(0), NFT_CMP_EQ, &one, 1);
}

void load_exthdr6(struct nft_rules *r, int type, int offset, int len, int reg)
{
	exthdr(r, NFT_EXTHDR_OP_IPV6, type, offset, len, reg, 0);
}

void do_update(struct nft_rules *r, const char *name, int reg, __u64 timeout_ms)
{
	struct nftnl_expr *e = expr(r, "dynset");

	set(e, NFTNL_EXPR_DYNSET_SREG_KEY, (__u32)reg);
	set(e, NFTNL_EXPR_DYNSET_OP, NFT_DYNSET_OP_UPDATE);
	set_text(e, NFTNL_EXPR_DYNSET_SET_NAME, name);
	if (e)
		nftnl_expr_set_u64(e, NFTNL_EXPR_DYNSET_TIMEOUT, timeout_ms);
}

void do_count(struct nft_rules *r, const char *counter)
{
	struct nftnl_expr *e = expr(r, "objref");

	set(e, NFTNL_EXPR_OBJREF_IMM_TYPE, NFT_OBJECT_COUNTER);
	set_text(e, NFTNL_EXPR_OBJREF_IMM_NAME, counter);
}

void do_verdict(struct nft_rules *r, int verdict, const char *chain)
{
	struct nftnl_expr *e = expr(r, "immediate");

	set(e, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
	set(e, NFTNL_EXPR_IMM_VERDICT, (__u32)verdict);
	if (chain)
		set_text(e, NFTNL_EXPR_IMM_CHAIN, chain);
}
