/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A packet test is one row of prose: name, allowlist, packet, expected reason. Each row goes
 * through every hook that can take its packet, enforcing (the short way where there is one, and the
 * long one) and in audit mode; asserted are the verdict, the one counter that moves, and whose hits
 * move. Brings cmocka.h.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <linux/if_ether.h>
#include "filterlab.h"

#include <cmocka.h> /* after error.h: it makes fail() a macro */

/* The reasons by their bare names. */
enum {
#define REASON(id, word, verdict, text) id = REASON_##id,
#include "HostIsolation/reasons.def"
#undef REASON
};

/* A row says no more than it has to. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

struct row {
	const char *name;
	const char *allow; /* as lab_allow() takes it */
	struct frame *packet;
	int reason;	 /* enum reason */
	const char *hit; /* the entry whose hits move, where there are several; canonical */
	__u64 control;	 /* CONTROL_* besides CONTROL_ENFORCE */
};

/*
 * The main() of a packet test: the rows, then what is generated from them (generated.c), then the
 * program's own tests.
 */
int run_rows(const char *group, const struct row *rows, size_t n, const struct CMUnitTest *own,
	     size_t own_count);

/* lab_up, or the program's own that calls it. */
extern int (*run_rows_setup)(void **state);

#define RUN_ROWS(group, rows) run_rows(group, rows, sizeof(rows) / sizeof((rows)[0]), NULL, 0)
#define RUN_ROWS_AND(group, rows, own)                                                             \
	run_rows(group, rows, sizeof(rows) / sizeof((rows)[0]), own, sizeof(own) / sizeof((own)[0]))

/* The same judgement for a packet that is made up on the way. */
void expect(const char *name, const struct frame *packet, int reason);

/* generated.c: all rows of the program */
struct rows {
	const struct row *row;
	size_t count;
};

/* Frames a few bytes away from the rows': XDP and TC agree, with and without link header. */
void test_mutated_frames_agree(void **state);
/* The rows' frames cut to every length. */
void test_cut_frames_agree(void **state);
/* The rows' frames split over buffers at every place. */
void test_split_frames_agree(void **state);
