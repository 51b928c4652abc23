/* SPDX-License-Identifier: BSD-2-Clause */
/* What the filter dropped, as lines in the events' manner. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include "Events/drop_json.h"
#include "Events/event_fields.h"

static const char *const reason_words[REASON_COUNT] = {
#define REASON(id, word, verdict, text) [REASON_##id] = word,
#include "HostIsolation/reasons.def"
#undef REASON
};

int drop_check(const void *data, size_t size)
{
	const struct drop_record *r = data;

	if (size < sizeof(*r) || r->key.reason >= REASON_COUNT || r->key.dir >= DIR_COUNT)
		return -EBADMSG;
	if (r->flags & DROP_PACKET && (size < sizeof(struct drop_packet) ||
				       r->captured > DROP_BYTES || r->captured > r->frame_len))
		return -EBADMSG;
	return 0;
}

const struct drop_packet *drop_packet_of(const struct drop_record *r)
{
	return r->flags & DROP_PACKET ? (const void *)r : NULL;
}

const char *drop_reason(const struct drop_record *r)
{
	return reason_words[r->key.reason];
}

static void text(struct json *j, const char *s)
{
	json_string(j, s, strlen(s));
}

const char *ip_protocol(__u8 proto, bool iana)
{
	static const struct {
		__u8 proto;
		const char *name, *iana;
	} names[] = {
		{IPPROTO_TCP, "tcp", "tcp"},
		{IPPROTO_UDP, "udp", "udp"},
		{IPPROTO_ICMP, "icmp", "icmp"},
		{IPPROTO_ICMPV6, "icmpv6", "ipv6-icmp"},
		{IPPROTO_SCTP, "sctp", "sctp"},
		{IPPROTO_IGMP, "igmp", "igmp"},
		{IPPROTO_GRE, "gre", "gre"},
		{IPPROTO_ESP, "esp", "esp"},
		{IPPROTO_DCCP, "dccp", "dccp"},
		{IPPROTO_IPIP, "ipip", "ipv4"},
		{IPPROTO_UDPLITE, "udplite", "udplite"},
		{IPPROTO_IPV6, "ipv6", "ipv6"},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (names[i].proto == proto)
			return iana ? names[i].iana : names[i].name;
	}
	return NULL;
}

static void protocol(struct json *j, __u8 proto)
{
	const char *name = ip_protocol(proto, false);

	if (name)
		return text(j, name);
	json_char(j, '"');
	json_u64(j, proto);
	json_char(j, '"');
}

static void ends(struct json *j, const struct drop_key *k)
{
	bool ports = k->peer_port || k->local_port;

	if (!k->family) {
		key(j, "ethertype");
		json_u64(j, ntohs(k->ethertype));
		return;
	}
	key(j, "peer");
	json_address(j, k->family, k->peer);
	if (ports)
		number(j, "peer_port", ntohs(k->peer_port));
	key(j, "local");
	json_address(j, k->family, k->local);
	if (ports)
		number(j, "local_port", ntohs(k->local_port));
	key(j, "protocol");
	protocol(j, k->proto);
}

void drop_json(struct json *j, const struct drop_record *r, const struct drop_sender *who,
	       const char *interface, struct line_context *ctx)
{
	json_lit(j, "{\"event_type\":\"NETWORK_DROPPED\",\"direction\":");
	text(j, r->key.dir == DIR_OUT ? "out" : "in");
	ends(j, &r->key);
	key(j, "reason");
	text(j, drop_reason(r));
	key(j, "verdict");
	text(j, r->flags & DROP_AUDIT ? "would-drop" : "dropped");
	number(j, "count", r->packets);
	number(j, "bytes", r->bytes);
	key(j, "interface");
	text(j, interface);
	if (who->pid) {
		number(j, "pid", who->pid);
		number(j, "uid", who->uid);
		string(j, "comm",
		       ((struct text){who->comm, strnlen(who->comm, sizeof(who->comm))}));
		if (who->exe[0])
			string(j, "exe", ((struct text){who->exe, strlen(who->exe)}));
	}
	line_stamp(j, r->ts_boot_ns, ctx);
	json_lit(j, ",\"source\":\"filter\"}\n");
}
