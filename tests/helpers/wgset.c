// SPDX-License-Identifier: BSD-2-Clause
/*
 * WireGuard devices without wg(8), by generic netlink:
 *
 *     wgset DEVICE PORT                     a new key and a port; prints the public key in hex
 *     wgset DEVICE KEY ADDRESS PORT         a peer at that IPv4 address, allowed all addresses
 */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/wireguard.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static struct mnl_socket *nl;
static char buf[8192] __attribute__((aligned(8)));

static void die(const char *what)
{
	fprintf(stderr, "wgset: %s: %s\n", what, strerror(errno));
	exit(1);
}

static struct nlmsghdr *begin(int family, int command, int flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct genlmsghdr *genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));

	nlh->nlmsg_type = (__u16)family;
	nlh->nlmsg_flags = (__u16)(NLM_F_REQUEST | flags);
	nlh->nlmsg_seq = 1;
	genl->cmd = (__u8)command;
	genl->version = 1;
	return nlh;
}

static void ask(struct nlmsghdr *nlh, mnl_cb_t each, void *arg)
{
	int ret = 1;

	if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		die("send");
	while (ret > 0) {
		ssize_t n = mnl_socket_recvfrom(nl, buf, sizeof(buf));

		if (n < 0)
			die("recv");
		ret = mnl_cb_run(buf, (size_t)n, 1, mnl_socket_get_portid(nl), each, arg);
	}
	if (ret < 0)
		die("the kernel");
}

struct wanted {
	int type;
	char value[64];
	size_t size;
};

static int take_attr(const struct nlattr *attr, void *arg)
{
	struct wanted *w = arg;
	size_t size = mnl_attr_get_payload_len(attr);

	if (mnl_attr_get_type(attr) == w->type && size <= sizeof(w->value)) {
		memcpy(w->value, mnl_attr_get_payload(attr), size);
		w->size = size;
	}
	return MNL_CB_OK;
}

static int take(const struct nlmsghdr *nlh, void *arg)
{
	return mnl_attr_parse(nlh, sizeof(struct genlmsghdr), take_attr, arg);
}

static int family_id(void)
{
	struct nlmsghdr *nlh = begin(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, NLM_F_ACK);
	struct wanted w = {.type = CTRL_ATTR_FAMILY_ID};
	__u16 id = 0;

	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, WG_GENL_NAME);
	ask(nlh, take, &w);
	memcpy(&id, w.value, sizeof(id));
	return id;
}

static void new_key(int family, const char *device, int port)
{
	struct nlmsghdr *nlh = begin(family, WG_CMD_SET_DEVICE, NLM_F_ACK);
	struct wanted w = {.type = WGDEVICE_A_PUBLIC_KEY};
	unsigned char key[WG_KEY_LEN];

	if (getrandom(key, sizeof(key), 0) != sizeof(key))
		die("getrandom");
	mnl_attr_put_strz(nlh, WGDEVICE_A_IFNAME, device);
	mnl_attr_put(nlh, WGDEVICE_A_PRIVATE_KEY, sizeof(key), key);
	mnl_attr_put_u16(nlh, WGDEVICE_A_LISTEN_PORT, (__u16)port);
	ask(nlh, take, &w);
	nlh = begin(family, WG_CMD_GET_DEVICE, NLM_F_DUMP);
	mnl_attr_put_strz(nlh, WGDEVICE_A_IFNAME, device);
	ask(nlh, take, &w);
	for (size_t i = 0; i < w.size; i++)
		printf("%02x", (unsigned char)w.value[i]);
	printf("\n");
}

static void put_all_addresses(struct nlmsghdr *nlh, __u16 family, size_t size)
{
	struct nlattr *one = mnl_attr_nest_start(nlh, 0);
	const char any[16] = "";

	mnl_attr_put_u16(nlh, WGALLOWEDIP_A_FAMILY, family);
	mnl_attr_put(nlh, WGALLOWEDIP_A_IPADDR, size, any);
	mnl_attr_put_u8(nlh, WGALLOWEDIP_A_CIDR_MASK, 0);
	mnl_attr_nest_end(nlh, one);
}

static void add_peer(int family, char **argv)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((__u16)atoi(argv[4]))};
	struct nlmsghdr *nlh = begin(family, WG_CMD_SET_DEVICE, NLM_F_ACK);
	struct nlattr *peers, *peer, *addresses;
	struct wanted w = {};
	unsigned char key[WG_KEY_LEN];

	for (size_t i = 0; i < sizeof(key); i++)
		if (sscanf(argv[2] + 2 * i, "%2hhx", &key[i]) != 1)
			die(argv[2]);
	if (inet_pton(AF_INET, argv[3], &to.sin_addr) != 1)
		die(argv[3]);
	mnl_attr_put_strz(nlh, WGDEVICE_A_IFNAME, argv[1]);
	peers = mnl_attr_nest_start(nlh, WGDEVICE_A_PEERS);
	peer = mnl_attr_nest_start(nlh, 0);
	mnl_attr_put(nlh, WGPEER_A_PUBLIC_KEY, sizeof(key), key);
	mnl_attr_put(nlh, WGPEER_A_ENDPOINT, sizeof(to), &to);
	addresses = mnl_attr_nest_start(nlh, WGPEER_A_ALLOWEDIPS);
	put_all_addresses(nlh, AF_INET, 4);
	put_all_addresses(nlh, AF_INET6, 16);
	mnl_attr_nest_end(nlh, addresses);
	mnl_attr_nest_end(nlh, peer);
	mnl_attr_nest_end(nlh, peers);
	ask(nlh, take, &w);
}

int main(int argc, char **argv)
{
	nl = mnl_socket_open(NETLINK_GENERIC);
	if (argc != 3 && argc != 5) {
		fprintf(stderr, "wgset DEVICE PORT | DEVICE KEY ADDRESS PORT\n");
		return 2;
	}
	if (!nl || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID))
		die("netlink");
	if (argc == 3)
		new_key(family_id(), argv[1], atoi(argv[2]));
	else
		add_peer(family_id(), argv);
	return 0;
}
