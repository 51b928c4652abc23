// SPDX-License-Identifier: BSD-2-Clause
// Reads the devices and the IPv6 neighbours of this network namespace by route netlink.

#include <errno.h>
#include <string.h>
#include <arpa/inet.h>
#include <net/if.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "HostIsolation/cleanup.h"
#include "HostIsolation/netlink.h"
#include "HostIsolation/rtnl.h"

static enum link_header header_of_type(unsigned int type)
{
	switch (type) {
	case ARPHRD_ETHER:
	case ARPHRD_LOOPBACK:
		return LINK_ETHERNET;
	case ARPHRD_NONE: /* tun, WireGuard */
	case ARPHRD_PPP:
	case ARPHRD_RAWIP:
	case ARPHRD_TUNNEL:
	case ARPHRD_TUNNEL6:
	case ARPHRD_SIT:
	case ARPHRD_IPGRE:
	case ARPHRD_IP6GRE:
		return LINK_IP;
	default:
		return LINK_UNKNOWN;
	}
}

/*
 * The owner of a tun device may give it any ARPHRD_* (TUNSETLINK), without changing what its frames
 * begin with: so a tun is asked for its own type. IFLA_TUN_TYPE exists from 4.20.
 */
static enum link_header header_of(const struct link_info *link, const struct nlattr *info_data)
{
	const struct nlattr *tun[IFLA_TUN_MAX + 1];

	if (strcmp(link->kind, "tun"))
		return header_of_type(link->type);
	rtnl_nest(info_data, tun, IFLA_TUN_MAX);
	switch (rtnl_u8(tun[IFLA_TUN_TYPE])) {
	case IFF_TUN:
		return LINK_IP;
	case IFF_TAP:
		return LINK_ETHERNET;
	default:
		return LINK_UNKNOWN;
	}
}

static void xdp_parse(struct link_info *link, const struct nlattr *nest)
{
	const struct nlattr *tb[IFLA_XDP_MAX + 1];

	rtnl_nest(nest, tb, IFLA_XDP_MAX);
	link->xdp_mode = rtnl_u8(tb[IFLA_XDP_ATTACHED]);
	link->xdp_prog_id = rtnl_u32(tb[IFLA_XDP_PROG_ID]);
	link->xdp_drv_prog_id = rtnl_u32(tb[IFLA_XDP_DRV_PROG_ID]);
	link->xdp_skb_prog_id = rtnl_u32(tb[IFLA_XDP_SKB_PROG_ID]);
	link->xdp_hw_prog_id = rtnl_u32(tb[IFLA_XDP_HW_PROG_ID]);
	if (!link->xdp_prog_id) /* XDP_ATTACHED_MULTI has no IFLA_XDP_PROG_ID */
		link->xdp_prog_id = link->xdp_drv_prog_id;
	if (!link->xdp_prog_id)
		link->xdp_prog_id = link->xdp_skb_prog_id;
}

static void link_parse(const struct nlmsghdr *nlh, struct link_info *link)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[IFLA_MAX + 1], *info[IFLA_INFO_MAX + 1];

	rtnl_attrs(nlh, sizeof(*ifi), tb, IFLA_MAX);
	rtnl_nest(tb[IFLA_LINKINFO], info, IFLA_INFO_MAX);
	*link = (struct link_info){
		.ifindex = ifi->ifi_index,
		.type = ifi->ifi_type,
		.flags = ifi->ifi_flags,
		.loopback = ifi->ifi_flags & IFF_LOOPBACK,
	};
	rtnl_str(tb[IFLA_IFNAME], link->name, sizeof(link->name));
	rtnl_str(info[IFLA_INFO_KIND], link->kind, sizeof(link->kind));
	link->header = header_of(link, info[IFLA_INFO_DATA]);
	xdp_parse(link, tb[IFLA_XDP]);
}

static bool is_link(const struct nlmsghdr *nlh)
{
	return nlh->nlmsg_type == RTM_NEWLINK &&
	       mnl_nlmsg_get_payload_len(nlh) >= sizeof(struct ifinfomsg);
}

