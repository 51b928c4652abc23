// SPDX-License-Identifier: BSD-2-Clause
/* Named counters, one for each reason and direction, and the way back from name to reason. */
#include <stdio.h>
#include <string.h>
#include "HostIsolation/nfttables.h"

const int nft_families[NFT_FAMILIES] = {
	[NFT_NETDEV] = NFPROTO_NETDEV,
	[NFT_ARP] = NFPROTO_ARP,
	[NFT_BRIDGE] = NFPROTO_BRIDGE,
	[NFT_INET] = NFPROTO_INET,
};

const struct nft_reason nft_reasons[REASON_COUNT] = {
#define PASS true
#define DROP false
#define REASON(id, word, verdict, text) {word, verdict},
#include "HostIsolation/reasons.def"
#undef REASON
#undef PASS
#undef DROP
};

void nft_counter_name(char buf[COUNTER_NAME_MAX], bool audit, const char *word, int dir)
{
	snprintf(buf, COUNTER_NAME_MAX, "%s%s-%s", audit ? "audit-" : "", word,
		 dir == DIR_IN ? "in" : "out");
}

void nft_put_counters(struct nft_writer *w, const char *word)
{
	struct nft_rules *r = &w->rules;

	for (int audit = 0; audit < COUNTER_SETS; audit++)
		for (int dir = 0; dir < DIR_COUNT; dir++) {
			char name[COUNTER_NAME_MAX];
			struct counter c;

			nft_counter_name(name, audit, word, dir);
			c = nft_carry_counter(w, name);
			nft_put_counter(r->batch, r->family, r->table, name, c.packets, c.bytes);
		}
}

void nft_put_judge_counters(struct nft_writer *w)
{
	for (int reason = 0; reason < REASON_COUNT; reason++)
		nft_put_counters(w, nft_reasons[reason].word);
}

static bool is_named(const char *name, bool audit, const char *word, int dir)
{
	char want[COUNTER_NAME_MAX];

	nft_counter_name(want, audit, word, dir);
	return !strcmp(name, want);
}

struct counter *nft_state_counter(struct nft_state *s, const char *name)
{
	for (__u32 audit = 0; audit < COUNTER_SETS; audit++)
		for (__u32 dir = 0; dir < DIR_COUNT; dir++) {
			for (__u32 reason = 0; reason < REASON_COUNT; reason++)
				if (is_named(name, audit, nft_reasons[reason].word, (int)dir))
					return &s->counters[counter_index(audit, reason, dir)];
			if (is_named(name, audit, WORD_UNGUARDED, (int)dir))
				return &s->unguarded[audit][dir];
			if (is_named(name, audit, WORD_RAW, (int)dir))
				return &s->raw[audit][dir];
		}
	return NULL;
}

void do_drop(struct nft_writer *w)
{
	do_verdict(&w->rules, w->policy->audit ? NF_ACCEPT : NF_DROP, NULL);
	rule_end(&w->rules);
}
