/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the tests of netlink and attach run: network and mount namespaces made by the process
 * itself, a bpffs of its own, devices by ip(8), trivial programs. Nothing outside is touched; when
 * the namespaces cannot be had, nothing runs.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/pkt_cls.h>
#include <net/if.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "HostIsolation/attach.h"
#include "HostIsolation/layout.h"
#include "HostIsolation/tcx.h"

#include <cmocka.h> /* after error.h: it makes fail() a macro */

#define NEXT (-1) /* TCX_NEXT, TC_ACT_UNSPEC: the next program has its say */

static char env_dir[] = "/tmp/hostiso-attach-XXXXXX";
static char env_links[64];
static const char *env_skip; /* why no test runs */

/* The reason goes before the skip: cmocka 1.1 has no word for it. */
#define skip_because(...)                                                                          \
	do {                                                                                       \
		printf("# skip: " __VA_ARGS__);                                                    \
		printf("\n");                                                                      \
		skip();                                                                            \
	} while (0)

#define assert_ok(expr)                                                                            \
	do {                                                                                       \
		int ok_ = (expr);                                                                  \
		if (ok_)                                                                           \
			fail_msg("%s: %d (%s); %s", #expr, ok_, strerror(ok_ < 0 ? -ok_ : 0),      \
				 env_err.text);                                                    \
	} while (0)

static struct error env_err;

static inline bool env_private_net(void)
{
	struct stat before, after;

	return !stat("/proc/self/ns/net", &before) && !unshare(CLONE_NEWNET | CLONE_NEWNS) &&
	       !stat("/proc/self/ns/net", &after) && before.st_ino != after.st_ino;
}

/* Once, before all tests. */
static inline int env_setup(void **state)
{
	if (geteuid()) {
		env_skip = "needs root";
		return 0;
	}
	if (!env_private_net()) {
		env_skip = "no network namespace of its own";
		return 0;
	}
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) || !mkdtemp(env_dir) ||
	    mount("bpf", env_dir, "bpf", 0, NULL)) {
		env_skip = "cannot mount a bpffs of its own";
		return 0;
	}
	snprintf(env_links, sizeof(env_links), "%s/links", env_dir);
	return mkdir(env_links, 0700);
}

static inline int env_teardown(void **state)
{
	if (env_skip)
		return 0;
	umount2(env_dir, MNT_DETACH);
	return rmdir(env_dir);
}

__attribute__((format(printf, 1, 2))) static inline int run(const char *fmt, ...)
{
	char line[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	return system(line);
}

/* Before each test: an empty namespace, no pins. */
static inline int test_setup(void **state)
{
	if (env_skip)
		return 0;
	env_err.text[0] = '\0';
	if (unshare(CLONE_NEWNET))
		return -1;
	return run("rm -rf %s/* && ip link set lo up", env_links);
}

#define begin()                                                                                    \
	do {                                                                                       \
		if (env_skip)                                                                      \
			skip_because("%s", env_skip);                                              \
	} while (0)

static inline int index_of(const char *name)
{
	int ifindex = if_nametoindex(name);

	if (!ifindex)
		fail_msg("no device %s", name);
	return ifindex;
}

static inline struct link_info link_of(const char *name)
{
	struct link_info link;

	assert_ok(link_read(index_of(name), &link, &env_err));
	return link;
}

/* veth0 and veth1, up, quiet: no IPv6 that would send by itself. */
static inline struct link_info make_veth(void)
{
	assert_ok(run("ip link add veth0 type veth peer name veth1 &&"
		      "for i in veth0 veth1; do"
		      "	echo 1 > /proc/sys/net/ipv6/conf/$i/disable_ipv6;"
		      "	ip link set $i up arp off; done"));
	return link_of("veth0");
}

static inline int load_returning(enum bpf_prog_type type, const char *name, int verdict)
{
	const struct bpf_insn insns[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = verdict},
		{.code = BPF_JMP | BPF_EXIT},
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts,
		    .expected_attach_type = type == BPF_PROG_TYPE_XDP ? BPF_XDP : 0);
	int fd = bpf_prog_load(type, name, "Dual BSD/GPL", insns, 2, &opts);

	if (fd < 0)
		fail_msg("cannot load %s: %s", name, strerror(-fd));
	return fd;
}

static inline int load_tc(const char *name, int verdict)
{
	return load_returning(BPF_PROG_TYPE_SCHED_CLS, name, verdict);
}

static inline int load_xdp(const char *name, int verdict)
{
	return load_returning(BPF_PROG_TYPE_XDP, name, verdict);
}

static inline __u32 id_of(int prog_fd)
{
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);

	assert_int_equal(bpf_obj_get_info_by_fd(prog_fd, &info, &len), 0);
	return info.id;
}

/* What the filter would be: all of these drop. */
static inline struct device_progs load_ours(void)
{
	return (struct device_progs){
		.tc_in = load_tc("our_in", TC_ACT_SHOT),
		.tc_out = load_tc("our_out", TC_ACT_SHOT),
		.xdp = load_xdp("our_xdp", XDP_DROP),
		.xdp_frags = -1,
	};
}

