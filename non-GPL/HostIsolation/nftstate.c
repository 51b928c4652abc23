// SPDX-License-Identifier: BSD-2-Clause
/* What is installed, as the kernel has it now, and what is missing of it. */
#include <errno.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "HostIsolation/nftinstall.h"
#include "HostIsolation/nftread.h"
#include "HostIsolation/nfttables.h"

static const char *const family_words[NFT_FAMILIES] = {
	[NFT_NETDEV] = "netdev", [NFT_ARP] = "arp", [NFT_BRIDGE] = "bridge", [NFT_INET] = "inet"};

static void tear(struct nft_state *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void tear(struct nft_state *s, const char *fmt, ...)
{
	va_list ap;

	if (s->torn)
		return;
	s->torn = true;
	va_start(ap, fmt);
	vsnprintf(s->torn_text, sizeof(s->torn_text), fmt, ap);
	va_end(ap);
}

static int read_counters(struct nft_state *s, struct error *err)
{
	struct nft_counter_vec v = {};
	int ret = 0;

	for (int i = 0; i < NFT_FAMILIES && !ret; i++)
		ret = nft_read_counters(nft_families[i], &v, err);
	for (size_t i = 0; i < v.count && !ret; i++) {
		struct counter *c = nft_state_counter(s, v.items[i].name);

		if (c) {
			c->packets += v.items[i].value.packets;
			c->bytes += v.items[i].value.bytes;
		}
	}
	free(v.items);
	return ret;
}

/* Every table has its own; they were made together, and are armed together. */
static int read_armed(struct nft_state *s, int family, struct error *err)
{
	struct nft_element_vec v = {};
	int ret = nft_read_elements(family, nft_armed_set.name, &v, err);

	s->armed = v.count > 0;
	if (v.count && v.items[0].timeout_ms)
		s->left_ns = v.items[0].left_ms * 1000000;
	free(v.items);
	return ret;
}

static int read_guarded(struct nft_state *s, struct error *err)
{
	struct nft_element_vec v = {};
	int ret = nft_read_elements(NFPROTO_INET, nft_guarded_set.name, &v, err);

	if (!ret && v.count) {
		s->guarded = calloc(v.count, sizeof(*s->guarded));
		if (!s->guarded)
			ret = fail(err, -ENOMEM, "reading nf_tables: %s", strerror(ENOMEM));
	}
	for (size_t i = 0; i < v.count && !ret; i++) {
		int ifindex;

		memcpy(&ifindex, v.items[i].key, sizeof(ifindex));
		if (ifindex != IFINDEX_LO)
			s->guarded[s->guarded_count++] = ifindex;
	}
	free(v.items);
	return ret;
}

static bool is_device_chain(const char *name)
{
	return !strncmp(name, DEVICE_CHAIN_OUT, strlen(DEVICE_CHAIN_OUT)) ||
	       !strncmp(name, DEVICE_CHAIN_IN, strlen(DEVICE_CHAIN_IN));
}

static bool has_rules(const struct nft_chain_vec *chains, const char *prefix, int ifindex,
		      __u32 rules)
{
	char name[32];

	snprintf(name, sizeof(name), "%s%d", prefix, ifindex);
	for (size_t i = 0; i < chains->count; i++)
		if (!strcmp(chains->items[i].name, name))
			return chains->items[i].rules == rules;
	return false;
}

/* A device's chains go when it leaves. If it is here, and they are not, it came back. */
static void check_devices(struct nft_state *s, const struct nft_note *note,
			  const struct nft_chain_vec *chains)
{
	char name[IF_NAMESIZE];

	if (note->can & NFT_CAN_ANY_DEVICE)
		return;
	for (size_t i = 0; i < s->guarded_count; i++) {
		bool marks = note->can & NFT_CAN_SECMARK && nft_is_upper(s->guarded[i]) > 0;
		bool out = !(note->can & NFT_CAN_EGRESS) ||
			   has_rules(chains, DEVICE_CHAIN_OUT, s->guarded[i], marks ? 3 : 2);
		bool in = !note->backend || has_rules(chains, DEVICE_CHAIN_IN, s->guarded[i], 2);

		if ((!out || !in) && if_indextoname((unsigned int)s->guarded[i], name))
			tear(s, "the nftables chains of device %s are gone: it left and came back",
			     name);
	}
}

static int check_family(struct nft_state *s, const struct nft_note *note, enum nft_family i,
			struct error *err)
{
	struct nft_chain_vec chains = {};
	__u32 rules = 0;
	int ret = nft_read_chains(nft_families[i], &chains, err);

	for (size_t c = 0; c < chains.count; c++)
		if (!is_device_chain(chains.items[c].name))
			rules += chains.items[c].rules;
	if (!ret && rules != note->rules[i])
		tear(s, "nftables table %s " NFT_TABLE " has %u rules instead of %u",
		     family_words[i], rules, note->rules[i]);
	if (!ret && i == NFT_NETDEV)
		check_devices(s, note, &chains);
	free(chains.items);
	return ret;
}

/* The note goes with the inet table; the other tables without it are ours as well, but torn. */
static int read_without_note(struct nft_state *s, struct error *err)
{
	for (int i = 0; i < NFT_FAMILIES; i++) {
		bool there;
		int ret = nft_read_table(nft_families[i], &there, err);

		if (ret)
			return ret;
		if (!there)
			continue;
		s->kind = NFT_BACKSTOP;
		tear(s,
		     "nftables table inet " NFT_TABLE
		     " is gone or not whole, but table %s " NFT_TABLE " is there",
		     family_words[i]);
	}
	return 0;
}

static int read_state(struct nft_state *s, struct error *err)
{
	struct nft_note note;
	struct error why = {};
	int ret = nft_note_read(&note, &why);

	if (ret == -ENOENT)
		return read_without_note(s, err);
	if (ret)
		return fail(err, ret, "%s", why.text);
	s->kind = note.backend ? NFT_BACKEND : NFT_BACKSTOP;
	s->audit = note.audit;
	s->named = note.named;
	s->can = note.can;
	ret = read_armed(s, NFPROTO_INET, err);
	if (!ret)
		ret = read_guarded(s, err);
	for (int i = 0; i < NFT_FAMILIES && !ret; i++)
		ret = check_family(s, &note, (enum nft_family)i, err);
	if (!ret)
		ret = read_counters(s, err);
	return ret;
}

enum nft_kind nft_kind_now(void)
{
	struct nft_note note;

	if (nft_note_read(&note, NULL))
		return NFT_NONE;
	return note.backend ? NFT_BACKEND : NFT_BACKSTOP;
}

int nft_state_read(struct nft_state *out, struct error *err)
{
	struct nft_state s = {};
	int ret = read_state(&s, err);

	if (ret)
		nft_state_free(&s);
	else
		*out = s;
	return ret;
}

int nft_state_read_counters(struct nft_state *out, struct error *err)
{
	struct nft_state s = {};
	int ret = read_counters(&s, err);

	if (!ret)
		*out = s;
	return ret;
}

void nft_state_free(struct nft_state *s)
{
	free(s->guarded);
	*s = (struct nft_state){};
}
