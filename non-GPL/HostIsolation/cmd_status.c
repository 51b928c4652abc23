// SPDX-License-Identifier: BSD-2-Clause
/* hostiso status: what the kernel says now. Exit 0 only when this host is isolated, whole. */
#include <errno.h>
#include <stdio.h>
#include "HostIsolation/cleanup.h"
#include "HostIsolation/duration.h"
#include "HostIsolation/snapshot.h"
#include "HostIsolation/words.h"

static void print_deadline(const char *what, __u64 deadline)
{
	__u64 now = boot_ns();
	char rest[32];

	if (!deadline)
		return;
	duration_format(deadline > now ? deadline - now : now - deadline, rest, sizeof(rest));
	printf(deadline > now ? "  %s: in %s\n" : "  %s: %s ago\n", what, rest);
}

static void print_grants(const struct snapshot *snap)
{
	if (snap->grants)
		printf("  process grants: %zu\n", snap->grants);
	for (int i = 0; i < GRANT_LOST_COUNT; i++)
		if (snap->grant_lost[i])
			printf("  blocked because a table of the grants was full: %llu %s\n",
			       snap->grant_lost[i], grant_losses[i].text);
}

static void print_head(const struct snapshot *snap)
{
	const struct policy *p = &snap->policy;
	char when[32], text[512];

	switch (snap->state) {
	case STATE_OFF:
		printf("state: not isolated\n");
		break;
	case STATE_AUDIT:
		printf("state: audit: nothing is dropped, what would drop is counted\n");
		break;
	case STATE_EXPIRED:
		printf("state: not isolated: the deadline has passed; everything passes. 'hostiso release' clears up\n");
		break;
	case STATE_ISOLATED:
		printf("state: isolated%s%s\n", snap->nft_backend ? " by nftables alone" : "",
		       snap->degraded_count ? ", but not fully: see 'degraded'" : "");
	}
	if (snap->state != STATE_OFF) {
		format_time(p->isolated_at, when, sizeof(when));
		printf("  since: %s\n", when);
	}
	print_deadline("ends (--for)", p->for_deadline);
	print_deadline("ends unless confirmed", p->confirm_deadline);
	if (p->case_id[0])
		printf("  case: %s\n", printable(p->case_id, text, sizeof(text)));
	if (p->comment[0])
		printf("  comment: %s\n", printable(p->comment, text, sizeof(text)));
	if (snap->unread) {
		printf("  allowlist, grants and counters: not known, their pins are gone\n");
		return;
	}
	printf("  allowlist: %zu IPv4 and %zu IPv6 entries of at most %llu each\n", snap->entries4,
	       snap->entries6, p->limit);
	if (snap->kept)
		printf("  kept SSH connections: %zu\n", snap->kept);
	print_grants(snap);
}

/* Without a program a device is open, unless the backstop shuts it. */
static const char *hook_word(const struct hook_state *h, bool shut)
{
	return !h->attached ? (shut ? "shut" : "OPEN")
	       : h->blocked ? "BEHIND"
	       : h->tcx	    ? "tcx"
			    : "clsact";
}

static void print_devices(const struct snapshot *snap)
{
	if (!snap->device_count)
		return;
	printf("devices:\n  %-16s %-8s %-8s %s\n", "name", "in", "out", "xdp");
	for (size_t i = 0; i < snap->device_count; i++) {
		const struct device_snapshot *d = &snap->devices[i];
		bool shut = snapshot_shut(snap, d->link.ifindex);
		char name[64];

		if (snap->nft_backend) {
			const char *word = d->whole ? "nft" : "shut";

			printf("  %-16s %-8s %-8s -\n", printable(d->link.name, name, sizeof(name)),
			       word, word);
			continue;
		}

		printf("  %-16s %-8s %-8s %s", printable(d->link.name, name, sizeof(name)),
		       hook_word(&d->state.in, shut), hook_word(&d->state.out, shut),
		       xdp_words[d->state.xdp]);
		if (d->state.foreign_xdp_id)
			printf(" (slot taken by %s; tc does the work)", d->state.foreign_xdp);
		printf("\n");
	}
}

