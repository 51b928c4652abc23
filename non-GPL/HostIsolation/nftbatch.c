// SPDX-License-Identifier: BSD-2-Clause
/* One nf_tables transaction: collected, sent at once, and what the kernel answers. */
#include "HostIsolation/nftbatch.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>
#include "HostIsolation/cleanup.h"

static void mnl_closep(struct mnl_socket **nl)
{
	if (*nl)
		mnl_socket_close(*nl);
}

#define _cleanup_mnl_ _cleanup_(mnl_closep)

static bool make_room(struct nft_batch *b)
{
	const size_t need = NFT_MESSAGE_ROOM + 4096;

	if (b->error)
		return false;
	if (b->room - b->used < need) {
		size_t room = (b->room + need) * 2;
		char *grown = realloc(b->buf, room);

		if (!grown) {
			b->error = -ENOMEM;
			return false;
		}
		b->buf = grown;
		b->room = room;
	}
	if (b->seq == b->label_room) {
		__u32 room = b->label_room ? b->label_room * 2 : 64;
		void *grown = realloc(b->labels, room * sizeof(*b->labels));

		if (!grown) {
			b->error = -ENOMEM;
			return false;
		}
		b->labels = grown;
		b->label_room = room;
	}
	return true;
}

/* Where messages go once memory has run out: built, and forgotten. */
static char nowhere[NFT_MESSAGE_ROOM + 4096];

static struct nlmsghdr *begin(struct nft_batch *b, int type, int family, int flags, int res_id)
{
	bool there = make_room(b);
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(there ? b->buf + b->used : nowhere);
	struct nfgenmsg *nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));

	nlh->nlmsg_type = (__u16)type;
	nlh->nlmsg_flags = (__u16)(NLM_F_REQUEST | flags);
	nlh->nlmsg_seq = b->seq;
	nfg->nfgen_family = (__u8)family;
	nfg->version = NFNETLINK_V0;
	nfg->res_id = htons((__u16)res_id);
	if (there)
		snprintf(b->labels[b->seq++], sizeof(*b->labels), "nf_tables");
	return nlh;
}

struct nlmsghdr *nft_put(struct nft_batch *b, int type, int family, int flags, const char *label,
			 ...)
{
	struct nlmsghdr *nlh = begin(b, NFNL_SUBSYS_NFTABLES << 8 | type, family, flags, 0);
	va_list ap;

	if (!b->error) {
		va_start(ap, label);
		vsnprintf(b->labels[nlh->nlmsg_seq], sizeof(*b->labels), label, ap);
		va_end(ap);
	}
	return nlh;
}

void nft_put_end(struct nft_batch *b, struct nlmsghdr *nlh)
{
	if (!b->error)
		b->used += NLMSG_ALIGN(nlh->nlmsg_len);
}

void nft_batch_begin(struct nft_batch *b)
{
	*b = (struct nft_batch){};
	nft_put_end(b, begin(b, NFNL_MSG_BATCH_BEGIN, AF_UNSPEC, 0, NFNL_SUBSYS_NFTABLES));
}

void nft_batch_free(struct nft_batch *b)
{
	free(b->buf);
	free(b->labels);
	*b = (struct nft_batch){};
}

/* All answers are there when send() returns. The first error is the cause; what follows it are
 * messages that needed what failed. */
static int read_answers(struct mnl_socket *nl, const struct nft_batch *b, struct error *err)
{
	char buf[32768] __attribute__((aligned(8)));
	bool acknowledged = false;

	for (;;) {
		ssize_t n = recv(mnl_socket_get_fd(nl), buf, sizeof(buf), MSG_DONTWAIT);
		int left = (int)n;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			return fail(err, -errno, "nf_tables: %s", strerror(errno));
		if (n < 0)
			break;
		for (const struct nlmsghdr *nlh = (void *)buf; mnl_nlmsg_ok(nlh, left);
		     nlh = mnl_nlmsg_next(nlh, &left)) {
			const struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);

			if (nlh->nlmsg_type != NLMSG_ERROR)
				continue;
			if (e->error)
				return fail(err, e->error, "%s: %s",
					    nlh->nlmsg_seq < b->seq ? b->labels[nlh->nlmsg_seq]
								    : "nf_tables",
					    strerror(-e->error));
			acknowledged = true;
		}
	}
	return acknowledged ? 0 : fail(err, -EPROTO, "nf_tables: the kernel did not answer");
}

int nft_commit(struct nft_batch *b, struct error *err)
{
	_cleanup_mnl_ struct mnl_socket *nl = NULL;
	size_t first = NLMSG_ALIGN(sizeof(struct nlmsghdr) + sizeof(struct nfgenmsg));
	int size, fd;

	nft_put_end(b, begin(b, NFNL_MSG_BATCH_END, AF_UNSPEC, 0, NFNL_SUBSYS_NFTABLES));
	if (b->error)
		return fail(err, b->error, "nf_tables: %s", strerror(-b->error));
	/* one message's acknowledgement stands for all: they are applied together */
	((struct nlmsghdr *)(b->buf + first))->nlmsg_flags |= NLM_F_ACK;

	nl = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	if (!nl || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID))
		return fail(err, -errno, "nf_tables: %s", strerror(errno));
	fd = mnl_socket_get_fd(nl);
	size = (int)b->used + 4096; /* the kernel takes a transaction in one piece */
	if (size > 65536)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	if (mnl_socket_sendto(nl, b->buf, b->used) < 0)
		return fail(err, -errno, "nf_tables: sending %zu bytes: %s", b->used,
			    strerror(errno));
	return read_answers(nl, b, err);
}
