// SPDX-License-Identifier: BSD-2-Clause
// Sends one rtnetlink request over a socket of its own and reads what comes back.

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>
#include <linux/netlink.h>

#include "HostIsolation/cleanup.h"
#include "HostIsolation/rtnl.h"

/* netlink_dump() fills messages as long as the reader's buffer, 32 KiB at most. */
#define RECEIVE_MAX 32768

struct exchange {
	struct mnl_socket *socket;
	char *buf;
	mnl_cb_t each; /* the caller's */
	void *arg;
	char reason[160]; /* the kernel's explanation of an error (NLMSGERR_ATTR_MSG), or "" */
};

static void exchange_end(struct exchange *x)
{
	if (x->socket)
		mnl_socket_close(x->socket);
	free(x->buf);
}

static int exchange_begin(struct exchange *x, struct nlmsghdr *req)
{
	int one = 1;

	x->buf = malloc(RECEIVE_MAX);
	if (!x->buf)
		return -ENOMEM;
	x->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!x->socket)
		return -errno;
	if (mnl_socket_bind(x->socket, 0, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	/* Only the wording of errors depends on it. */
	mnl_socket_setsockopt(x->socket, NETLINK_EXT_ACK, &one, sizeof(one));
	req->nlmsg_seq = time(NULL);
	if (mnl_socket_sendto(x->socket, req, req->nlmsg_len) < 0)
		return -errno;
	return 0;
}

/* One message that is an answer, not control. */
static int on_answer(const struct nlmsghdr *nlh, void *arg)
{
	const struct exchange *x = arg;

	return x->each ? x->each(nlh, x->arg) : MNL_CB_OK;
}

/* An acknowledgement, or an error with the kernel's explanation behind it. */
static int on_error(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr;
	struct exchange *x = arg;
	size_t skip = sizeof(*e);

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*e)) {
		errno = EBADMSG;
		return MNL_CB_ERROR;
	}
	if (!e->error)
		return MNL_CB_STOP;
	/* The whole request comes back with it unless NLM_F_CAPPED. */
	if (!(nlh->nlmsg_flags & NLM_F_CAPPED))
		skip += MNL_ALIGN(e->msg.nlmsg_len) - sizeof(e->msg);
	if (nlh->nlmsg_flags & NLM_F_ACK_TLVS && mnl_nlmsg_get_payload_len(nlh) >= skip) {
		mnl_attr_for_each(attr, nlh, skip)
		{
			if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_MSG)
				rtnl_str(attr, x->reason, sizeof(x->reason));
		}
	}
	errno = e->error < 0 ? -e->error : e->error;
	return MNL_CB_ERROR;
}

/* The end of a dump carries its error, which libmnl's own callback does not look at. */
static int on_done(const struct nlmsghdr *nlh, void *arg)
{
	const int *error = mnl_nlmsg_get_payload(nlh);

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*error) || *error >= 0)
		return MNL_CB_STOP;
	errno = -*error;
	return MNL_CB_ERROR;
}

static mnl_cb_t on_control[] = {
	[NLMSG_ERROR] = on_error,
	[NLMSG_DONE] = on_done,
};

static int exchange_run(struct exchange *x, struct nlmsghdr *req)
{
	unsigned int port;
	ssize_t len;
	int r;

	r = exchange_begin(x, req);
	if (r)
		return r;
	port = mnl_socket_get_portid(x->socket);
	do {
		do
			len = mnl_socket_recvfrom(x->socket, x->buf, RECEIVE_MAX);
		while (len < 0 && errno == EINTR);
		if (len < 0)
			return -errno;
		/* Its EINTR is not a signal but a dump that a change interrupted. */
		r = mnl_cb_run2(x->buf, len, req->nlmsg_seq, port, on_answer, x, on_control,
				MNL_ARRAY_SIZE(on_control));
		if (r < 0)
			return -errno;
	} while (r > 0);
	return 0;
}

static int exchange_fail(const struct exchange *x, int r, const char *what, struct error *err)
{
	return fail(err, r, "%s: %s%s%s", what, strerror(-r), *x->reason ? ": " : "", x->reason);
}

struct nlmsghdr *rtnl_begin(void *buf, __u16 type, __u16 flags)
{
	struct nlmsghdr *req;

	memset(buf, 0, RTNL_REQUEST_MAX);
	req = mnl_nlmsg_put_header(buf);
	req->nlmsg_type = type;
	req->nlmsg_flags = NLM_F_REQUEST | flags;
	return req;
}

int rtnl_talk(struct nlmsghdr *req, mnl_cb_t each, void *arg, const char *what, struct error *err)
{
	_cleanup_(exchange_end) struct exchange x = {.each = each, .arg = arg};
	int r;

	req->nlmsg_flags |= NLM_F_ACK;
	r = exchange_run(&x, req);
	return r ? exchange_fail(&x, r, what, err) : 0;
}

int rtnl_dump(struct nlmsghdr *req, mnl_cb_t each, void (*restart)(void *arg), void *arg,
	      const char *what, struct error *err)
{
	int i, r;

	req->nlmsg_flags |= NLM_F_DUMP;
	for (i = 0; i < RTNL_DUMP_TRIES; i++) {
		_cleanup_(exchange_end) struct exchange x = {.each = each, .arg = arg};

		restart(arg);
		r = exchange_run(&x, req);
		if (!r)
			return 0;
		if (r != -EINTR)
			return exchange_fail(&x, r, what, err);
	}
	return fail(err, -EAGAIN, "%s: it changed during each of %d readings, try again", what,
		    RTNL_DUMP_TRIES);
}

struct sorted {
	const struct nlattr **tb;
	int max;
};

static int attr_sort(const struct nlattr *attr, void *arg)
{
	const struct sorted *s = arg;
	int type = mnl_attr_get_type(attr);

	if (type <= s->max)
		s->tb[type] = attr;
	return MNL_CB_OK;
}

void rtnl_attrs(const struct nlmsghdr *nlh, size_t header, const struct nlattr **tb, int max)
{
	struct sorted s = {tb, max};

	memset(tb, 0, sizeof(*tb) * (max + 1));
	mnl_attr_parse(nlh, header, attr_sort, &s);
}

void rtnl_nest(const struct nlattr *nest, const struct nlattr **tb, int max)
{
	struct sorted s = {tb, max};

	memset(tb, 0, sizeof(*tb) * (max + 1));
	if (nest)
		mnl_attr_parse_nested(nest, attr_sort, &s);
}

__u8 rtnl_u8(const struct nlattr *attr)
{
	return attr && mnl_attr_get_payload_len(attr) >= 1 ? mnl_attr_get_u8(attr) : 0;
}

__u32 rtnl_u32(const struct nlattr *attr)
{
	return attr && mnl_attr_get_payload_len(attr) >= 4 ? mnl_attr_get_u32(attr) : 0;
}

void rtnl_str(const struct nlattr *attr, char *out, size_t size)
{
	size_t len = attr ? strnlen(mnl_attr_get_payload(attr), mnl_attr_get_payload_len(attr)) : 0;

	if (len >= size)
		len = size - 1;
	if (len)
		memcpy(out, mnl_attr_get_payload(attr), len);
	out[len] = '\0';
}
