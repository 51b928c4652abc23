/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * TCP connections.
 *
 * tcp_v4_connect, tcp_v6_connect   ATTEMPTED: after it, so that the source port is known
 * inet_csk_accept                  ACCEPTED, in the process that takes the connection
 * tcp_close                        CLOSED
 * tail/sys_exit/connect, accept    the same by descriptor
 * inet_sock_set_state              CLOSED of what those two saw: the first step towards the end
 */
#include "syscall.bpf.h"

/* linux/net/tcp_states.h */
#define TCP_FIN_WAIT1 4
#define TCP_CLOSE 7
#define TCP_LAST_ACK 9
#define TCP_LISTEN 10
#define EINPROGRESS 115

static __always_inline bool is_tcp(struct sock *sk)
{
	u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);

	return BPF_CORE_READ(sk, sk_protocol) == IPPROTO_TCP &&
	       (family == AF_INET || family == AF_INET6);
}

static __always_inline void fill_tuple(struct event_net *e, struct sock *sk)
{
	struct tcp_sock *tp = (void *)sk;

	e->family = BPF_CORE_READ(sk, __sk_common.skc_family);
	__builtin_memset(e->saddr, 0, 32);
	if (e->family == AF_INET) {
		bpf_core_read(e->saddr, 4, &sk->__sk_common.skc_rcv_saddr);
		bpf_core_read(e->daddr, 4, &sk->__sk_common.skc_daddr);
	} else {
		bpf_core_read(e->saddr, 16, &sk->__sk_common.skc_v6_rcv_saddr);
		bpf_core_read(e->daddr, 16, &sk->__sk_common.skc_v6_daddr);
	}
	e->sport = BPF_CORE_READ(sk, __sk_common.skc_num);
	e->dport = __builtin_bswap16(BPF_CORE_READ(sk, __sk_common.skc_dport));
	e->netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	e->bytes_sent = BPF_CORE_READ(tp, bytes_sent);
	e->bytes_received = BPF_CORE_READ(tp, bytes_received);
}

static __noinline int emit_net(struct sock *sk, u32 type, u32 source)
{
	struct event_net *e;

	if (!asked(type) || !wanted(current_task()) || !is_tcp(sk))
		return 0;
	e = reserve(CLASS_TINY);
	if (!e) {
		count_lost(type);
		return 0;
	}
	fill_hdr(&e->hdr, type, source, sizeof(*e), current_task());
	__builtin_memset(&e->hdr.cgroup, 0, sizeof(e->hdr.cgroup));
	fill_tuple(e, sk);
	emit_submit(e);
	return 0;
}

SEC("fexit/tcp_v4_connect")
int BPF_PROG(hook_connect4_fexit, struct sock *sk, void *addr, int len, int ret)
{
	return ret ? 0 : emit_net(sk, EVENT_NETWORK_CONNECTION_ATTEMPTED, HOOK_connect4_fexit);
}

SEC("fexit/tcp_v6_connect")
int BPF_PROG(hook_connect6_fexit, struct sock *sk, void *addr, int len, int ret)
{
	/* To an IPv4-mapped address it goes through tcp_v4_connect, which has told. */
	return ret ? 0 : emit_net(sk, EVENT_NETWORK_CONNECTION_ATTEMPTED, HOOK_connect6_fexit);
}

const volatile __u32 nargs_inet_csk_accept; /* 4, and 2 since 6.10 */

SEC("fexit/inet_csk_accept")
int hook_accept_fexit(u64 *ctx)
{
	struct sock *sk = NULL;

	bpf_probe_read_kernel(&sk, sizeof(sk), (void *)ctx + nargs_inet_csk_accept * sizeof(u64));
	return sk ? emit_net(sk, EVENT_NETWORK_CONNECTION_ACCEPTED, HOOK_accept_fexit) : 0;
}

SEC("kretprobe/inet_csk_accept")
int BPF_KRETPROBE(hook_accept_kretprobe, struct sock *sk)
{
	return sk ? emit_net(sk, EVENT_NETWORK_CONNECTION_ACCEPTED, HOOK_accept_kretprobe) : 0;
}

