/* SPDX-License-Identifier: BSD-2-Clause */
/* What nf_tables holds of ours: dumps of one family's table `hostiso`. A table or set that is not
 * there has nothing in it. Dumps that a change interrupted are begun anew. */
#pragma once

#include "HostIsolation/nfttables.h"

struct nft_element {
	__u8 key[40];
	__u32 size;
	__u32 flags;	  /* NFT_SET_ELEM_* */
	__u64 timeout_ms; /* 0: none */
	__u64 left_ms;	  /* of it */
};

struct nft_element_vec {
	struct nft_element *items;
	size_t count, capacity;
};

int nft_read_elements(int family, const char *set, struct nft_element_vec *out, struct error *err);

struct nft_counter {
	int family;
	char name[COUNTER_NAME_MAX];
	struct counter value;
};

struct nft_counter_vec {
	struct nft_counter *items;
	size_t count, capacity;
};

/* Appends. */
int nft_read_counters(int family, struct nft_counter_vec *out, struct error *err);

/* Chains by name, and how many rules each has. */
struct nft_chain {
	char name[32];
	unsigned int rules;
};

struct nft_chain_vec {
	struct nft_chain *items;
	size_t count, capacity;
};

int nft_read_chains(int family, struct nft_chain_vec *out, struct error *err);

int nft_read_table(int family, bool *there, struct error *err);

/* Calls each with the key and user data of every element. */
struct nft_data_reader {
	int (*each)(__u32 key, const void *data, size_t size, void *arg);
	void (*restart)(void *arg);
	void *arg;
};
int nft_read_data(int family, const char *set, const struct nft_data_reader *r, struct error *err);

/* The user data of our set `note`; its size, or -ENOENT. */
#define NFT_NOTE_SET "note"
int nft_read_note(void *buf, size_t size, struct error *err);
