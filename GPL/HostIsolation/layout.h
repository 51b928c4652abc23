/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The layouts of the pinned maps: what the filter and the command agree on.
 *
 * Addresses are 16 bytes in network order; IPv4 lies in the first four, the rest is zero.
 * Ports are in host order unless the type is __be16. Deadlines are CLOCK_BOOTTIME nanoseconds
 * (bpf_ktime_get_boot_ns()), so that suspended time counts; 0 means none.
 */
#pragma once

#include <linux/types.h>

#pragma GCC diagnostic push
#pragma GCC diagnostic error "-Wpadded"

/* Raised whenever a struct or a map of this file changes its meaning. */
#define LAYOUT_VERSION 7

#define FOREVER (~0ULL)

enum reason {
#define PASS 1
#define DROP 0
#define REASON(id, word, verdict, text) REASON_##id,
#include "HostIsolation/reasons.def"
#undef REASON
#undef PASS
#undef DROP
	REASON_COUNT,
};

/* Which way a packet goes, seen from the host; also who begins, in a port entry. */
enum direction {
	DIR_IN = 0,
	DIR_OUT = 1,
	DIR_COUNT = 2,
};

/*
 * policy: one element, mmapable. `control` is the switch: one aligned 64-bit store turns the
 * isolation on or off on every device at once, and picks the bank of the allowlist.
 */
#define CONTROL_ENFORCE (1ULL << 0)  /* drop what the verdict drops */
#define CONTROL_AUDIT (1ULL << 1)    /* count what would drop, drop nothing */
#define CONTROL_BANK (1ULL << 2)     /* which bank of the allowlist maps is in force: 0 or 1 */
#define CONTROL_KEPT (1ULL << 3)     /* the kept map has entries */
#define CONTROL_GRANTS (1ULL << 4)   /* process grants exist */
#define CONTROL_NAMED (1ULL << 5)    /* isolate --dev: only what is in the devices map */
#define CONTROL_LONG_WAY (1ULL << 6) /* tests: plain.bpf.h does not judge */
#define CONTROL_DROPS (1ULL << 7)    /* somebody wants to hear of drops: droplayout.h */
#define CONTROL_XSK (1ULL << 8)	     /* AF_XDP is refused: xsk.bpf.c */

#define BANKS 2

/*
 * What no node covers is mostly told without a lookup: a bit that is not set says that no address
 * with this hash is covered. One that is set says nothing. All are set where a prefix is shorter
 * than an address.
 */
#define SIEVE_FAMILIES 2 /* IPv4, IPv6 */
#define SIEVE_BITS 2048
#define SIEVE_SHIFT 21 /* 32 less the binary logarithm of it */

struct sieve {
	__u64 bits[SIEVE_BITS / 64];
	__u64 apart; /* allow_host has nodes of this family */
};

/* The bit of an address, in network order as it lies in a packet: multiply and add, since it must
 * be cheap. Who finds an address with the same bit gains nothing but a lookup. */
static inline __u32 sieve_bit4(__u32 addr)
{
	return addr * 0x9e3779b1u >> SIEVE_SHIFT;
}

static inline __u32 sieve_bit6(const __u32 addr[4])
{
	return ((addr[0] ^ addr[2]) * 0x85ebca6bu + (addr[1] ^ addr[3]) * 0x9e3779b1u) >>
	       SIEVE_SHIFT;
}

struct policy {
	__u64 layout_version;
	__u64 control;
	__u64 deadline; /* when the programs stop isolating by themselves: the nearer of the two
			   below */
	__u64 for_deadline;
	__u64 confirm_deadline;
	__u64 isolated_at;  /* CLOCK_REALTIME seconds of the last switch to on */
	__u64 netns_cookie; /* inode number of the network namespace this pin folder isolates; 0
			       before */
	__u64 limit;	    /* allowlist entries per family, LIMIT_DEFAULT unless asked */
	char case_id[64];   /* NUL-terminated */
	char comment[256];
	struct sieve sieve[BANKS][SIEVE_FAMILIES];
};

/*
 * The allowlist, in two banks: allow_host4, allow_host6, allow_ip4, allow_ip6 and rules are arrays
 * of two inner maps, policy.sieve of two sieves for each family, entries and origins are pinned
 * twice (entries_0, entries_1). A change fills the bank that is not in force and then flips
 * CONTROL_BANK, so that it is seen whole or not at all.
 *
 * A family's nodes lie in allow_ip (tries) when there are few, since a small trie is faster than a
 * hash map. More than HOSTS_IN_TRIE single addresses (/32, /128) lie apart in allow_host (hash
 * maps, where a lookup costs the same however many there are), and the shorter prefixes alone in
 * the trie, which is asked when the hash map does not know the address. A bank without a map for a
 * family has no such nodes. Which of the two has a single address, only the command must know that
 * filled the bank: programs and readers ask both.
 */
#define LIMIT_DEFAULT 131072 /* about 20 MiB of kernel memory per family when full */
#define HOSTS_IN_TRIE 32

struct lpm_key4 {
	__u32 prefixlen;
	__u8 addr[4];
};

struct lpm_key6 {
	__u32 prefixlen;
	__u8 addr[16];
};

struct host_key6 {
	__u8 addr[16];
};

/*
 * A trie lookup returns the longest prefix only, so each node already holds the union of all
 * entries that cover it: `until` is the latest deadline of the address-only ones, `rules` the
 * first block of the others.
 */
