/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Whose a packet is that the filter dropped: a packet knows its socket and no process, so who sends
 * or connects is noted beforehand.
 *
 * security_socket_sendmsg, _connect   every way to send, before the packet is made
 * tail/sys_exit/send                  the same by descriptor, right after it
 * inet_sock_set_state                 TCP connections, before the first packet
 */
#include "syscall.bpf.h"

#define TCP_SYN_SENT 2

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, u64);
	__type(value, struct sender);
} senders SEC(".maps");

static __always_inline int note_sender(u64 sock)
{
	struct task_struct *task = current_task();
	struct sender s = {};

	if (!sock)
		return 0;
	s.start_boot_ns = BPF_CORE_READ(task, group_leader, start_boottime);
	s.tgid = BPF_CORE_READ(task, tgid);
	s.uid = BPF_CORE_READ(task, cred, uid.val);
	BPF_CORE_READ_STR_INTO(&s.comm, task, comm);
	bpf_map_update_elem(&senders, &sock, &s, BPF_ANY);
	return 0;
}

SEC("fentry/security_socket_sendmsg")
int BPF_PROG(hook_send_fentry, struct socket *socket)
{
	return note_sender((u64)BPF_CORE_READ(socket, sk));
}

SEC("fentry/security_socket_connect")
int BPF_PROG(hook_send_connect_fentry, struct socket *socket)
{
	return note_sender((u64)BPF_CORE_READ(socket, sk));
}

SEC("kprobe/security_socket_sendmsg")
int BPF_KPROBE(hook_send_kprobe, struct socket *socket)
{
	return note_sender((u64)BPF_CORE_READ(socket, sk));
}

SEC("kprobe/security_socket_connect")
int BPF_KPROBE(hook_send_connect_kprobe, struct socket *socket)
{
	return note_sender((u64)BPF_CORE_READ(socket, sk));
}

SEC("tail/sys_exit/send")
int hook_send_tp(struct bpf_raw_tracepoint_args *ctx)
{
	struct file *file = fd_file(current_task(), sys_arg(sys_regs(ctx), 1));
	struct socket *socket;

	if ((BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return 0;
	socket = BPF_CORE_READ(file, private_data);
	return note_sender((u64)BPF_CORE_READ(socket, sk));
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(hook_send_state_tp, struct sock *sk, int oldstate, int newstate)
{
	u64 sock = 0;

	if (newstate != TCP_SYN_SENT)
		return 0;
	bpf_probe_read_kernel(&sock, sizeof(sock), ctx); /* the pointer as a number */
	return note_sender(sock);
}
