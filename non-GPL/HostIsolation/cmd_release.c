// SPDX-License-Identifier: BSD-2-Clause
/*
 * hostiso release: off, detached, unpinned. Works on any version's pins and on whatever an
 * interrupted run left behind; the hosts's own devices are asked, not the notes of what was once
 * done.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "HostIsolation/cleanup.h"
#include "HostIsolation/granthooks.h"
#include "HostIsolation/guard.h"
#include "HostIsolation/netns.h"
#include "HostIsolation/nft.h"
#include "HostIsolation/nftbackend.h"
#include "HostIsolation/verbs.h"
#include "HostIsolation/xskguard.h"
#include "Kill/killlayout.h"

struct namespace_wanted {
	__u64 inode;
	int fd;
};

static int take_namespace(int netns_fd, __u64 inode, int pid, void *arg)
{
	struct namespace_wanted *w = arg;

	if (inode == w->inode && w->fd < 0)
		w->fd = dup(netns_fd);
	return 0;
}

/* Namespaces with a name (ip-netns(8)) but perhaps no process. */
static int named_namespace(__u64 inode)
{
	_cleanup_closedir_ DIR *dir = opendir("/run/netns");
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		_cleanup_close_ int fd = openat(dirfd(dir), e->d_name, O_RDONLY | O_CLOEXEC);
		struct stat st;

		if (fd >= 0 && fstat(fd, &st) == 0 && st.st_ino == inode)
			return TAKE_FD(fd);
	}
	return -1;
}

/* Detaching happens in the namespace that was isolated, wherever we were called. */
static int enter_isolated_namespace(const struct maps *maps, struct error *err)
{
	struct namespace_wanted w = {.inode = maps->policy->netns_cookie, .fd = -1};
	_cleanup_close_ int fd = -1;

	if (!w.inode || w.inode == netns_inode(0))
		return 0;
	netns_each(take_namespace, &w, NULL);
	fd = w.fd >= 0 ? w.fd : named_namespace(w.inode);
	if (fd < 0)
		return 0; /* it is gone, and its devices with it */
	if (setns(fd, CLONE_NEWNET) < 0)
		return fail(err, -errno, "cannot enter the isolated network namespace: %s",
			    strerror(errno));
	return 0;
}

/* Everything that is tried although something before it failed: the first failure is told. */
static int first(int ret, int now)
{
	return ret ? ret : now;
}

struct arguments {
	struct common common;
	bool all;
};

static const struct argp_option options[] = {
	{"all", 'a', NULL, 0, "end the kill rules, too (hostiso kill clear)", 0}, {}};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->common;
		return 0;
	case 'a':
		a->all = true;
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

/* The backstop goes first: killed between, the host is isolated still. */
static int release(struct session *s, const struct arguments *a)
{
	struct error err = {};
	int ret = s->have_maps ? enter_isolated_namespace(&s->maps, &err) : 0;

	if (ret == 0)
		ret = nft_remove_all(&err);
	if (s->have_maps)
		policy_set_control(&s->maps,
				   s->maps.policy->control & ~(CONTROL_ENFORCE | CONTROL_AUDIT));
	ret = first(ret,
		    guard_detach_all(&s->pins, s->have_maps ? &s->maps : NULL, ret ? NULL : &err));
	ret = first(ret, granthooks_detach(&s->pins, ret ? NULL : &err));
	ret = first(ret, xskguard_detach(&s->pins, ret ? NULL : &err));
	if (ret < 0)
		return complain(&err, EXIT_FAILED);
	ret = pins_remove(&s->pins, a->all ? NULL : KILL_PIN_PREFIX, &err);
	return ret < 0 ? complain(&err, EXIT_FAILED) : EXIT_DONE;
}

/* The nftables backend has no pins; what of BPF may lie about is looked for afterwards. */
static int release_nft_backend(bool *was, struct error *err)
{
	struct session s = SESSION_INIT;
	int ret;

	if (!nft_backend_there())
		return 0;
	ret = session_open_nft_backend(&s, err);
	if (ret == 0 || s.maps.nft_backend) {
		*was = true;
		ret = ret == -EBUSY ? ret : nft_remove_all(err);
	}
	session_close(&s);
	return ret;
}

/* No pins: what is attached and installed is found where it is. */
static int release_unpinned(struct session *s)
{
	struct error err = {};
	int ret = nft_remove_all(&err);

	ret = first(ret, guard_detach_all(&s->pins, NULL, ret ? NULL : &err));
	return ret < 0 ? complain(&err, EXIT_FAILED) : EXIT_DONE;
}

/* Kill rules are no isolation: who armed them may still want them. */
static bool rules_stay(const struct session *s)
{
	char path[PIN_DIR_MAX + 32];

	snprintf(path, sizeof(path), "%s/" KILL_PIN_PREFIX "state", s->pins.maps);
	return access(path, F_OK) == 0;
}

static void say(const struct session *s, const struct arguments *a, bool was)
{
	bool stay = rules_stay(s);

	if (a->common.json)
		printf("{\"state\": \"not isolated\", \"was_isolated\": %s, \"kill_rules\": %s}\n",
		       was ? "true" : "false", stay ? "true" : "false");
	else
		printf("%s: %s\n", was ? "released" : "not isolated",
		       stay ? "what is left of hostiso is its kill rules (hostiso kill list, "
			      "release --all)"
			    : "nothing of hostiso is left on this host");
}

int cmd_release(int argc, char **argv)
{
	const struct argp argp = {
		.options = options,
		.parser = parse,
		.doc = "End the isolation: everything is switched off, detached and unpinned, the allowlist included. Kill rules stay, unless --all.",
		.children = COMMON_CHILDREN};
	struct session s = SESSION_INIT;
	struct arguments a = {};
	struct error err = {};
	bool was = false;
	int ret;

	if (verb_parse(&argp, argc, argv, &a, &a.common))
		return EXIT_MISUSED;
	ret = need_root(&err);
	if (ret == 0)
		ret = release_nft_backend(&was, &err);
	if (ret < 0)
		return complain(&err, misuse_or_failure(ret));
	ret = session_open(&s, &a.common, SESSION_CHANGE, &err);
	if (ret < 0 && ret != -EUCLEAN && s.pins.lock_fd < 0)
		return complain(&err, misuse_or_failure(ret));
	/* broken pins, or another version's: what is attached is found on the devices */
	was |= s.have_maps && isolation_state(&s.maps) != STATE_OFF;
	was |= orphans_state(&s.orphans) != STATE_OFF;
	ret = s.pins.lock_fd < 0 ? release_unpinned(&s) : release(&s, &a);
	if (ret == EXIT_DONE)
		say(&s, &a, was);
	session_close(&s);
	return ret;
}
