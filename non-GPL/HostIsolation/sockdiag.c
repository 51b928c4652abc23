// SPDX-License-Identifier: BSD-2-Clause
/* The sockets of a network namespace, listed and destroyed through NETLINK_SOCK_DIAG. */
#include "HostIsolation/sockdiag.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <string.h>
#include <time.h>
#include "HostIsolation/cleanup.h"
#include "HostIsolation/netns.h"
#include "HostIsolation/ssh.h"

static void mnl_closep(struct mnl_socket **nl)
{
	if (*nl)
		mnl_socket_close(*nl);
}

#define _cleanup_mnl_ _cleanup_(mnl_closep)

void sock_vec_free(struct sock_vec *v)
{
	free(v->items);
	*v = (struct sock_vec){};
}

static int sock_vec_reserve(struct sock_vec *v, size_t more)
{
	if (v->count + more <= v->capacity)
		return 0;

	size_t capacity = v->capacity ? v->capacity : 64;

	while (capacity < v->count + more)
		capacity *= 2;

	struct sock_info *grown = realloc(v->items, capacity * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	v->items = grown;
	v->capacity = capacity;
	return 0;
}

static bool is_mapped(const __be32 a[4])
{
	return !a[0] && !a[1] && a[2] == htonl(0xffff);
}

/* Both ends must be IPv4, or not yet set, for the conversation to be one over IPv4. */
static bool speaks_ip4(const struct inet_diag_sockid *id)
{
	static const __be32 any[4];

	return is_mapped(id->idiag_dst) ||
	       (is_mapped(id->idiag_src) && !memcmp(id->idiag_dst, any, sizeof(any)));
}

static void decode_addresses(const struct inet_diag_msg *msg, struct sock_info *s)
{
	const struct inet_diag_sockid *id = &msg->id;

	s->family = msg->idiag_family;
	if (s->family == AF_INET) {
		memcpy(s->peer, id->idiag_dst, 4);
		memcpy(s->local, id->idiag_src, 4);
	} else if (speaks_ip4(id)) {
		s->family = AF_INET;
		memcpy(s->peer, &id->idiag_dst[3], 4);
		memcpy(s->local, &id->idiag_src[3], 4);
	} else {
		memcpy(s->peer, id->idiag_dst, 16);
		memcpy(s->local, id->idiag_src, 16);
	}
}

struct dump {
	struct sock_vec *v;
	int protocol;
};

static int take_socket(const struct nlmsghdr *nlh, void *arg)
{
	struct dump *d = arg;
	const struct inet_diag_msg *msg = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*msg))
		return MNL_CB_OK;
	if (msg->idiag_family != AF_INET && msg->idiag_family != AF_INET6)
		return MNL_CB_OK;
	if (sock_vec_reserve(d->v, 1)) {
		errno = ENOMEM;
		return MNL_CB_ERROR;
	}

	struct sock_info *s = &d->v->items[d->v->count++];

	*s = (struct sock_info){
		.protocol = d->protocol,
		.state = msg->idiag_state,
		.peer_port = ntohs(msg->id.idiag_dport),
		.local_port = ntohs(msg->id.idiag_sport),
		.ifindex = msg->id.idiag_if,
		.uid = msg->idiag_uid,
		.inode = msg->idiag_inode,
		.raw_family = msg->idiag_family,
		.raw = msg->id,
	};
	decode_addresses(msg, s);
	mnl_attr_for_each(attr, nlh, sizeof(*msg)) if (mnl_attr_get_type(attr) == INET_DIAG_MARK &&
						       mnl_attr_validate(attr, MNL_TYPE_U32) >= 0)
		s->mark = mnl_attr_get_u32(attr);
	return MNL_CB_OK;
}

static int diag_open(struct mnl_socket **nl, struct error *err)
{
	*nl = mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC);
	if (!*nl)
		return fail(err, -errno, "listing sockets: %s", strerror(errno));
	if (mnl_socket_bind(*nl, 0, MNL_SOCKET_AUTOPID))
		return fail(err, -errno, "listing sockets: %s", strerror(errno));
	return 0;
}

/* A dump that could not begin ends with an errno in NLMSG_DONE, which libmnl passes over. */
static int take_done(const struct nlmsghdr *nlh, void *arg)
{
	const int *ret = mnl_nlmsg_get_payload(nlh);

	if (mnl_nlmsg_get_payload_len(nlh) >= sizeof(*ret) && *ret < 0) {
		errno = -*ret;
		return MNL_CB_ERROR;
	}
	return MNL_CB_STOP;
}

/* libmnl does without its own handlers where it is given some. */
static int take_error(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*e)) {
		errno = EBADMSG;
		return MNL_CB_ERROR;
	}
	errno = -e->error;
	return e->error ? MNL_CB_ERROR : MNL_CB_STOP;
}

static int diag_run(struct mnl_socket *nl, unsigned int seq, mnl_cb_t cb, void *arg)
{
	static mnl_cb_t control[NLMSG_DONE + 1] = {
		[NLMSG_ERROR] = take_error,
		[NLMSG_DONE] = take_done,
	};
	char buf[32768] __attribute__((aligned(8)));

	for (;;) {
		ssize_t n = mnl_socket_recvfrom(nl, buf, sizeof(buf));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;

		int ret = mnl_cb_run2(buf, (size_t)n, seq, mnl_socket_get_portid(nl), cb, arg,
				      control, MNL_ARRAY_SIZE(control));

		if (ret < 0)
			return -errno;
		if (ret == MNL_CB_STOP)
			return 0;
	}
}