static __always_inline int on_close(struct sock *sk, u32 source)
{
	if (BPF_CORE_READ(sk, __sk_common.skc_state) == TCP_LISTEN ||
	    !BPF_CORE_READ(sk, __sk_common.skc_dport))
		return 0;
	return emit_net(sk, EVENT_NETWORK_CONNECTION_CLOSED, source);
}

SEC("fentry/tcp_close")
int BPF_PROG(hook_close_fentry, struct sock *sk)
{
	return on_close(sk, HOOK_close_fentry);
}

SEC("kprobe/tcp_close")
int BPF_KPROBE(hook_close_kprobe, struct sock *sk)
{
	return on_close(sk, HOOK_close_kprobe);
}

/* Whose a connection is, for the state change that comes in anybody's name. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, u64);
	__type(value, struct event_net);
} connections SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct event_net);
} connection_zero SEC(".maps");

static __noinline int seen_connection(struct sock *sk, u32 type, u32 source)
{
	u64 key = (u64)sk;
	struct event_net *e;
	u32 none = 0;

	if (!is_tcp(sk))
		return 0;
	e = bpf_map_lookup_elem(&connection_zero, &none);
	if (!e || bpf_map_update_elem(&connections, &key, e, BPF_ANY))
		return 0;
	e = bpf_map_lookup_elem(&connections, &key);
	if (!e)
		return 0;
	fill_hdr(&e->hdr, type, source, sizeof(*e), current_task());
	fill_tuple(e, sk);
	if (asked(type) && bpf_ringbuf_output(&ring, e, sizeof(*e), wake_flags()))
		count_lost(type);
	return 0;
}

static __always_inline struct sock *fd_sock(u32 fd)
{
	struct file *file = fd_file(current_task(), fd);
	struct socket *socket;

	if ((BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return NULL;
	socket = BPF_CORE_READ(file, private_data);
	return BPF_CORE_READ(socket, sk);
}

SEC("tail/sys_exit/connect")
int hook_connect_tp(struct bpf_raw_tracepoint_args *ctx)
{
	struct sock *sk;

	if (sys_ret(ctx) && sys_ret(ctx) != -EINPROGRESS)
		return 0;
	sk = fd_sock(sys_arg(sys_regs(ctx), 1));
	if (sk && !is_tcp(sk))
		bpf_tail_call(ctx, &slots, SLOT_send);
	return sk ? seen_connection(sk, EVENT_NETWORK_CONNECTION_ATTEMPTED, HOOK_connect_tp) : 0;
}

SEC("tail/sys_exit/accept")
int hook_accept_tp(struct bpf_raw_tracepoint_args *ctx)
{
	struct sock *sk;

	if (sys_ret(ctx) < 0)
		return 0;
	sk = fd_sock(sys_ret(ctx));
	return sk ? seen_connection(sk, EVENT_NETWORK_CONNECTION_ACCEPTED, HOOK_accept_tp) : 0;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(hook_state_tp, struct sock *sk, int oldstate, int newstate)
{
	struct event_net *e;
	u64 key = 0;

	if (newstate != TCP_FIN_WAIT1 && newstate != TCP_LAST_ACK && newstate != TCP_CLOSE)
		return 0;
	bpf_probe_read_kernel(&key, sizeof(key), ctx); /* the pointer as a number */
	e = bpf_map_lookup_elem(&connections, &key);
	if (!e)
		return 0;
	e->hdr.type = EVENT_NETWORK_CONNECTION_CLOSED;
	e->hdr.source = HOOK_state_tp;
	e->hdr.ts_boot_ns = bpf_ktime_get_boot_ns();
	e->bytes_sent = BPF_CORE_READ((struct tcp_sock *)key, bytes_sent);
	e->bytes_received = BPF_CORE_READ((struct tcp_sock *)key, bytes_received);
	if (asked(EVENT_NETWORK_CONNECTION_CLOSED) &&
	    bpf_ringbuf_output(&ring, e, sizeof(*e), wake_flags()))
		count_lost(EVENT_NETWORK_CONNECTION_CLOSED);
	bpf_map_delete_elem(&connections, &key);
	return 0;
}
