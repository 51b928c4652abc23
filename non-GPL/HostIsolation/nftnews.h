/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's news of our nftables tables (NFNLGRP_NFTABLES), through libmnl. */
#pragma once

#include <stdbool.h>
#include <libmnl/libmnl.h>

/* NULL where the kernel tells none: then looking every now and then has to do. */
struct mnl_socket *nft_news_open(void);
/* Reads all there is. True when a table of ours, or a part of one, was changed or removed, by
 * whomever, and when news were lost. */
bool nft_news_read(struct mnl_socket *nl);
