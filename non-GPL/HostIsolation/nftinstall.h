/* SPDX-License-Identifier: BSD-2-Clause */
/* Between nftinstall.c, which writes the tables, and nftchange.c and nftstate.c, which change and
 * read them. */
#pragma once

#include "HostIsolation/nfttables.h"

/*
 * What was installed, as the user data of an empty set: what nf_tables itself cannot tell. Rules in
 * per-device chains are not counted in, since those go with their device.
 */
struct nft_note {
	__u8 backend;
	__u8 audit;
	__u8 named;
	__u8 pad;
	__u32 can;
	__u32 rules[NFT_FAMILIES];
};

void nft_put_note(struct nft_batch *b, const struct nft_note *note);
/* -ENOENT when we are not installed. */
int nft_note_read(struct nft_note *out, struct error *err);

/* nftblob.c: bytes, as the user data of a set's elements. None: no set. */
void nft_put_backend_blob(struct nft_batch *b, const void *blob, size_t size);

/* The base chain of one device, "egress_7", and its rules. can: NFT_CAN_*. -ENODEV. */
#define DEVICE_CHAIN_OUT "egress_"
#define DEVICE_CHAIN_IN "ingress_"
int nft_put_device_chain(struct nft_batch *b, unsigned int can, int ifindex, bool out);