struct allow_node {
	__u64 until;   /* everything with this peer passes until then; 0: not at all */
	__u64 packets; /* counted on the tc hooks, atomically */
	__u64 bytes;
	__u32 rules; /* key of a rule_block, 0: none */
	__u32 pad;
};

#define RULE_PROTO_ANY 0 /* every protocol; with ports: every protocol that has ports */

struct rule {
	__u64 until;
	__u64 packets;
	__u64 bytes;
	__u16 port_lo; /* the port of whoever is connected to; 0-65535: any, or no ports at all */
	__u16 port_hi;
	__u8 proto; /* IPPROTO_* or RULE_PROTO_ANY */
	__u8 dir;   /* enum direction: who begins */
	__u16 pad;
};

#define RULES_PER_BLOCK 4
#define RULE_BLOCKS_MAX 16 /* a chain longer than this is refused by the command */
#define RULES_PER_PEER_MAX (RULES_PER_BLOCK * RULE_BLOCKS_MAX)

struct rule_block {
	struct rule rule[RULES_PER_BLOCK];
	__u32 count; /* 1..RULES_PER_BLOCK */
	__u32 next;  /* key of the next block, 0: none */
};

/* entries: what the responder wrote, the source that nodes and rules are compiled from. */
struct entry_key {
	__u8 addr[16]; /* masked to the prefix */
	__u16 port_lo;
	__u16 port_hi;
	__u8 family;	/* AF_INET, AF_INET6 */
	__u8 prefixlen; /* 0..32, 0..128 */
	__u8 proto;	/* as in struct rule */
	__u8 dir;	/* enum direction, or ENTRY_DIR_BOTH: address only */
};

#define ENTRY_DIR_BOTH 2

struct entry_value {
	__u64 until;   /* FOREVER, or a deadline */
	__u64 packets; /* hits of earlier banks */
	__u64 bytes;
	__u32 origin; /* key into origins */
	__u32 pad;
};

/* origins: who added entries, when and why; one a command and host name. */
struct origin {
	__u64 added_at; /* CLOCK_REALTIME seconds */
	__u32 uid;
	__u32 pad;
	char user[32];	/* login name behind sudo, NUL-terminated */
	char name[256]; /* the host name it was resolved from, or "" */
	char comment[256];
};

struct counter {
	__u64 packets;
	__u64 bytes;
};

/* What audit would have dropped is counted apart from what was dropped. */
#define COUNTER_SETS 2 /* 0: enforcing, 1: audit */
#define COUNTER_COUNT (COUNTER_SETS * REASON_COUNT * DIR_COUNT)

static inline __u32 counter_index(__u32 audit, __u32 reason, __u32 dir)
{
	return (audit * REASON_COUNT + reason) * DIR_COUNT + dir;
}

/* counters: per CPU, one entry, so that one system call reads all (an array per CPU can be read in
 * a batch since Linux 5.13 only). */
struct counters {
	struct counter at[COUNTER_COUNT]; /* index from counter_index() */
};

/* flows: who began a conversation that a port entry admits (everything but TCP, which tells by
 * SYN). */
struct flow_key {
	__u8 peer[16];
	__be16 peer_port; /* 0 where the protocol has no ports */
	__be16 local_port;
	__u8 proto;
	__u8 dir; /* enum direction: who began */
	__u8 family;
	__u8 pad;
};

#define FLOW_IDLE_NS                                                                               \
	(180ULL * 1000000000ULL) /* nf_conntrack's default for UDP streams is 120 s                \
				  */
#define FLOWS_MAX 16384

/* fragments: datagrams whose first fragment passed (RFC 791 §3.2, RFC 8200 §4.5). */
struct fragment_key {
	__u8 src[16];
	__u8 dst[16];
	__u32 id;
	__u8 proto;
	__u8 family;
	__u8 dir;
	__u8 pad;
};

#define FRAGMENT_NS                                                                                \
	(30ULL * 1000000000ULL) /* RFC 791 allows 15 s, RFC 8200 60 s; Linux keeps 30 s */
#define FRAGMENTS_MAX 4096

/* kept: the exact TCP connections of --keep-ssh. */
struct kept_key {
	__u8 peer[16];
	__u8 local[16];
	__be16 peer_port;
	__be16 local_port;
	__u32 family;
};

#define KEPT_MAX 64

/*
 * nd_onlink: IPv6 addresses that proved to be on a link of ours, by an ND message with hop
 * limit 255 or by the neighbour table at isolate time. Only to these may ND be sent unicast:
 * a router would forward it to anywhere.
 */
struct nd_key {
	__u8 addr[16];
};

#define ND_ONLINK_MAX 4096

/* devices: what `isolate` attached, by interface index. */
#define DEVICE_CLSACT_OURS (1u << 0) /* the clsact qdisc was made by us */

struct device {
	__u32 flags;
	__u32 pad;
	char name[16]; /* IFNAMSIZ */
};

#define DEVICES_MAX 4096

/* xsk.bpf.c answers XSK_TEST_ERRNO to socket(AF_XDP, SOCK_RAW, XSK_TEST_PROTOCOL), isolated or not:
 * so it is known to run. Without it the kernel says EPROTONOSUPPORT. */
#define XSK_TEST_PROTOCOL 0x7869736f
#define XSK_TEST_ERRNO 76 /* ENOTUNIQ */

#pragma GCC diagnostic pop
