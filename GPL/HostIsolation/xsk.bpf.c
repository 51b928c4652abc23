// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * AF_XDP sockets send past tc and nftables, so that nothing of ours sees the frames. BPF LSM
 * refuses the sockets instead, in the isolated network namespace and while it is isolated; nobody
 * is excepted.
 *
 *   xsk_create   socket(): no new one is made
 *   xsk_bind     bind(): one from before gets no device
 *   xsk_send     sendmsg(): one that was bound before is not told to send; poll(), which some
 *                drivers send by as well, has no hook: `status` names who holds such a socket
 *
 * Some kernels attach them and never run them (lsm= without bpf): XSK_TEST_PROTOCOL tells.
 */
#include "HostIsolation/policy.bpf.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define AF_XDP 44
#define EPERM 1

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct ns_common {
	unsigned int inum;
};

struct net {
	struct ns_common ns;
};

struct nsproxy {
	struct net *net_ns;
};

struct task_struct {
	struct nsproxy *nsproxy;
};

typedef struct {
	struct net *net;
} possible_net_t;

struct sock_common {
	unsigned short skc_family;
	possible_net_t skc_net;
};

struct sock {
	struct sock_common __sk_common;
};

struct socket {
	struct sock *sk;
};
#pragma clang attribute pop

/* 0, or -EPERM and counted, for an AF_XDP socket of that namespace. */
static __always_inline int refuse(__u32 netns)
{
	struct policy *p = policy_page();
	__u64 now = 0, control = control_in_force(p, &now);

	/* isolate --dev has taken us off; a link that nobody holds may live on a while */
	if (!p || !control || control & CONTROL_NAMED || p->netns_cookie != netns)
		return 0;
	count(control, REASON_XDP_SOCKET, DIR_OUT, 0);
	return control & CONTROL_AUDIT ? 0 : -EPERM;
}

/* What an LSM before ours refused stays refused. */
static __always_inline int judge_socket(struct socket *sock, int ret)
{
	struct sock *sk = BPF_CORE_READ(sock, sk);

	if (ret || !sk || BPF_CORE_READ(sk, __sk_common.skc_family) != AF_XDP)
		return ret;
	return refuse(BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum));
}

SEC("lsm/socket_create")
int BPF_PROG(xsk_create, int family, int type, int protocol, int kern, int ret)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	if (ret || kern || family != AF_XDP)
		return ret;
	if (protocol == XSK_TEST_PROTOCOL)
		return -XSK_TEST_ERRNO;
	return refuse(BPF_CORE_READ(task, nsproxy, net_ns, ns.inum));
}

SEC("lsm/socket_bind")
int BPF_PROG(xsk_bind, struct socket *sock, void *address, int addrlen, int ret)
{
	return judge_socket(sock, ret);
}

SEC("lsm/socket_sendmsg")
int BPF_PROG(xsk_send, struct socket *sock, void *msg, int size, int ret)
{
	return judge_socket(sock, ret);
}
