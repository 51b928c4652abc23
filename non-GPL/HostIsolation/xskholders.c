// SPDX-License-Identifier: BSD-2-Clause
/* Who holds an AF_XDP socket that has a device: sock_diag lists them, /proc tells whose they are.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <libmnl/libmnl.h>
#include <linux/sock_diag.h>
#include <linux/xdp_diag.h>
#include "HostIsolation/cleanup.h"
#include "HostIsolation/xskguard.h"

void xsk_vec_free(struct xsk_vec *v)
{
	free(v->items);
	*v = (struct xsk_vec){};
}

static int find_info(const struct nlattr *attr, void *arg)
{
	const struct xdp_diag_info **info = arg;

	if (mnl_attr_get_type(attr) == XDP_DIAG_INFO &&
	    mnl_attr_get_payload_len(attr) >= sizeof(**info))
		*info = mnl_attr_get_payload(attr);
	return MNL_CB_OK;
}

/* Without a device it cannot send. */
static int take(const struct nlmsghdr *nlh, void *arg)
{
	const struct xdp_diag_msg *msg = mnl_nlmsg_get_payload(nlh);
	const struct xdp_diag_info *info = NULL;
	struct xsk_vec *v = arg;
	struct xsk_holder *grown;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*msg) || msg->xdiag_family != AF_XDP)
		return MNL_CB_OK;
	mnl_attr_parse(nlh, sizeof(*msg), find_info, &info);
	if (!info || !info->ifindex)
		return MNL_CB_OK;
	grown = realloc(v->items, (v->count + 1) * sizeof(*grown));
	if (!grown) {
		errno = ENOMEM;
		return MNL_CB_ERROR;
	}
	v->items = grown;
	grown[v->count++] = (struct xsk_holder){.inode = msg->xdiag_ino, .ifindex = info->ifindex};
	return MNL_CB_OK;
}

/* A dump that could not begin ends with an errno, which libmnl passes over. */
static int take_done(const struct nlmsghdr *nlh, void *arg)
{
	const int *ret = mnl_nlmsg_get_payload(nlh);

	if (mnl_nlmsg_get_payload_len(nlh) >= sizeof(*ret) && *ret < 0) {
		errno = -*ret;
		return MNL_CB_ERROR;
	}
	return MNL_CB_STOP;
}

static int take_error(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);

	errno = mnl_nlmsg_get_payload_len(nlh) >= sizeof(*e) && e->error ? -e->error : EPROTO;
	return MNL_CB_ERROR;
}

static int dump(struct mnl_socket *nl, struct xsk_vec *v)
{
	char buf[MNL_SOCKET_BUFFER_SIZE * 4] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct xdp_diag_req *req = mnl_nlmsg_put_extra_header(nlh, sizeof(*req));
	mnl_cb_t control[NLMSG_DONE + 1] = {[NLMSG_DONE] = take_done, [NLMSG_ERROR] = take_error};
	int ret = MNL_CB_OK;

	nlh->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nlh->nlmsg_seq = 1;
	req->sdiag_family = AF_XDP;
	req->xdiag_show = XDP_SHOW_INFO;
	if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	while (ret > MNL_CB_STOP) {
		ssize_t n = mnl_socket_recvfrom(nl, buf, sizeof(buf));

		if (n < 0)
			return -errno;
		ret = mnl_cb_run2(buf, (size_t)n, 1, mnl_socket_get_portid(nl), take, v, control,
				  NLMSG_DONE + 1);
	}
	return ret < 0 ? -errno : 0;
}

struct search {
	struct xsk_vec *v;
	int pid;
};

static int match_socket(__u64 inode, void *arg)
{
	struct search *s = arg;

	for (size_t i = 0; i < s->v->count; i++) {
		struct xsk_holder *h = &s->v->items[i];
		struct procinfo info;

		if (h->inode != inode || h->pid || procinfo_read(s->pid, &info) < 0)
			continue;
		h->pid = s->pid;
		memcpy(h->comm, info.comm, sizeof(h->comm));
	}
	return 0;
}

static int search_process(int pid, void *arg)
{
	struct search *s = arg;

	s->pid = pid;
	procinfo_sockets(pid, match_socket, s);
	return 0;
}

int xsk_holders(struct xsk_vec *out, struct error *err)
{
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC);
	struct xsk_vec v = {};
	struct search s = {.v = &v};
	int ret = nl && !mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) ? 0 : -errno;

	if (ret == 0)
		ret = dump(nl, &v);
	if (nl)
		mnl_socket_close(nl);
	if (ret == -ENOENT)
		ret = xsk_scan(&v);
	else if (ret == 0 && v.count)
		procinfo_each(search_process, &s);
	if (ret < 0) {
		xsk_vec_free(&v);
		return fail(err, ret, "listing AF_XDP sockets: %s", strerror(-ret));
	}
	*out = v;
	return 0;
}
