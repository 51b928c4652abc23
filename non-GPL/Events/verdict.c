/* SPDX-License-Identifier: BSD-2-Clause */
/* What the filter makes of a connection: what it noted as dropped, else what admits it. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <bpf/bpf.h>
#include "Events/drops.h"
#include "HostIsolation/cleanup.h"

static const char *const words[REASON_COUNT] = {
#define REASON(id, word, verdict, text) [REASON_##id] = word,
#include "HostIsolation/reasons.def"
#undef REASON
};

static int answer(struct net_verdict *out, const char *verdict, const char *reason)
{
	*out = (struct net_verdict){verdict, reason};
	return 0;
}

/* Its packets go over lo, where there is no filter. */
static bool stays_here(const struct event_net *e)
{
	static const __u8 loopback6[16] = {[15] = 1};

	if (!memcmp(e->saddr, e->daddr, 16))
		return true;
	return e->family == AF_INET ? e->daddr[0] == 127 : !memcmp(e->daddr, loopback6, 16);
}

/* By its latest packet, in either direction. */
static bool dropped(const struct drops *d, const struct event_net *e, const char **reason)
{
	struct drop_key key = {
		.peer_port = htons(e->dport),
		.local_port = htons(e->sport),
		.proto = IPPROTO_TCP,
		.family = e->family,
	};
	struct drop_flow f;

	memcpy(key.peer, e->daddr, 16);
	memcpy(key.local, e->saddr, 16);
	for (key.dir = 0; key.dir < DIR_COUNT; key.dir++) {
		if (bpf_map_lookup_elem(d->maps.fd[MAP_drop_flows], &key, &f))
			continue;
		*reason = words[f.reason < REASON_COUNT ? f.reason : REASON_INTERNAL];
		return true;
	}
	return false;
}

static bool find_in(int outer, __u32 bank, const void *key, struct allow_node *node)
{
	_cleanup_close_ int inner = -1;
	__u32 id;

	if (bpf_map_lookup_elem(outer, &bank, &id))
		return false;
	inner = bpf_map_get_fd_by_id(id);
	return inner >= 0 && !bpf_map_lookup_elem(inner, key, node);
}

static bool listed(const struct drops *d, const struct event_net *e, __u64 control,
		   const char **reason)
{
	__u32 bank = !!(control & CONTROL_BANK);
	bool ip4 = e->family == AF_INET;
	struct lpm_key6 key = {.prefixlen = ip4 ? 32 : 128};
	struct allow_node node;

	memcpy(key.addr, e->daddr, 16);
	if (!find_in(d->maps.fd[ip4 ? MAP_allow_host4 : MAP_allow_host6], bank, key.addr, &node) &&
	    !find_in(d->maps.fd[ip4 ? MAP_allow_ip4 : MAP_allow_ip6], bank, &key, &node))
		return false;
	if (node.until == FOREVER || node.until > boot_ns())
		*reason = words[REASON_ALLOWED];
	else if (node.rules) /* one of them must have, since nothing was dropped */
		*reason = words[REASON_ALLOWED_PORT];
	else
		return false;
	return true;
}

int drops_verdict(const struct event_net *e, struct net_verdict *out, void *drops)
{
	const struct drops *d = drops;
	const char *reason = NULL;
	__u64 control, deadline;

	if (!d->open)
		return -ENOENT;
	control = __atomic_load_n(&d->maps.policy->control, __ATOMIC_RELAXED);
	deadline = __atomic_load_n(&d->maps.policy->deadline, __ATOMIC_RELAXED);
	if (!(control & (CONTROL_ENFORCE | CONTROL_AUDIT)) || (deadline && deadline < boot_ns()) ||
	    e->netns != d->maps.policy->netns_cookie)
		return -ENOENT;
	if (stays_here(e))
		return answer(out, "allowed", "loopback");
	if (dropped(d, e, &reason))
		return answer(out, control & CONTROL_AUDIT ? "would-drop" : "dropped", reason);
	if (listed(d, e, control, &reason))
		return answer(out, "allowed", reason);
	if (control & CONTROL_KEPT && e->hdr.type != EVENT_NETWORK_CONNECTION_ATTEMPTED)
		return answer(out, "allowed", words[REASON_KEPT_SSH]);
	if (control & CONTROL_GRANTS)
		return answer(out, "granted", words[REASON_GRANTED]);
	return answer(out, "dropped", words[REASON_NOT_ALLOWED]);
}
