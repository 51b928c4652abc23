/* SPDX-License-Identifier: BSD-2-Clause */
/* The same nftables tests as on kernels that can do less, and more; behind cmocka.h. */
#pragma once

#include "nftlab.h"

static unsigned int kernel_can;
static bool have_lab, mode_fits;

#define NEEDS_LAB()                                                                                \
	do {                                                                                       \
		if (!have_lab || !mode_fits) {                                                     \
			print_message("# skipped: %s\n",                                           \
				      have_lab ? "this kernel can do less, or more, than is tried" \
					       : "no namespaces or no nf_tables here");            \
			skip();                                                                    \
		}                                                                                  \
	} while (0)
#define NEEDS(feature)                                                                             \
	do {                                                                                       \
		NEEDS_LAB();                                                                       \
		if (!((kernel_can | policy.force) & ~policy.cannot & (feature))) {                 \
			print_message("# skipped: this kernel lacks " #feature "\n");              \
			skip();                                                                    \
		}                                                                                  \
	} while (0)

static struct nft_state state_now(void)
{
	struct nft_state s;
	struct error err = {};

	if (nft_state_read(&s, &err))
		fail_msg("%s", err.text);
	return s;
}

#define NEEDS_LISTING()                                                                            \
	do {                                                                                       \
		NEEDS_LAB();                                                                       \
		if (policy.force) {                                                                \
			print_message("# skipped: nft(8) 1.0.6 would list it for ever\n");         \
			skip();                                                                    \
		}                                                                                  \
	} while (0)

static int setup(void **state)
{
	struct error err = {};

	if (netlab_up()) {
		print_message("# skipped: needs root and network namespaces\n");
		return 0;
	}
	if (nft_probe(&kernel_can, &err)) {
		print_message("# skipped: %s\n", err.text);
		return 0;
	}
	for (size_t i = 0; nft_cannot_text(kernel_can, true, i); i++)
		print_message("# %s\n", nft_cannot_text(kernel_can, true, i));
	have_lab = true;
	return 0;
}

/* How this reason counts now, whether it drops or only would. */
__attribute__((unused)) static struct counter counted(enum reason reason, enum direction dir)
{
	struct nft_state s = state_now();
	struct counter c = s.counters[counter_index(s.audit, reason, dir)];

	nft_state_free(&s);
	return c;
}

/* A second pair, w0 in the host's namespace and w1 in the peer's: 10.8.0.1/2, fd08::1/2. */
__attribute__((unused)) static void new_pair(void)
{
	assert_int_equal(run("ip -batch - <<-END\nlink add w0 type veth peer name w1\n"
			     "link set w1 netns /proc/%d/fd/%d\nlink set w0 up\n"
			     "addr add 10.8.0.1/24 dev w0\naddr add fd08::1/64 dev w0 nodad\nEND",
			     getpid(), lab.peer),
			 0);
	enter(lab.peer);
	assert_int_equal(run("ip -batch - <<-END\nlink set w1 up\naddr add 10.8.0.2/24 dev w1\n"
			     "addr add fd08::2/64 dev w1 nodad\nEND"),
			 0);
	enter(lab.host);
}

static const struct mode {
	const char *name;
	unsigned int cannot, force;
} modes[] = {
	{"plain", 0, 0},
	{"no egress", NFT_CAN_EGRESS | NFT_CAN_ANY_DEVICE, 0},
	{"any device", 0, NFT_CAN_ANY_DEVICE},
};

static bool kernel_has_any_device(void)
{
	bool has;

	policy.cannot = 0;
	policy.force = NFT_CAN_ANY_DEVICE;
	ALLOW_NOBODY();
	has = !nft_backstop_install(&policy, NULL, NULL);
	nft_remove_all(NULL);
	return has;
}

static int begin(void **state)
{
	const struct mode *mode = *state;

	if (!have_lab)
		return 0;
	/* What the kernel lacks anyway makes the mode the same as the plain one. */
	mode_fits = mode->force	   ? kernel_has_any_device()
		    : mode->cannot ? (kernel_can & mode->cannot) != 0
				   : true;
	policy.cannot = mode->cannot;
	policy.force = mode->force;
	return 0;
}

static int teardown(void **state)
{
	nft_remove_all(NULL);
	if (lab.host >= 0)
		netlab_down();
	have_lab = false;
	return 0;
}

/* What a test left in the namespaces. */
static int sweep(void **state)
{
	if (!have_lab || !mode_fits)
		return 0;
	nft_remove_all(NULL);
	(void)!run("echo 0 >/proc/sys/net/ipv4/ip_forward; ip -force -batch - 2>/dev/null <<-END\n"
		   "link del w0\nlink del x0\nlink del s0\nlink del br0\naddr flush dev v0\n"
		   "addr add 10.9.0.1/24 dev v0\naddr add fd09::1/64 dev v0 nodad\n"
		   "neigh flush dev v0\nEND\ntrue");
	enter(lab.peer);
	(void)!run("ip -force -batch - 2>/dev/null <<-END\nlink del w0\naddr flush dev lo\n"
		   "neigh flush dev v1\nEND\ntrue");
	enter(lab.host);
	return 0;
}

#define nft_test(f) cmocka_unit_test_prestate_setup_teardown(f, begin, sweep, NULL)

static int run_modes(const struct CMUnitTest *tests, size_t count, const char *filter)
{
	const size_t mode_count = sizeof(modes) / sizeof(*modes);
	struct CMUnitTest *all = calloc(count * mode_count, sizeof(*all));
	char(*names)[64] = calloc(count * mode_count, sizeof(*names));
	int ret;

	for (size_t i = 0; i < count * mode_count; i++) {
		const struct mode *mode = &modes[i / count];

		all[i] = tests[i % count];
		snprintf(names[i], sizeof(names[i]), "%s: %s", mode->name, all[i].name);
		all[i].name = names[i];
		all[i].initial_state = (void *)mode;
	}
	if (filter)
		cmocka_set_test_filter(filter);
	ret = _cmocka_run_group_tests("nft", all, count * mode_count, setup, teardown);
	free(all);
	free(names);
	return ret;
}
