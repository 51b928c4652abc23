// SPDX-License-Identifier: BSD-2-Clause
/* The filter on a bench: maps, allowlist, switch, state. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "HostIsolation/bank.h"
#include "HostIsolation/cleanup.h"
#include "HostIsolation/entry.h"
#include "filter.skel.h"
#include "filterlab.h"

#include <cmocka.h> /* after error.h: it makes fail() a macro */

#define SECOND_NS 1000000000ULL
#define HOUR_NS (3600 * SECOND_NS)

struct lab lab = {.pins = {.lock_fd = -1}, .maps = MAPS_INIT, .progs = PROGS_INIT};

static char bpffs[] = "/tmp/hostiso-packet-XXXXXX";
static bool mounted;

/* libbpf's own lines, as TAP comments. */
static int say(enum libbpf_print_level level, const char *format, va_list args)
{
	if (level == LIBBPF_DEBUG)
		return 0;
	fputs("# ", stdout);
	return vprintf(format, args);
}

/* What libbpf says about programs that this kernel cannot have is for nobody. */
static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	return 0;
}

static int mount_bpffs(struct error *err)
{
	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    !mkdtemp(bpffs))
		return snprintf(err->text, sizeof(err->text), "a mount namespace: %m"), -errno;
	mounted = true;
	if (mount("bpf", bpffs, "bpf", 0, NULL) < 0)
		return snprintf(err->text, sizeof(err->text), "a bpffs: %m"), -errno;
	return 0;
}

/* The command does without it where it has xdp_in_frags. */
static void load_xdp_in(void)
{
	struct filter_bpf *skel = filter_bpf__open();
	struct bpf_program *prog;
	int ret = skel ? 0 : -errno;

	if (ret == 0)
		bpf_object__for_each_program(prog, skel->obj)
			bpf_program__set_autoload(prog, prog == skel->progs.xdp_in);
	for (int i = 0; i < MAP_COUNT && ret == 0; i++)
		ret = bpf_map__reuse_fd(bpf_object__find_map_by_name(skel->obj, map_names[i]),
					lab.maps.fd[i]);
	if (ret == 0 && filter_bpf__load(skel) == 0)
		lab.progs.fd[PROG_xdp_in] =
			fcntl(bpf_program__fd(skel->progs.xdp_in), F_DUPFD_CLOEXEC, 0);
	filter_bpf__destroy(skel);
}

static int load_all(struct error *err)
{
	int xdp_errno = 0, ret;

	libbpf_set_print(getenv("HOSTISO_LIBBPF") ? say : quiet);
	ret = progs_need(&lab.progs, &lab.pins, &lab.maps, LINK_ETHERNET, true, &xdp_errno, err);
	if (ret == 0)
		ret = progs_need(&lab.progs, &lab.pins, &lab.maps, LINK_IP, false, &xdp_errno, err);
	if (ret == 0)
		ret = progs_need(&lab.progs, &lab.pins, &lab.maps, LINK_UNKNOWN, false, &xdp_errno,
				 err);
	if (ret == 0 && lab.progs.fd[PROG_xdp_in] < 0)
		load_xdp_in();
	return ret;
}

int lab_up(void **state)
{
	struct error err = {};
	char dir[64];
	int ret = mount_bpffs(&err);

	snprintf(dir, sizeof(dir), "%s/pins", bpffs);
	if (ret == 0)
		ret = pins_open(&lab.pins, dir, true, &err);
	if (ret == 0)
		ret = pins_lock(&lab.pins, true, &err);
	if (ret == 0)
		ret = maps_create(&lab.maps, &lab.pins, &err);
	if (ret == 0)
		ret = load_all(&err);
	if (ret < 0) {
		printf("# no bench for the filter: %s (%s)\n", err.text, strerror(-ret));
		lab_down(state);
		return ret;
	}
	lab.maps.policy->limit = LIMIT_DEFAULT;
	return 0;
}

int lab_down(void **state)
{
	allowlist_free(&lab.entries);
	free(lab.allow);
	lab.allow = NULL;
	progs_close(&lab.progs);
	maps_close(&lab.maps);
	pins_close(&lab.pins);
	if (mounted) {
		umount2(bpffs, MNT_DETACH);
		rmdir(bpffs);
	}
	mounted = false;
	frames_free();
	return 0;
}

static __u64 deadline_of(char *token)
{
	char *at = strchr(token, '@');

	if (!at)
		return FOREVER;
	*at = 0;
	if (!strcmp(at + 1, "past"))
		return boot_ns() - SECOND_NS; /* the programs' clock ticks */
	assert_string_equal(at + 1, "soon");
	return boot_ns() + HOUR_NS;
}

void lab_allow(const char *text)
{
	_cleanup_free_ char *tokens = strdup(text);
	struct allowlist list = {};
	struct origin origin = {};
	struct error err = {};
	char *rest = tokens;
	__u32 id = 0;

	if (lab.allow && !strcmp(lab.allow, text))
		return;
	assert_int_equal(allowlist_add_origin(&list, &origin, &id), 0);
	for (char *t; (t = strsep(&rest, " "));) {
		__u64 until = deadline_of(t);
		struct entry e;

		if (!*t)
			continue;
		if (entry_parse(t, &e, &err) < 0 || e.name[0])
			fail_msg("allowlist \"%s\": %s: %s", text, t, err.text);
		assert_int_equal(allowlist_add(&list, &e.key, until, id), 0);
	}
	if (bank_store(&lab.maps, &lab.pins, &list, &err) < 0)
		fail_msg("allowlist \"%s\": %s", text, err.text);
	allowlist_free(&list);
	free(lab.allow);
	lab.allow = strdup(text);
}

void lab_control(__u64 control)
{
	policy_set_control(&lab.maps, control | (lab.maps.policy->control & CONTROL_BANK));
}

static void forget(int fd, void *key)
{
	while (bpf_map_get_next_key(fd, NULL, key) == 0)
		assert_int_equal(bpf_map_delete_elem(fd, key), 0);
}

void lab_forget(void)
{
	union {
		struct flow_key flow;
		struct fragment_key fragment;
		struct nd_key nd;
	} key;

	if (!lab.remembers) /* looking through 16384 empty buckets takes time */
		return;
	lab.remembers = false;
	forget(lab.maps.fd[MAP_flows], &key);
	forget(lab.maps.fd[MAP_fragments], &key);
	forget(lab.maps.fd[MAP_nd_onlink], &key);
}

void lab_keep(const char *host, const char *peer)
{
	struct kept_key key = {.peer_port = htons(50000), .local_port = htons(22)};
	__u64 one = 1;

	key.family = strchr(host, ':') ? AF_INET6 : AF_INET;
	put_address(key.family, peer, key.peer);
	put_address(key.family, host, key.local);
	assert_int_equal(bpf_map_update_elem(lab.maps.fd[MAP_kept], &key, &one, BPF_ANY), 0);
}

void lab_hits(void)
{
	struct error err = {};

	allowlist_free(&lab.entries);
	if (bank_load(&lab.maps, &lab.pins, &lab.entries, &err) < 0)
		fail_msg("%s", err.text);
}