static int link_add(const struct nlmsghdr *nlh, void *arg)
{
	struct link_vec *v = arg;
	struct link_info *items;

	if (!is_link(nlh))
		return MNL_CB_OK;
	/* Grows at powers of two: an array of that length is full. */
	if (!(v->count & (v->count - 1))) {
		items = reallocarray(v->items, v->count ? v->count * 2 : 1, sizeof(*items));
		if (!items) {
			errno = ENOMEM;
			return MNL_CB_ERROR;
		}
		v->items = items;
	}
	link_parse(nlh, &v->items[v->count++]);
	return MNL_CB_OK;
}

static void links_drop(void *arg)
{
	link_vec_free(arg);
}

void link_vec_free(struct link_vec *v)
{
	free(v->items);
	*v = (struct link_vec){};
}

int links_dump(struct link_vec *out, struct error *err)
{
	_cleanup_(link_vec_free) struct link_vec v = {};
	char buf[RTNL_REQUEST_MAX];
	struct nlmsghdr *req = rtnl_begin(buf, RTM_GETLINK, 0);
	int r;

	mnl_nlmsg_put_extra_header(req, sizeof(struct ifinfomsg));
	mnl_attr_put_u32(req, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	r = rtnl_dump(req, link_add, links_drop, &v, "cannot list the network devices", err);
	if (r)
		return r;
	*out = v;
	v = (struct link_vec){};
	return 0;
}

static int link_keep(const struct nlmsghdr *nlh, void *arg)
{
	if (is_link(nlh))
		link_parse(nlh, arg);
	return MNL_CB_OK;
}

int link_read(int ifindex, struct link_info *out, struct error *err)
{
	struct link_info link = {};
	char buf[RTNL_REQUEST_MAX], what[64];
	struct nlmsghdr *req = rtnl_begin(buf, RTM_GETLINK, 0);
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(req, sizeof(*ifi));
	int r;

	ifi->ifi_index = ifindex;
	mnl_attr_put_u32(req, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	snprintf(what, sizeof(what), "cannot read network device %d", ifindex);
	r = rtnl_talk(req, link_keep, &link, what, err);
	if (r)
		return r;
	if (link.ifindex != ifindex)
		return fail(err, -EPROTO, "%s: the kernel told of another", what);
	*out = link;
	return 0;
}

struct neighbours {
	int (*each)(const __u8 addr[16], void *arg);
	void *arg;
};

static int neighbour_each(const struct nlmsghdr *nlh, void *arg)
{
	const struct ndmsg *nd = mnl_nlmsg_get_payload(nlh);
	const struct neighbours *n = arg;
	const struct nlattr *tb[NDA_MAX + 1];
	int r;

	if (nlh->nlmsg_type != RTM_NEWNEIGH || mnl_nlmsg_get_payload_len(nlh) < sizeof(*nd) ||
	    nd->ndm_family != AF_INET6)
		return MNL_CB_OK;
	/* NUD_NONE (0) has proved nothing either. */
	if (!(nd->ndm_state & ~(NUD_FAILED | NUD_INCOMPLETE | NUD_NOARP)))
		return MNL_CB_OK;
	rtnl_attrs(nlh, sizeof(*nd), tb, NDA_MAX);
	if (!tb[NDA_DST] || mnl_attr_get_payload_len(tb[NDA_DST]) != sizeof(struct in6_addr))
		return MNL_CB_OK;
	r = n->each(mnl_attr_get_payload(tb[NDA_DST]), n->arg);
	if (r) {
		errno = -r;
		return MNL_CB_ERROR;
	}
	return MNL_CB_OK;
}

static void neighbours_again(void *arg)
{
}

int neighbours6_dump(int (*each)(const __u8 addr[16], void *arg), void *arg, struct error *err)
{
	struct neighbours n = {each, arg};
	char buf[RTNL_REQUEST_MAX];
	struct nlmsghdr *req = rtnl_begin(buf, RTM_GETNEIGH, 0);
	struct ndmsg *nd = mnl_nlmsg_put_extra_header(req, sizeof(*nd));

	nd->ndm_family = AF_INET6;
	return rtnl_dump(req, neighbour_each, neighbours_again, &n,
			 "cannot list the IPv6 neighbours", err);
}
