/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One nf_tables transaction: messages are collected and sent at once, so the kernel applies all of
 * them or none. Failures while collecting stick and come out of nft_commit().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <netinet/in.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/types.h>
#include "HostIsolation/error.h"

struct nft_batch {
	char *buf;
	size_t used, room;
	__u32 seq;
	char (*labels)[48]; /* by sequence number: what the message does */
	__u32 label_room;
	int error;
};

void nft_batch_begin(struct nft_batch *b);
void nft_batch_free(struct nft_batch *b);

/* Begins a message of type NFT_MSG_*; attributes are put in by libmnl or libnftnl (up to
 * NFT_MESSAGE_ROOM bytes), nft_put_end() ends it. The label is for the error: "adding set x". */
#define NFT_MESSAGE_ROOM 65536
struct nlmsghdr *nft_put(struct nft_batch *b, int type, int family, int flags, const char *label,
			 ...) __attribute__((format(printf, 5, 6)));
void nft_put_end(struct nft_batch *b, struct nlmsghdr *nlh);

/* Sends it. On failure nothing was changed; err tells which message, and what the kernel said. */
int nft_commit(struct nft_batch *b, struct error *err);

/* Table: made when it is not there. Its user data (at most 256 bytes) is kept by the kernel. */
void nft_put_table(struct nft_batch *b, int family, const char *name, const void *udata,
		   size_t udata_size);
/* Removed when it is there. */
void nft_put_table_gone(struct nft_batch *b, int family, const char *name);

#define NFT_ANY_DEVICE "" /* every device, also those to come: kernels from 6.18 */

/* A base chain, policy accept. `device`: for netdev chains (NFT_ANY_DEVICE), else NULL. */
void nft_put_base_chain(struct nft_batch *b, int family, const char *table, const char *name,
			int hook, int priority, const char *device);
void nft_put_chain(struct nft_batch *b, int family, const char *table, const char *name);

/* A named counter that begins at these values. */
void nft_put_counter(struct nft_batch *b, int family, const char *table, const char *name,
		     __u64 packets, __u64 bytes);

/* Data types of set keys, as nft(8) numbers them, so that it can list our sets. */
enum nft_type {
	NFT_TYPE_IFINDEX = 20,
	NFT_TYPE_MARK = 19,
	NFT_TYPE_IP4 = 7,
	NFT_TYPE_IP6 = 8,
	NFT_TYPE_PROTO = 12,
	NFT_TYPE_PORT = 13,
};

#define NFT_FIELDS_MAX 4

/* A set. Several fields are a concatenation, each padded to four bytes. */
struct nft_set {
	const char *name;
	__u32 flags; /* NFT_SET_* */
	int field_count;
	struct {
		enum nft_type type;
		__u32 size;
	} fields[NFT_FIELDS_MAX];
	__u32 size;	  /* elements at most, 0: no limit; needed for NFT_SET_EVAL */
	__u64 timeout_ms; /* of elements that have none of their own */
};

void nft_put_set(struct nft_batch *b, int family, const char *table, const struct nft_set *set);
__u32 nft_set_key_size(const struct nft_set *set);

/* Elements: collected, and put when they fill a message or at the end. */
struct nft_elements {
	struct nft_batch *batch;
	int family;
	const char *table;
	const struct nft_set *set;
	int type;	  /* NFT_MSG_NEWSETELEM or NFT_MSG_DELSETELEM */
	const void *data; /* user data of the next element: type, length, value; or NULL */
	__u32 data_size;
	struct nlmsghdr *nlh;
	struct nlattr *list;
};

/* key_end: NULL, or the last key of a concatenated range; timeout_ms 0: none; flags:
 * NFT_SET_ELEM_INTERVAL_END. */
void nft_put_element(struct nft_elements *e, const void *key, const void *key_end, __u64 timeout_ms,
		     __u32 flags);
void nft_put_elements_end(struct nft_elements *e);