static void print_counters(const struct snapshot *snap)
{
	bool any = false;

	for (__u32 audit = 0; audit < COUNTER_SETS; audit++)
		for (__u32 r = 0; r < REASON_COUNT; r++) {
			const struct counter *in = &snap->counters[counter_index(audit, r, DIR_IN)];
			const struct counter *out =
				&snap->counters[counter_index(audit, r, DIR_OUT)];

			if (!in->packets && !out->packets)
				continue;
			if (!any)
				printf("packets:\n  %-11s %-16s %12s %14s %12s %14s\n", "",
				       "reason", "in", "bytes", "out", "bytes");
			any = true;
			printf("  %-11s %-16s %12llu %14llu %12llu %14llu\n",
			       reasons[r].passes ? "passed"
			       : audit		 ? "would drop"
						 : "dropped",
			       reasons[r].word, in->packets, in->bytes, out->packets, out->bytes);
		}
}

static void print_backstop_counter(const char *word,
				   const struct counter counters[COUNTER_SETS][DIR_COUNT])
{
	for (int audit = 0; audit < COUNTER_SETS; audit++) {
		const struct counter *in = &counters[audit][DIR_IN],
				     *out = &counters[audit][DIR_OUT];

		if (in->packets || out->packets)
			printf("  %-11s %-16s %12llu %14llu %12llu %14llu\n",
			       audit ? "would drop" : "dropped", word, in->packets, in->bytes,
			       out->packets, out->bytes);
	}
}

static void print_backstop(const struct snapshot *snap)
{
	if (snap->state != STATE_ISOLATED && snap->state != STATE_AUDIT)
		return;
	printf("nftables %s: %s", snap->nft_backend ? "backend, without BPF" : "backstop",
	       snapshot_backstop(snap));
	if (snap->nft.kind != NFT_NONE)
		printf(", %zu device%s guarded; %s", snap->nft.guarded_count,
		       snap->nft.guarded_count == 1 ? "" : "s",
		       snap->nft.named	 ? "others are left open (--dev)"
		       : snap->nft.audit ? "on others everything would drop"
					 : "on others everything drops");
	printf("\n");
	print_backstop_counter("unguarded", snap->nft.unguarded);
	print_backstop_counter("raw-frame", snap->nft.raw);
	if (snap->xsk == XSK_REFUSED)
		printf("AF_XDP sockets: refused by BPF LSM\n");
	for (size_t i = 0; snapshot_limit(snap, i); i++)
		printf("  limit: %s\n", snapshot_limit(snap, i));
}

static void print_text(const struct snapshot *snap)
{
	print_head(snap);
	print_devices(snap);
	print_counters(snap);
	print_backstop(snap);
	if (snap->degraded_count)
		printf("degraded:\n");
	for (size_t i = 0; i < snap->degraded_count; i++)
		printf("  %s\n", snap->degraded[i]);
}

static void print_json(const struct snapshot *snap)
{
	_cleanup_free_ char *text = snapshot_json(snap);

	printf("%s\n", text ? text : "{}");
}

/* opened: what session_open() said. */
static int status(struct session *s, const struct common *common, int opened, struct error *err)
{
	struct snapshot snap = {.here = true};
	struct error why = *err;
	bool whole;
	int ret = 0;

	if (opened == -EUCLEAN)
		ret = snapshot_take_orphans(s, why.text, &snap, err);
	else if (s->have_maps)
		ret = snapshot_take(s, &snap, err);
	else if (nft_kind_now() == NFT_BACKSTOP)
		snapshot_degraded(
			&snap,
			"the nftables backstop of an isolation is left over and shuts the devices that came since; 'hostiso release' removes it");
	if (ret < 0)
		return complain(err, EXIT_FAILED);
	if (!s->have_maps)
		snap.policy.limit = LIMIT_DEFAULT;
	whole = snapshot_whole(&snap);
	if (common->json)
		print_json(&snap);
	else
		print_text(&snap);
	snapshot_free(&snap);
	return whole ? EXIT_DONE : EXIT_NOT_ISOLATED;
}

int cmd_status(int argc, char **argv)
{
	const struct argp argp = {
		.doc = "What is attached, in force, dropped and degraded, as the kernel says now. Exits 0 when this host is fully isolated, else 3.",
		.children = COMMON_CHILDREN};
	struct session s = SESSION_INIT;
	struct common common = {};
	struct error err = {};
	int ret;

	if (verb_parse(&argp, argc, argv, &common, &common))
		return EXIT_MISUSED;
	ret = session_open(&s, &common, SESSION_READ, &err);
	ret = ret < 0 && ret != -EUCLEAN ? complain(&err, misuse_or_failure(ret))
					 : status(&s, &common, ret, &err);
	session_close(&s);
	return ret;
}
