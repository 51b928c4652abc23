/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Process grants in the pinned maps: made, ended, listed. A grant is in force from the moment its
 * row is in `grants`, which comes last, and until that row goes, which comes first.
 */
#pragma once

#include "HostIsolation/cgroups.h"
#include "HostIsolation/maps.h"
#include "HostIsolation/process.h"

/* What the responder named, looked up: nothing is changed by that. */
struct grant_target {
	enum grant_kind kind;
	struct process process; /* PID, TREE */
	struct exe_key exe;	/* EXE */
	__u64 exe_dev, exe_ino; /* EXE: as stat(2) tells them, of /proc/PID/exe as well */
	struct cgroup_ref cgroup;
	char what[256]; /* for people */
};

void grant_target_close(struct grant_target *t);
/* Each -ESRCH, -ENOENT, -EINVAL or -ENOTSUP with a line. */
int grant_target_pid(const char *text, bool tree, __u64 netns, struct grant_target *out,
		     struct error *err);
int grant_target_exe(const char *path, struct grant_target *out, struct error *err);
int grant_target_cgroup(int root, const char *path, struct grant_target *out, struct error *err);
int grant_target_unit(int root, const char *unit, struct grant_target *out, struct error *err);

struct grant_made {
	__u64 id;
	bool was;	      /* it was granted already: the rest is brought up to date */
	unsigned int sockets; /* marked that were open already */
	unsigned int tasks;
};

/*
 * Grants it, until `until`. The hooks must be attached (granthooks_attach()). On failure nothing of
 * this grant is left.
 */
int grant_make(struct maps *maps, int root, const struct grant_target *t, __u64 until,
	       const struct origin *origin, struct grant_made *made, struct error *err);

/* Ends the grants with these ids, at once; the rest is cleared up after. */
void grant_end(struct maps *maps, const __u64 *ids, size_t count);
/* Clears up after grants that ended by themselves: deadline, exit. How many are left in force. */
size_t grants_collect(struct maps *maps);

struct grant_row {
	__u64 id;
	struct grant grant;
	struct grant_note note;
	struct grant_count count; /* packets and bytes of all CPUs, the peer of the newest */
};

struct grant_vec {
	struct grant_row *rows;
	size_t count;
};

/* In the order they were made; with those whose deadline has passed. -errno with a line. */
int grants_read(const struct maps *maps, struct grant_vec *out, struct error *err);
void grant_vec_free(struct grant_vec *v);
/* Sums over the CPUs, by enum grant_loss. */
int grant_losses_read(const struct maps *maps, __u64 out[GRANT_LOST_COUNT]);

/* "pid:812", "tree:812", "exe:/usr/bin/agent", "cgroup:/system.slice/agent.service". */
void grant_format(const struct grant_row *row, char *buf, size_t size);
