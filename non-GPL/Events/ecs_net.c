/* SPDX-License-Identifier: BSD-2-Clause */
/* Connections and dropped packets as ECS has them: source is who began it, where that is known. */
#include <arpa/inet.h>
#include "Events/ecs_parts.h"
#include "Events/event_fields.h"

struct end {
	const __u8 *addr;
	__u32 port; /* host order; 0: none */
	__u64 bytes, packets;
	bool counted;
};

static void put_end(struct json *j, const struct end *e, __u32 family)
{
	json_lit(j, "{\"ip\":");
	json_address(j, family, e->addr);
	if (e->port)
		number(j, "port", e->port);
	if (e->counted)
		number(j, "bytes", e->bytes);
	if (e->packets)
		number(j, "packets", e->packets);
	json_char(j, '}');
}

static void put_network(struct json *j, __u32 family, __u8 proto, const char *direction)
{
	const char *name = ip_protocol(proto, true);

	key(j, "network");
	if (family == AF_INET6)
		json_lit(j, "{\"type\":\"ipv6\"");
	else
		json_lit(j, "{\"type\":\"ipv4\"");
	if (name) {
		key(j, "transport");
		json_string(j, name, strlen(name));
	}
	key(j, "iana_number");
	json_char(j, '"');
	json_u64(j, proto);
	json_char(j, '"');
	if (direction) {
		key(j, "direction");
		json_string(j, direction, strlen(direction));
	}
}

ECS_PUT(ecs_net_ends)
{
	const struct event_net *e = from;
	struct end local = {.addr = e->saddr, .port = e->sport, .bytes = e->bytes_sent};
	struct end peer = {.addr = e->daddr, .port = e->dport, .bytes = e->bytes_received};
	bool accepted = e->hdr.type == EVENT_NETWORK_CONNECTION_ACCEPTED;
	bool closed = e->hdr.type == EVENT_NETWORK_CONNECTION_CLOSED;
	struct json *j = d->j;

	local.counted = peer.counted = closed;
	key(j, "source");
	put_end(j, accepted ? &peer : &local, e->family);
	key(j, "destination");
	put_end(j, accepted ? &local : &peer, e->family);
	/* Who began what closes now, the record does not say: the local end is its source. */
	put_network(j, e->family, IPPROTO_TCP, closed ? NULL : accepted ? "ingress" : "egress");
	if (closed)
		number(j, "bytes", e->bytes_sent + e->bytes_received);
	json_char(j, '}');
}

static void drop_ends(struct json *j, const struct drop_record *r)
{
	const struct drop_key *k = &r->key;
	struct end peer = {.addr = k->peer, .port = ntohs(k->peer_port)};
	struct end local = {.addr = k->local, .port = ntohs(k->local_port)};
	bool out = k->dir == DIR_OUT;
	struct end *source = out ? &local : &peer;

	if (!k->family) {
		key(j, "network");
		json_lit(j, "{\"direction\":");
		out ? json_lit(j, "\"egress\"") : json_lit(j, "\"ingress\"");
	} else {
		source->counted = true;
		source->bytes = r->bytes;
		source->packets = r->packets;
		key(j, "source");
		put_end(j, source, k->family);
		key(j, "destination");
		put_end(j, out ? &peer : &local, k->family);
		put_network(j, k->family, k->proto, out ? "egress" : "ingress");
	}
	number(j, "bytes", r->bytes);
	number(j, "packets", r->packets);
	json_char(j, '}');
}

static ECS_PUT(ecs_sender_comm)
{
	const struct drop_sender *who = from;

	ecs_text(d, row, (struct text){who->comm, strnlen(who->comm, sizeof(who->comm))}, false);
}

static ECS_PUT(ecs_sender_exe)
{
	const struct drop_sender *who = from;

	if (who->exe[0])
		ecs_text(d, row, (struct text){who->exe, strlen(who->exe)}, false);
}

static const struct ecs_row who_rows[] = {
	OPEN("process"),
	ROW("pid", ecs_u32, offsetof(struct drop_sender, pid)),
	ROW("name", ecs_sender_comm, 0),
	ROW("executable", ecs_sender_exe, 0),
	ID_IN("user", offsetof(struct drop_sender, uid)),
	CLOSE,
	ID_IN("user", offsetof(struct drop_sender, uid)),
};

void drop_ecs(struct json *j, const struct drop_record *r, const struct drop_sender *who,
	      const char *interface, struct line_context *ctx)
{
	bool audit = r->flags & DROP_AUDIT, out = r->key.dir == DIR_OUT;
	struct ecs_doc d;

	d.j = j;
	d.r = NULL;
	d.ctx = ctx;
	d.depth = d.odds = 0;
	ecs_begin(&d, EVENT_NETWORK_DROPPED, audit ? "packets_would_drop" : NULL,
		  audit ? ",\"allowed\"" : ",\"denied\"", drop_reason(r), r->ts_boot_ns);
	if (who->pid)
		ecs_rows(&d, who_rows, who);
	drop_ends(j, r);
	key(j, "observer");
	out ? json_lit(j, "{\"egress\":{\"interface\":{\"name\":")
	    : json_lit(j, "{\"ingress\":{\"interface\":{\"name\":");
	json_string(j, interface, strlen(interface));
	json_lit(j, "}}},\"hostiso\":{\"source\":\"filter\"");
	number(j, "boot_ns", r->ts_boot_ns);
	key(j, "verdict");
	audit ? json_lit(j, "\"would-drop\"") : json_lit(j, "\"dropped\"");
	if (!r->key.family)
		number(j, "ethertype", ntohs(r->key.ethertype));
	ecs_end(&d);
}
