/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The filter on a bench: its maps and programs made by the command's own code, in a pin folder on a
 * bpffs that only this process sees, attached to nothing. Packets go through BPF_PROG_TEST_RUN.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include "HostIsolation/allowlist.h"
#include "HostIsolation/maps.h"
#include "HostIsolation/progs.h"
#include "frames.h"

struct lab {
	struct pins pins;
	struct maps maps;
	struct progs progs;
	bool remembers; /* a packet may have left something in flows, fragments, nd_onlink */
	bool recount;	/* counters moved without lab_run() */
	char *allow;	/* the allowlist in force, as text */
	struct allowlist entries; /* the same with hits, as of the last lab_hits() */
};

extern struct lab lab;

/* Both for cmocka's group set-up and teardown. Where the filter cannot be had, set-up fails. */
int lab_up(void **state);
int lab_down(void **state);

/*
 * Puts an allowlist into force: entries between blanks, each with @past, @soon (a deadline that is
 * over, one in an hour) or nothing (for ever). Does nothing when it is in force already.
 */
void lab_allow(const char *text);
/* The switch: CONTROL_* without the bank. */
void lab_control(__u64 control);
/* Forgets flows, fragments and neighbours. */
void lab_forget(void);
/* One connection, host:22 to peer:50000 in network order, as --keep-ssh writes it. */
void lab_keep(const char *host, const char *peer);

/* Reads all entries with their hits. */
void lab_hits(void);

struct hook {
	const char *name;
	int prog; /* enum prog_index */
	enum direction dir;
	bool xdp;
	bool headerless; /* takes frames from the IP header on */
};

extern const struct hook hooks[];
extern const size_t hook_count;

/* Is it loaded, for this direction, and can it be given this frame at all? */
bool hook_takes(const struct hook *h, const struct frame *f);

/* What a run did. */
struct outcome {
	bool dropped;
	int moved; /* how many counters */
	__u32 audit, dir;
	enum reason reason; /* REASON_COUNT: no counter moved */
	struct counter by;
};

/*
 * Runs one program on one frame; frames before it went through the same kind of hook already. In
 * `linear` bytes from the start, the rest in other buffers; 0: all. A verdict other than the two
 * that the program may give, a changed frame, or a test_run that fails, fails the test. False: the
 * kernel's BPF_PROG_TEST_RUN does not take a frame like this one.
 */
bool lab_run(const struct hook *h, const struct frame *f, __u32 linear, struct outcome *out);
/* Runs what came before f, oldest first, through hooks of h's kind. */
void lab_run_before(const struct hook *h, const struct frame *f);

const char *reason_word(enum reason reason);
bool reason_is_drop(enum reason reason);
