// SPDX-License-Identifier: BSD-2-Clause
/* hostiso verify: tries each forbidden channel of each device from the inside. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <json-c/json.h>
#include "HostIsolation/cleanup.h"
#include "HostIsolation/nftbackend.h"
#include "HostIsolation/probe.h"
#include "HostIsolation/snapshot.h"

#define PEERS_TRIED_MAX 4

static const char *const result_words[] = {
	[PROBE_SHUT] = "shut", [PROBE_OPEN] = "OPEN", [PROBE_UNTESTABLE] = "not testable here"};

struct report {
	bool json;
	struct json_object *probes, *peers;
	unsigned int count[PROBE_UNTESTABLE + 1];
};

static void tell(struct report *r, const char *device, const struct probe_kind *kind,
		 enum probe_result result, const char *why)
{
	const char *way = kind->direction == DIR_IN ? "in" : "out";
	struct json_object *o;
	char name[64];

	r->count[result]++;
	printable(device, name, sizeof(name));
	if (!r->json) {
		printf("  %-16s %-4s %-12s %s%s%s\n", name, way, kind->word, result_words[result],
		       why[0] ? ": " : "", why);
		return;
	}
	o = json_object_new_object();
	json_object_object_add(o, "device", json_object_new_string(name));
	json_object_object_add(o, "direction", json_object_new_string(way));
	json_object_object_add(o, "probe", json_object_new_string(kind->word));
	json_object_object_add(
		o, "result",
		json_object_new_string(result == PROBE_OPEN ? "open" : result_words[result]));
	if (why[0])
		json_object_object_add(o, "why", json_object_new_string(why));
	json_object_array_add(r->probes, o);
}

static int verify_device(struct session *s, const struct snapshot *snap,
			 const struct device_snapshot *d, struct report *r, struct error *err)
{
	_cleanup_free_ struct probe_outcome *outcomes = calloc(probe_kind_count, sizeof(*outcomes));
	bool shut = snapshot_shut(snap, d->link.ifindex);
	int ret = outcomes ? probe_device(s, &d->link,
					  d->state.in.attached ? d->state.in.prog_id : 0, outcomes)
			   : -ENOMEM;

	if (ret < 0)
		return fail(err, ret, "cannot probe %s: %s", d->link.name, strerror(-ret));
	for (size_t i = 0; i < probe_kind_count; i++) {
		const struct probe_kind *kind = &probe_kinds[i];
		struct probe_outcome *o = &outcomes[i];

		if (kind->direction == DIR_IN && (snap->nft_backend || shut)) {
			o->result = PROBE_UNTESTABLE;
			snprintf(o->why, sizeof(o->why),
				 "nftables cannot be asked; it takes a peer");
		}
		/* somebody else's program in front can let it past ours */
		if (kind->direction == DIR_IN && o->result == PROBE_SHUT && d->state.in.blocked)
			o->result = PROBE_OPEN;
		tell(r, d->link.name, kind, o->result, o->why);
	}
	return 0;
}

/* Allowed peers that are single addresses: does one still answer? */
static int verify_peers(struct session *s, struct report *r, struct error *err)
{
	_cleanup_(allowlist_free) struct allowlist list = {};
	int ret = s->have_maps ? bank_load(&s->maps, &s->pins, &list, err) : 0, tried = 0;

	for (size_t i = 0; i < list.count && tried < PEERS_TRIED_MAX; i++) {
		const struct entry_key *k = &list.entries[i].key;
		char text[INET6_ADDRSTRLEN] = "";
		struct json_object *o;
		bool answers;

		if (k->dir != ENTRY_DIR_BOTH || k->prefixlen != (k->family == AF_INET ? 32 : 128))
			continue;
		tried++;
		inet_ntop(k->family, k->addr, text, sizeof(text));
		answers = probe_answers(k->family, k->addr);
		if (!r->json) {
			printf("  allowed peer %s: %s\n", text,
			       answers ? "answers" : "no answer to ICMP echo");
			continue;
		}
		o = json_object_new_object();
		json_object_object_add(o, "address", json_object_new_string(text));
		json_object_object_add(o, "answers", json_object_new_boolean(answers));
		json_object_array_add(r->peers, o);
	}
	return ret;
}

static void finish(struct report *r)
{
	struct json_object *o;

	if (!r->json) {
		printf("%u shut, %u open, %u not testable here\n", r->count[PROBE_SHUT],
		       r->count[PROBE_OPEN], r->count[PROBE_UNTESTABLE]);
		return;
	}
	o = json_object_new_object();
	json_object_object_add(o, "shut", json_object_new_int((int)r->count[PROBE_SHUT]));
	json_object_object_add(o, "open", json_object_new_int((int)r->count[PROBE_OPEN]));
	json_object_object_add(o, "not_testable",
			       json_object_new_int((int)r->count[PROBE_UNTESTABLE]));
	json_object_object_add(o, "probes", r->probes);
	json_object_object_add(o, "allowed_peers", r->peers);
	printf("%s\n", json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY |
								 JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(o);
}

static int verify(struct session *s, const struct common *common, struct error *err)
{
	struct report r = {.json = common->json};
	struct snapshot snap = {};
	int ret = snapshot_take(s, &snap, err);

	if (ret < 0)
		return complain(err, EXIT_FAILED);
	r.probes = json_object_new_array();
	r.peers = json_object_new_array();
	for (size_t i = 0; i < snap.device_count && ret == 0; i++)
		if (!(snap.policy.control & CONTROL_NAMED) ||
		    (snap.nft_backend ? snap.devices[i].whole : snap.devices[i].state.in.attached))
			ret = verify_device(s, &snap, &snap.devices[i], &r, err);
	if (ret == 0)
		ret = verify_peers(s, &r, err);
	snapshot_free(&snap);
	finish(&r);
	if (!r.json) {
		json_object_put(r.probes);
		json_object_put(r.peers);
	}
	if (ret < 0)
		return complain(err, EXIT_FAILED);
	return r.count[PROBE_OPEN] ? EXIT_NOT_ISOLATED : EXIT_DONE;
}

int cmd_verify(int argc, char **argv)
{
	const struct argp argp = {
		.doc = "Prove from the inside that each forbidden channel is shut: one harmless probe of each kind through each device. Exits 0 when nothing is open, else 3.",
		.children = COMMON_CHILDREN};
	struct session s = SESSION_INIT;
	struct common common = {};
	struct error err = {};
	int ret;

	if (verb_parse(&argp, argc, argv, &common, &common))
		return EXIT_MISUSED;
	ret = session_open(&s, &common, SESSION_READ, &err);
	if (ret < 0) {
		ret = complain(&err, misuse_or_failure(ret));
	} else if (!s.have_maps || (isolation_state(&s.maps) != STATE_ISOLATED)) {
		fprintf(stderr,
			"hostiso: this host is not isolated: there is nothing to verify; see 'hostiso status'\n");
		ret = EXIT_NOT_ISOLATED;
	} else {
		ret = verify(&s, &common, &err);
	}
	session_close(&s);
	return ret;
}
