/* SPDX-License-Identifier: BSD-2-Clause */
/* Between nftjudge.c and nftjudge6.c: the chain being written. */
#pragma once

#include "HostIsolation/nfttables.h"

struct nft_judge {
	struct nft_writer *w;
	int dir;    /* enum direction of the packets */
	int family; /* AF_INET, AF_INET6 */
	const char *chain;
};

void nft_judge_begin(struct nft_judge *j);
void nft_judge_end(struct nft_judge *j, enum reason reason);
void nft_load_peer(struct nft_judge *j, int reg);

/* ICMPv6: redirects, whoever sends them; discovery, listeners, errors, and DHCPv6. */
void nft_put_redirects(struct nft_judge *j);
void nft_put_icmp6(struct nft_judge *j);