static inline void close_ours(const struct device_progs *p)
{
	close(p->tc_in);
	close(p->tc_out);
	close(p->xdp);
	if (p->xdp_frags >= 0)
		close(p->xdp_frags);
}

static inline bool is_one_of(__u32 prog_id, void *arg)
{
	const struct device_progs *p = arg;

	return prog_id == id_of(p->tc_in) || prog_id == id_of(p->tc_out) ||
	       prog_id == id_of(p->xdp) || (p->xdp_frags >= 0 && prog_id == id_of(p->xdp_frags));
}

static inline struct device_state state_of(const struct link_info *link,
					   const struct device_progs *p)
{
	struct device_state s;

	assert_ok(device_state_read(link, is_one_of, (void *)p, &s, &env_err));
	return s;
}

/* Both tc hooks are ours, and nothing runs before. */
static inline bool guarded(const struct link_info *link, const struct device_progs *p)
{
	struct device_state s = state_of(link, p);

	return s.in.attached && !s.in.blocked && s.out.attached && !s.out.blocked;
}

/* Nothing of ours is there, and no XDP program at all. */
static inline bool bare(const struct link_info *link, const struct device_progs *p)
{
	struct device_state s = state_of(link, p);

	return !s.in.attached && !s.out.attached && s.xdp == XDP_OFF && !s.foreign_xdp_id;
}

static inline bool have_tcx(void)
{
	struct tcx_list list;

	return !tcx_query(1, DIR_IN, &list);
}

/* Attaches as somebody else would, behind or (`first`) before the others. The link's fd. */
static inline int foreign_tcx(int ifindex, int direction, int prog_fd, bool first)
{
	struct {
		__u32 prog_fd, ifindex, type, flags, relative, pad;
		__u64 revision;
	} attr = {prog_fd, ifindex, direction == DIR_IN ? 46 : 47, first ? 1 << 3 : 0, 0, 0, 0};

	return syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));
}

static inline size_t count_pins(void)
{
	char cmd[128], line[16] = "";
	FILE *f;

	snprintf(cmd, sizeof(cmd), "ls -A %s | wc -l", env_links);
	f = popen(cmd, "r");
	assert_non_null(f);
	assert_non_null(fgets(line, sizeof(line), f));
	pclose(f);
	return atoi(line);
}

static inline bool pin_exists(int ifindex, const char *hook)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%d_%s", env_links, ifindex, hook);
	return !access(path, F_OK);
}

/* The link pinned there; its fd. */
static inline int open_pin(int ifindex, const char *hook, struct bpf_link_info *info)
{
	__u32 len = sizeof(*info);
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%d_%s", env_links, ifindex, hook);
	fd = bpf_obj_get(path);
	if (fd < 0)
		fail_msg("no pin %s: %s", path, strerror(errno));
	memset(info, 0, sizeof(*info));
	assert_int_equal(bpf_obj_get_info_by_fd(fd, info, &len), 0);
	return fd;
}

/* What a command prints; for comparing the kernel's lists. */
static inline char *output_of(const char *cmd)
{
	static char buf[4][16384];
	static int next;
	char *out = buf[next++ % 4];
	FILE *f = popen(cmd, "r");
	size_t n;

	assert_non_null(f);
	n = fread(out, 1, sizeof(buf[0]) - 1, f);
	out[n] = '\0';
	assert_int_equal(pclose(f), 0);
	return out;
}

/* A packet socket on a device, for ETH_P_802_EX1 frames of the tests. */
static inline int packet_socket(const char *name)
{
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_802_EX1),
		.sll_ifindex = index_of(name),
	};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_802_EX1));

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

static const unsigned char env_frame[64] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2,
					    0,	  0,	0,    0,    1,	  0x88, 0xb5};

/* Frames that arrived at fd meanwhile and within 20 ms. */
static inline unsigned int arrived(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	unsigned int count = 0;
	char buf[128];

	while (poll(&p, 1, 20) > 0)
		count += recv(fd, buf, sizeof(buf), MSG_DONTWAIT) > 0;
	return count;
}

/* Does a frame pass from one end to the other? */
static inline bool passes(const char *from, const char *to)
{
	int out = packet_socket(from), in = packet_socket(to);
	bool ok;

	/* An egress filter that drops makes it fail with ENOBUFS. */
	if (send(out, env_frame, sizeof(env_frame), 0) < 0)
		assert_int_equal(errno, ENOBUFS);
	ok = arrived(in) == 1;
	close(out);
	close(in);
	return ok;
}

/* A process that sends frames through `from` until flood_end(). */
static inline pid_t flood_begin(const char *from)
{
	int fd = packet_socket(from);
	pid_t parent = getpid(), pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		while (getppid() == parent)
			send(fd, env_frame, sizeof(env_frame), 0);
		_exit(0);
	}
	close(fd);
	return pid;
}

static inline void flood_end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}
