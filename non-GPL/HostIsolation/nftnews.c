// SPDX-License-Identifier: BSD-2-Clause
/* The kernel's news of our nftables tables. Other people's are read and dropped. */
#include "HostIsolation/nftnews.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include "HostIsolation/nfttables.h"

/* In a message about any part of a table, its name is the first attribute. */
#define TABLE_NAME 1
_Static_assert((int)NFTA_TABLE_NAME == TABLE_NAME && (int)NFTA_CHAIN_TABLE == TABLE_NAME &&
		       (int)NFTA_RULE_TABLE == TABLE_NAME && (int)NFTA_SET_TABLE == TABLE_NAME &&
		       (int)NFTA_OBJ_TABLE == TABLE_NAME &&
		       (int)NFTA_SET_ELEM_LIST_TABLE == TABLE_NAME,
	       "nf_tables numbers its table names alike");

static int is_ours(const struct nlattr *attr, void *arg)
{
	bool *ours = arg;

	if (mnl_attr_get_type(attr) == TABLE_NAME)
		*ours |= mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0 &&
			 !strcmp(mnl_attr_get_str(attr), NFT_TABLE);
	return MNL_CB_OK;
}

static int take(const struct nlmsghdr *nlh, void *arg)
{
	bool *ours = arg;

	/* a generation's number is no news of a table */
	if (nlh->nlmsg_type >> 8 == NFNL_SUBSYS_NFTABLES &&
	    (nlh->nlmsg_type & 0xff) != NFT_MSG_NEWGEN)
		mnl_attr_parse(nlh, sizeof(struct nfgenmsg), is_ours, ours);
	return MNL_CB_OK;
}

struct mnl_socket *nft_news_open(void)
{
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	int group = NFNLGRP_NFTABLES;

	if (!nl)
		return NULL;
	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    mnl_socket_setsockopt(nl, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0) {
		mnl_socket_close(nl);
		return NULL;
	}
	return nl;
}

bool nft_news_read(struct mnl_socket *nl)
{
	char buf[65536] __attribute__((aligned(8)));
	bool ours = false;
	ssize_t n;

	while ((n = recv(mnl_socket_get_fd(nl), buf, sizeof(buf), MSG_DONTWAIT)) > 0 ||
	       (n < 0 && errno == ENOBUFS))
		if (n < 0)
			ours = true;
		else
			mnl_cb_run(buf, (size_t)n, 0, 0, take, &ours);
	return ours;
}
