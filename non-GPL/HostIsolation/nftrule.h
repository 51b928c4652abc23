/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rules, written as they read: begin, conditions, what to do, end. A condition that does not hold
 * ends the rule without doing the rest; so does a header field that is not there.
 */
#pragma once

#include <libnftnl/rule.h>
#include "HostIsolation/nftbatch.h"

/* Where rules go: one table of one transaction. */
struct nft_rules {
	struct nft_batch *batch;
	int family;
	const char *table;
	struct nftnl_rule *rule; /* between begin and end */
	__u32 *count;		 /* counts the rules, unless NULL */
};

void rule_begin(struct nft_rules *r, const char *chain);
void rule_end(struct nft_rules *r);

/*
 * Registers are four bytes each (NFT_REG32_00 and up, as REG(0)…REG(15)); a value takes as many as
 * it needs. Concatenations are loaded into neighbouring ones.
 */
#define REG(n) (NFT_REG32_00 + (n))

/* meta: NFT_META_*. */
void load_meta(struct nft_rules *r, int key, int reg);
/* base: NFT_PAYLOAD_*_HEADER. */
void load_payload(struct nft_rules *r, int base, int offset, int len, int reg);
void load_value(struct nft_rules *r, int reg, const void *value, int len);
/* Writes a number into the frame's own notes: NFT_META_*. */
void do_set_meta(struct nft_rules *r, int key, __u32 value);

/* Compare what a register holds; op: NFT_CMP_*. */
void if_reg(struct nft_rules *r, int reg, int op, const void *value, int len);
/* (reg & mask) against value, of len bytes; the register is changed. */
void if_masked(struct nft_rules *r, int reg, int op, const void *mask, const void *value, int len);
void if_in(struct nft_rules *r, const char *set, int reg);
void if_not_in(struct nft_rules *r, const char *set, int reg);

/* The same in one step, through REG(0). Numbers are given in host order. */
void if_meta_u32(struct nft_rules *r, int key, int op, __u32 value);
void if_meta_u32_below(struct nft_rules *r, int key, __u32 limit);
void if_meta_u16(struct nft_rules *r, int key, int op, __u16 value); /* in host order in skb */
void if_meta_u8(struct nft_rules *r, int key, int op, __u8 value);
void if_protocol(struct nft_rules *r, __u16 ethertype);
void if_u8(struct nft_rules *r, int base, int offset, int op, __u8 value);
void if_be16(struct nft_rules *r, int base, int offset, int op, __u16 value);
void if_be32(struct nft_rules *r, int base, int offset, int op, __u32 value);
void if_bytes(struct nft_rules *r, int base, int offset, const void *value, int len);
void if_bits(struct nft_rules *r, int base, int offset, int op, __u8 mask, __u8 value);
/* First and last of a range of bytes. */
void if_between(struct nft_rules *r, int base, int offset, int len, const void *lo, const void *hi);

/* The frame has a route, or a socket: somebody asked the IP stack, or a process. */
void if_route(struct nft_rules *r);
void if_socket(struct nft_rules *r);
/* It goes out by a device of this kind (IFLA_INFO_KIND). */
void if_oifkind(struct nft_rules *r, const char *kind);
/* No element of the set has the key 0. */
void if_zero_not_in(struct nft_rules *r, const char *set);

/* An IPv4 option of this type is there. */
void if_option4(struct nft_rules *r, int type);
/* Bytes of the first IPv6 extension header of this type, if there is one. */
void load_exthdr6(struct nft_rules *r, int type, int offset, int len, int reg);

/* Add to a dynamic set, or renew its timeout, with the key at reg. Fails the rule when it is full.
 */
void do_update(struct nft_rules *r, const char *set, int reg, __u64 timeout_ms);
void do_count(struct nft_rules *r, const char *counter);
/* NF_ACCEPT, NF_DROP, NFT_RETURN, NFT_JUMP, NFT_GOTO. */
void do_verdict(struct nft_rules *r, int verdict, const char *chain);
