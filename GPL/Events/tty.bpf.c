/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * TTY_WRITE: what processes write to terminals.
 *
 * tty_write             every write, wherever from; the data is in the iov_iter
 * tail/sys_exit/tty     write(2) and writev(2) on a descriptor that is a terminal
 */
#include "syscall.bpf.h"

#define ECHO 8
#define DRIVER_PTY 4
#define PTY_MASTER 1
#define SEGMENTS 8
#define TTY_CLASS (TTY_OUT_MAX + 512)

static __always_inline bool is_master(struct tty_struct *tty)
{
	struct tty_driver *driver = BPF_CORE_READ(tty, driver);
	struct tty_driver___617 *new = (void *)driver;

	if (bpf_core_field_exists(driver->type))
		return BPF_CORE_READ(driver, type) == DRIVER_PTY &&
		       BPF_CORE_READ(driver, subtype) == PTY_MASTER;
	return BPF_CORE_READ(new, type) == DRIVER_PTY && BPF_CORE_READ(new, subtype) == PTY_MASTER;
}

/* The terminal the user sees. What is typed (a write to the master) counts only when echoed. */
static __always_inline struct tty_struct *seen_tty(struct file *file)
{
	struct tty_file_private *private = BPF_CORE_READ(file, private_data);
	struct tty_struct *tty = BPF_CORE_READ(private, tty), *slave;

	if (!is_master(tty))
		return tty;
	slave = BPF_CORE_READ(tty, link);
	if (!(BPF_CORE_READ(tty, termios.c_lflag) & ECHO) &&
	    !(BPF_CORE_READ(slave, termios.c_lflag) & ECHO))
		return NULL;
	return slave;
}

static __noinline int emit_tty(struct tty_struct *tty, const void *base, u64 len, u32 source)
{
	struct event_tty_write *e;
	u64 n = len;

	if (!len)
		return 0;
	e = reserve(TTY_CLASS);
	if (!e) {
		count_lost(EVENT_PROCESS_TTY_WRITE);
		return 0;
	}
	fill_hdr(&e->hdr, EVENT_PROCESS_TTY_WRITE, source, sizeof(*e), current_task());
	__builtin_memset(&e->hdr.cgroup, 0, sizeof(e->hdr.cgroup));
	fill_tty(&e->tty, tty);
	e->truncated = 0;
	if (n > TTY_OUT_MAX) {
		e->truncated = n - TTY_OUT_MAX;
		n = TTY_OUT_MAX;
	}
	opaque(n);
	if (n > TTY_OUT_MAX) /* for the verifier */
		n = TTY_OUT_MAX;
	e->out.off = sizeof(*e);
	e->out.flags = PART_TEXT;
	e->out.len = n;
	e->hdr.size = sizeof(*e) + n;
	if ((!e->tty.major && !e->tty.minor) ||
	    bpf_probe_read_user((void *)e + sizeof(*e), n, base))
		emit_discard(e);
	else
		emit_submit(e);
	return 0;
}

struct segments {
	struct iovec *iov;
	struct tty_struct *tty;
	u64 count;
	u32 source, user; /* the iovecs lie in user memory */
};

static __noinline long emit_segment(u32 i, struct segments *s)
{
	u32 over = i >= s->count;
	struct iovec v = {};

	if (!over) {
		if (s->user)
			bpf_probe_read_user(&v, sizeof(v), s->iov + i);
		else
			bpf_probe_read_kernel(&v, sizeof(v), s->iov + i);
		emit_tty(s->tty, v.iov_base, v.iov_len, s->source);
	}
	return step_end(over);
}

static __always_inline int on_tty(struct kiocb *iocb, struct iov_iter *from, u32 source)
{
	struct iov_iter___64 *new = (void *)from;
	struct segments s = {.source = source};

	if (!wanted(current_task()))
		return 0;
	s.tty = seen_tty(BPF_CORE_READ(iocb, ki_filp));
	if (!s.tty)
		return 0;
	if (bpf_core_field_exists(from->iter_type) &&
	    bpf_core_enum_value_exists(enum iter_type, ITER_UBUF) &&
	    BPF_CORE_READ(from, iter_type) == bpf_core_enum_value(enum iter_type, ITER_UBUF))
		return emit_tty(s.tty, BPF_CORE_READ(from, ubuf), BPF_CORE_READ(from, count),
				source);
	if (bpf_core_field_exists(new->__iov))
		s.iov = BPF_CORE_READ(new, __iov);
	else
		s.iov = BPF_CORE_READ(from, iov);
	s.count = BPF_CORE_READ(from, nr_segs);
	repeat(SEGMENTS, emit_segment, &s);
	return 0;
}

SEC("fentry/tty_write")
int BPF_PROG(hook_tty_fentry, struct kiocb *iocb, struct iov_iter *from)
{
	return on_tty(iocb, from, HOOK_tty_fentry);
}

SEC("kprobe/tty_write")
int BPF_KPROBE(hook_tty_kprobe, struct kiocb *iocb, struct iov_iter *from)
{
	return on_tty(iocb, from, HOOK_tty_kprobe);
}

/* Terminals by device number: consoles and serial lines, /dev/tty and /dev/console, ptys. */
static __always_inline bool tty_device(u32 dev)
{
	u32 major = dev >> 20;

	return major == 4 || major == 5 || (major >= 136 && major <= 143) || major == 188 ||
	       major == 204 || major == 229;
}

SEC("tail/sys_exit/tty")
int hook_tty_tp(struct bpf_raw_tracepoint_args *ctx)
{
	struct segments s;
	struct sys sys;
	struct file *file;

	sys_read(&sys, ctx);
	if (sys.ret <= 0)
		return 0;
	file = fd_file(current_task(), sys_arg(sys.regs, 1));
	if (!tty_device(BPF_CORE_READ(file, f_inode, i_rdev)))
		return 0;
	s.tty = seen_tty(file);
	if (!s.tty)
		return 0;
	if (sys.route.vector) {
		s.source = HOOK_tty_tp;
		s.user = 1;
		s.iov = (void *)sys_arg(sys.regs, 2);
		s.count = sys_arg(sys.regs, 3);
		repeat(SEGMENTS, emit_segment, &s);
		return 0;
	}
	return emit_tty(s.tty, (void *)sys_arg(sys.regs, 2), sys.ret, HOOK_tty_tp);
}
