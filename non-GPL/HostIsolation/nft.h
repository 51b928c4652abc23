/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * nftables: the backstop behind the programs, and the backend for kernels that refuse programs.
 *
 * The backstop (nft_backstop_install) drops everything on devices that are not guarded, so that a
 * device that appears later is shut from its first packet without anybody running, and drops
 * AF_PACKET frames to peers that are not allowed on the guarded ones, since PACKET_QDISC_BYPASS
 * keeps those from tc. On a device that is not guarded nothing passes, allowed peers included:
 * fail closed, and one rule instead of the whole policy a second time. Loopback is left alone.
 *
 * The backend (nft_backend_install) does the same and judges all traffic by rules as well.
 *
 * Both live in our own tables `hostiso` of the families inet, netdev, arp and bridge of the current
 * network namespace, and are put there in one transaction that replaces what was there of ours.
 * Nobody else's table is touched. Both end by themselves when their time is over, without any user
 * space: what arms them is a set element with a timeout.
 *
 * Devices are known by index, since names change hands. An index can come back too: when a device
 * is moved to another namespace and returns, or one is made with a given index. Whoever hears of a
 * device that leaves calls nft_unguard(); without that the returned one counts as guarded.
 * Another tool's `nft flush ruleset` removes our tables as well; nft_state_read() tells.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include "HostIsolation/compile.h"
#include "HostIsolation/layout.h"
#include "HostIsolation/error.h"

/* What this kernel lets us do; each bit that is missing costs what stands behind it. */
#define NFT_CAN_EGRESS (1u << 0) /* netdev egress (5.16): AF_PACKET frames that skip tc */
#define NFT_CAN_ANY_DEVICE                                                                         \
	(1u << 1)		  /* hooks on devices to come (6.18): all their frames; only       \
				     where this host's nft(8) survives listing them */
#define NFT_CAN_ARP (1u << 2)	  /* ARP on devices to come */
#define NFT_CAN_BRIDGE (1u << 3)  /* frames that cross a bridge to or from devices to come */
#define NFT_CAN_OPTIONS (1u << 4) /* IPv4 source routes (backend) */
#define NFT_CAN_SECMARK (1u << 5) /* packets with a route are marked: nft_put_routed_mark() */
#define NFT_CAN_ALL ((1u << 6) - 1)

/* 0 with the bits in *can, or -errno with one line when nf_tables cannot be used at all. Changes
 * nothing, in the kernel neither. */
int nft_probe(unsigned int *can, struct error *err);

/* One line for each missing bit (0..count-1), for status and for people; NULL behind the last. */
const char *nft_cannot_text(unsigned int can, bool backend, size_t index);

struct nft_policy {
	bool audit;   /* count, drop nothing */
	bool named;   /* isolate --dev: what is not guarded is left open */
	__u64 for_ns; /* ends by itself after this time (clock stopped in suspend); 0: never */
	const struct compiled *allow; /* NULL: nobody */
	const struct kept_key *kept;  /* backend: the connections of --keep-ssh */
	size_t kept_count;
	const void *blob; /* backend: bytes to keep with the tables, for nft_backend_blob_read() */
	size_t blob_size;
	const int *guarded; /* interface indexes (loopback need not be among them) */
	size_t guarded_count;
	unsigned int cannot; /* for tests: features not to use even if the kernel has them, */
	unsigned int force;  /* and to use even if nft(8) cannot list them */
};

/*
 * Installs, or replaces what is installed; counters, flows and learnt neighbours live on. *can (may
 * be NULL) gets the features used. -ENODEV when a guarded device went meanwhile (before 6.16 with
 * egress: try again with a new list).
 */
int nft_backstop_install(const struct nft_policy *p, unsigned int *can, struct error *err);
int nft_backend_install(const struct nft_policy *p, unsigned int *can, struct error *err);

/* One device more, one less, in whichever of the two is installed. -ENOENT when none is. Guarding a
 * guarded device and unguarding an unknown one are no errors. */
int nft_guard(int ifindex, struct error *err);
int nft_unguard(int ifindex, struct error *err);

/* Sets the time left anew; 0: for ever. -ENOENT when nothing is installed. */
int nft_set_deadline(__u64 for_ns, struct error *err);

/* Removes our tables, all or none. 0 as well when nothing was there. */
int nft_remove_all(struct error *err);

enum nft_kind { NFT_NONE, NFT_BACKSTOP, NFT_BACKEND };

/* What the kernel has now. */
struct nft_state {
	enum nft_kind kind;
	bool audit, named;
	bool armed;	  /* false: the time is over, everything passes */
	__u64 left_ns;	  /* until then; 0: for ever */
	unsigned int can; /* features in use */
	bool torn;	  /* somebody removed or changed a part: */
	char torn_text[160];
	int *guarded;
	size_t guarded_count;
	struct counter counters[COUNTER_COUNT]; /* backend: by counter_index(); of the backstop: */
	struct counter unguarded[2][DIR_COUNT]; /* [audit]: of all kinds, on devices that are not
						   guarded */
	struct counter raw[2][DIR_COUNT];	/* [audit]: AF_PACKET frames (only out) */
};

/* Only which of them; what cannot be read is none. */
enum nft_kind nft_kind_now(void);
/* The blob of nft_policy; the caller frees it. -ENOENT. */
int nft_backend_blob_read(void **blob, size_t *size, struct error *err);
int nft_state_read(struct nft_state *out, struct error *err);
/* The counters alone, which is much less to ask for. Nothing to free. */
int nft_state_read_counters(struct nft_state *out, struct error *err);
void nft_state_free(struct nft_state *s);