static struct inet_diag_req_v2 *put_request(struct nlmsghdr *nlh, int type, int flags, int family,
					    int protocol, __u32 states)
{
	nlh->nlmsg_type = (__u16)type;
	nlh->nlmsg_flags = (__u16)(NLM_F_REQUEST | flags);
	nlh->nlmsg_seq = (__u32)time(NULL);

	struct inet_diag_req_v2 *req = mnl_nlmsg_put_extra_header(nlh, sizeof(*req));

	req->sdiag_family = (__u8)family;
	req->sdiag_protocol = (__u8)protocol;
	req->idiag_states = states;
	return req;
}

static int dump_family(int family, struct dump *d, __u32 states, struct error *err)
{
	_cleanup_mnl_ struct mnl_socket *nl = NULL;
	char buf[256] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	int ret = diag_open(&nl, err);

	if (ret)
		return ret;
	put_request(nlh, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, family, d->protocol, states);
	if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		return fail(err, -errno, "listing sockets: %s", strerror(errno));
	ret = diag_run(nl, nlh->nlmsg_seq, take_socket, d);
	if (ret == -ENOENT)
		return fail(err, ret,
			    "this kernel cannot list sockets of protocol %d (no %s_diag module)",
			    d->protocol, d->protocol == IPPROTO_TCP ? "tcp" : "udp");
	if (ret)
		return fail(err, ret, "listing sockets: %s", strerror(-ret));
	return 0;
}

int sockdiag_dump(int protocol, __u32 states, struct sock_vec *v, struct error *err)
{
	struct dump d = {.v = v, .protocol = protocol};
	size_t before = v->count;
	int ret = dump_family(AF_INET, &d, states, err);

	if (!ret)
		ret = dump_family(AF_INET6, &d, states, err);
	if (ret)
		v->count = before;
	return ret;
}

struct remote_dump {
	int protocol;
	__u32 states;
};

static int dump_in_child(int out_fd, void *arg, struct error *err)
{
	const struct remote_dump *d = arg;
	struct sock_vec v = {};
	int ret = sockdiag_dump(d->protocol, d->states, &v, err);

	return ret ? ret : write_all(out_fd, v.items, v.count * sizeof(*v.items));
}

int sockdiag_dump_netns(int netns_fd, int protocol, __u32 states, struct sock_vec *v,
			struct error *err)
{
	struct remote_dump d = {protocol, states};
	_cleanup_free_ void *data = NULL;
	size_t size = 0;
	int ret = netns_run(netns_fd, dump_in_child, &d, &data, &size, err);

	if (ret)
		return ret;
	if (sock_vec_reserve(v, size / sizeof(*v->items)))
		return fail(err, -ENOMEM, "listing sockets: %s", strerror(ENOMEM));
	if (size)
		memcpy(v->items + v->count, data, size);
	v->count += size / sizeof(*v->items);
	return 0;
}

int sockdiag_destroy(const struct sock_info *s, struct error *err)
{
	_cleanup_mnl_ struct mnl_socket *nl = NULL;
	char buf[256] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	int ret = diag_open(&nl, err);

	if (ret)
		return ret;
	put_request(nlh, SOCK_DESTROY, NLM_F_ACK, s->raw_family, s->protocol, SOCK_STATE(s->state))
		->id = s->raw;
	if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		return fail(err, -errno, "destroying a socket: %s", strerror(errno));
	ret = diag_run(nl, nlh->nlmsg_seq, NULL, NULL);
	if (ret == -EOPNOTSUPP)
		return fail(err, ret,
			    "this kernel cannot destroy sockets (CONFIG_INET_DIAG_DESTROY is off): "
			    "cut connections hang until their programs give up");
	if (ret)
		return fail(err, ret, "destroying a socket: %s", strerror(-ret));
	return 0;
}

static int take_route_type(const struct nlmsghdr *nlh, void *arg)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);

	if (nlh->nlmsg_type == RTM_NEWROUTE && mnl_nlmsg_get_payload_len(nlh) >= sizeof(*rtm))
		*(int *)arg = rtm->rtm_type;
	return MNL_CB_STOP;
}

int address_is_local(int family, const __u8 addr[16])
{
	_cleanup_mnl_ struct mnl_socket *nl = NULL;
	char buf[256] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	size_t size = family == AF_INET ? 4 : 16;
	int type = RTN_UNSPEC;

	if (address_is_loopback(family, addr))
		return 1;
	nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!nl || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID))
		return -errno;
	nlh->nlmsg_type = RTM_GETROUTE;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	nlh->nlmsg_seq = (__u32)time(NULL);

	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));

	rtm->rtm_family = (unsigned char)family;
	rtm->rtm_dst_len = (unsigned char)(size * 8);
	mnl_attr_put(nlh, RTA_DST, size, addr);
	if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		return -errno;

	int ret = diag_run(nl, nlh->nlmsg_seq, take_route_type, &type);

	if (ret == -ENETUNREACH || ret == -EHOSTUNREACH || ret == -EACCES || ret == -EINVAL)
		return 0; /* no route, or one that rejects: not here */
	return ret ? ret : type == RTN_LOCAL;
}
