// SPDX-License-Identifier: BSD-2-Clause
/*
 * Tests made from the rows of a table: whatever a frame looks like, all hooks that can take it
 * judge it alike. What the rows assert by hand thus holds for every hook on every frame near them.
 */
#include "rows.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../unit/random.h"

/* Under emulation a run costs ten times as much. */
#define MUTATIONS_PER_ROW (getenv("HOSTISO_VM") ? 4 : 12)
#define SPOILED_BYTES 110 /* all headers of all rows lie in the first of them, mostly */

static void dump(const struct frame *f)
{
	printf("# %s, %zu bytes:", f->dir == DIR_IN ? "in" : "out", f->len);
	for (size_t i = 0; i < f->len && i < 160; i++)
		printf("%s%02x", i % 32 ? " " : "\n#  ", f->data[i]);
	printf("\n");
}

static void disagree(const char *row, const struct frame *f, const struct hook *first,
		     const struct outcome *want, const struct hook *h, const struct outcome *o)
{
	dump(f);
	fail_msg("%s, changed: %s %s it (%s), but %s %s it (%s)", row, first->name,
		 want->dropped ? "dropped" : "passed", reason_word(want->reason), h->name,
		 o->dropped ? "dropped" : "passed", reason_word(o->reason));
}

/*
 * The same frame through every hook of its direction: as TC judges it whole and the long way, all
 * hooks do the short way where there is one, and also with only `linear` bytes of it (0: all) in
 * the first buffer. There, XDP may leave it to TC. Returns how often it was judged, and not by the
 * hook of the long way alone.
 */
static int agree(const char *row, const struct frame *f, __u32 linear)
{
	const struct hook *first = NULL;
	__u64 control = lab.maps.policy->control;
	struct outcome want, o;
	int judged = 0;

	for (size_t i = 0; i < hook_count; i++) {
		const struct hook *h = &hooks[i];

		if (!hook_takes(h, f))
			continue;
		lab_forget();
		lab_run_before(h, f);
		if (!first) {
			lab_control(control | CONTROL_LONG_WAY);
			if (lab_run(h, f, 0, &want))
				first = h;
			lab_control(control);
			if (!first)
				continue;
			lab_forget();
			lab_run_before(h, f);
		}
		if (!lab_run(h, f, linear, &o))
			continue;
		judged += linear || h != first;
		if (linear && h->xdp && !o.dropped && !o.moved)
			continue;
		if (o.dropped != want.dropped || o.moved > 1 ||
		    (o.reason != want.reason && !(h->xdp && !o.dropped)))
			disagree(row, f, first, &want, h, &o);
	}
	return judged;
}

static void arm(const struct row *r)
{
	lab_allow(r->allow);
	lab_control(CONTROL_ENFORCE | r->control);
}

/* One byte, or two that lie together, take a value that is likely to matter. */
static void spoil(struct frame *f)
{
	static const unsigned char values[] = {0,  1,  2,  4,  5,  6,  8,    17,   20,	 40,
					       43, 44, 51, 58, 60, 64, 0x45, 0x4f, 0x80, 0x81,
					       83, 86, 89, 87, 93, 94, 0xa8, 0xdd, 0xfe, 0xff};
	size_t reach = f->len < SPOILED_BYTES ? f->len : SPOILED_BYTES;
	size_t at = random_below(reach);

	switch (random_below(6)) {
	case 0:
		f->data[at] = random_below(256);
		break;
	case 1:
		f->data[at] ^= 1 << random_below(8);
		break;
	case 2: /* lengths just so */
		poke16(at < f->len - 1 ? at : f->len - 2, f->len - random_below(60), f);
		break;
	case 3:
		f->len -= random_below(f->len - ETH_HLEN - 1);
		break;
	case 4:
		pad(random_below(24), random_below(2) * 'x', f);
		break;
	default:
		f->data[at] = values[random_below(sizeof(values))];
	}
}

void test_mutated_frames_agree(void **state)
{
	const struct rows *rows = *state;
	int compared = 0;

	for (size_t i = 0; i < rows->count; i++) {
		const struct row *r = &rows->row[i];

		arm(r);
		for (int n = 0; n < MUTATIONS_PER_ROW; n++) {
			struct frame *f = copy(r->packet);

			/* XDP sees what comes in only: let most of them */
			if (random_below(4))
				f->dir = DIR_IN;
			for (unsigned int k = 1 + random_below(3); k; k--)
				if (f->len > ETH_HLEN + 2)
					spoil(f);
			compared += agree(r->name, f, 0) > 0;
		}
	}
	assert_true(compared > (int)rows->count * MUTATIONS_PER_ROW / 4);
}

void test_cut_frames_agree(void **state)
{
	const struct rows *rows = *state;
	int compared = 0;

	for (size_t i = 0; i < rows->count; i++) {
		const struct row *r = &rows->row[i];

		arm(r);
		for (size_t len = ETH_HLEN + 1; len < r->packet->len && len < SPOILED_BYTES;
		     len += getenv("HOSTISO_VM") ? 5 : 1) {
			struct frame *f = cut(len, copy(r->packet));

			f->dir = DIR_IN;
			compared += agree(r->name, f, 0) > 0;
		}
	}
	assert_true(compared > 0);
}

void test_split_frames_agree(void **state)
{
	const struct rows *rows = *state;
	int compared = 0;

	for (size_t i = 0; i < rows->count; i++) {
		const struct row *r = &rows->row[i];

		arm(r);
		for (size_t linear = ETH_HLEN; linear < r->packet->len && linear < SPOILED_BYTES;
		     linear += getenv("HOSTISO_VM") ? 7 : 1)
			compared += agree(r->name, r->packet, linear);
	}
	if (!compared) {
		printf("# skip: this kernel's BPF_PROG_TEST_RUN knows no frame in several buffers\n");
		skip();
	}
}
