// SPDX-License-Identifier: BSD-2-Clause
/* Entries with a direction, a protocol or ports: who may begin, and what counts as an answer. */
#include "../lib/rows.h"
#include <stdio.h>
#include <bpf/bpf.h>

#define P "10.0.0.7"
#define P6 "2001:db8:7::7"
#define SECOND 1000000000ULL

/* Sets the time of the one flow there is. */
static void age_flow(__u64 seen)
{
	int fd = lab.maps.fd[MAP_flows];
	struct flow_key key, more;

	assert_int_equal(bpf_map_get_next_key(fd, NULL, &key), 0);
	assert_int_not_equal(bpf_map_get_next_key(fd, &key, &more), 0);
	assert_int_equal(bpf_map_update_elem(fd, &key, &seen, BPF_ANY), 0);
}

/* A UDP flow ends after FLOW_IDLE_NS without a packet, and lives on with every one. */
static void test_flow_ends(void **state)
{
	const struct frame *request = out4(P, udp(4000, 53)), *answer = in4(P, udp(53, 4000));

	lab_allow(P ":53/udp");
	lab_control(CONTROL_ENFORCE);
	lab_forget();
	expect("the request", request, ALLOWED_PORT);
	age_flow(boot_ns() - FLOW_IDLE_NS + 10 * SECOND);
	expect("an answer just before the end", answer, ALLOWED_PORT);
	expect("it has kept the flow alive", answer, ALLOWED_PORT);
	age_flow(boot_ns() - FLOW_IDLE_NS - SECOND);
	expect("an answer after the end", answer, NO_FLOW);
	expect("the request again", request, ALLOWED_PORT);
	expect("an answer to that", answer, ALLOWED_PORT);
}

/* Another CPU saw the flow's packet after this one read the clock. */
static void test_flow_of_the_future(void **state)
{
	lab_allow(P ":53/udp");
	lab_control(CONTROL_ENFORCE);
	lab_forget();
	expect("the request", out4(P, udp(4000, 53)), ALLOWED_PORT);
	age_flow(boot_ns() + SECOND);
	expect("an answer", in4(P, udp(53, 4000)), ALLOWED_PORT);
}

/* As many rules as a peer can have: the last one is found, past them nothing is. */
static void test_longest_chain(void **state)
{
	char text[RULES_PER_PEER_MAX * 32], *end = text;

	for (int i = 0; i < RULES_PER_PEER_MAX; i++)
		end += sprintf(end, P ":%d/tcp ", 1000 + i);
	lab_allow(text);
	lab_control(CONTROL_ENFORCE);
	expect("the first rule", out4(P, tcp(4000, 1000, SYN)), ALLOWED_PORT);
	expect("the last rule", out4(P, tcp(4000, 999 + RULES_PER_PEER_MAX, SYN)), ALLOWED_PORT);
	expect("none", out4(P, tcp(4000, 1000 + RULES_PER_PEER_MAX, SYN)), NOT_ALLOWED);
}

int main(void)
{
	const struct row rows[] = {
		/* out: we begin, they answer */
		{"we connect", P ":443/tcp", out4(P, tcp(4000, 443, SYN)), ALLOWED_PORT},
		{"they accept", P ":443/tcp", in4(P, tcp(443, 4000, SYN | ACK)), ALLOWED_PORT},
		{"we send", P ":443/tcp", out4(P, tcp(4000, 443, ACK)), ALLOWED_PORT},
		{"they send", P ":443/tcp", in4(P, tcp(443, 4000, ACK)), ALLOWED_PORT},
		{"they reset", P ":443/tcp", in4(P, tcp(443, 4000, RST)), ALLOWED_PORT},
		{"they close", P ":443/tcp", in4(P, tcp(443, 4000, FIN | ACK)), ALLOWED_PORT},
		{"they connect from that port", P ":443/tcp", in4(P, tcp(443, 4000, SYN)), NO_FLOW},
		{"with more flags", P ":443/tcp", in4(P, tcp(443, 4000, SYN | FIN)), NO_FLOW},
		{"with even more flags", P ":443/tcp", in4(P, tcp(443, 4000, SYN | 0xe8)), NO_FLOW},
		{"they connect to our 443", P ":443/tcp", in4(P, tcp(4000, 443, SYN)), NOT_ALLOWED},
		{"they answer from our 443's side", P ":443/tcp", in4(P, tcp(4000, 443, ACK)),
		 NOT_ALLOWED},
		{"we accept on our 443", P ":443/tcp", out4(P, tcp(443, 4000, SYN | ACK)),
		 NOT_ALLOWED},
		{"another port", P ":443/tcp", out4(P, tcp(4000, 444, SYN)), NOT_ALLOWED},
		{"the port below", P ":443/tcp", out4(P, tcp(4000, 442, SYN)), NOT_ALLOWED},
		{"another protocol", P ":443/tcp", out4(P, udp(4000, 443)), NOT_ALLOWED},
		{"no protocol with ports", P ":443/tcp", out4(P, ping4()), NOT_ALLOWED},
		{"another peer", P ":443/tcp", out4("10.0.0.8", tcp(4000, 443, SYN)), NOT_ALLOWED},
		{"IPv6: we connect", "[" P6 "]:443/tcp", out6(P6, tcp(4000, 443, SYN)),
		 ALLOWED_PORT},
		{"IPv6: they accept", "[" P6 "]:443/tcp", in6(P6, tcp(443, 4000, SYN | ACK)),
		 ALLOWED_PORT},
		{"IPv6: they connect", "[" P6 "]:443/tcp", in6(P6, tcp(443, 4000, SYN)), NO_FLOW},
		{"IPv6: another port", "[" P6 "]:443/tcp", out6(P6, tcp(4000, 442, SYN)),
		 NOT_ALLOWED},

		/* in: they begin, we answer */
		{"in: they connect", "in:" P ":22/tcp", in4(P, tcp(4000, 22, SYN)), ALLOWED_PORT},
		{"in: we accept", "in:" P ":22/tcp", out4(P, tcp(22, 4000, SYN | ACK)),
		 ALLOWED_PORT},
		{"in: we send", "in:" P ":22/tcp", out4(P, tcp(22, 4000, ACK)), ALLOWED_PORT},
		{"in: we connect from that port", "in:" P ":22/tcp", out4(P, tcp(22, 4000, SYN)),
		 NO_FLOW},
		{"in: we connect to their 22", "in:" P ":22/tcp", out4(P, tcp(4000, 22, SYN)),
		 NOT_ALLOWED},
		{"in: we send to their 22", "in:" P ":22/tcp", out4(P, tcp(4000, 22, ACK)),
		 NOT_ALLOWED},
		{"in: they connect elsewhere", "in:" P ":22/tcp", in4(P, tcp(4000, 23, SYN)),
		 NOT_ALLOWED},
		{"in: another peer connects", "in:" P ":22/tcp",
		 in4("10.0.0.8", tcp(4000, 22, SYN)), NOT_ALLOWED},

		/* UDP and everything but TCP: an answer needs a question */
		{"UDP: we ask", P ":53/udp", out4(P, udp(4000, 53)), ALLOWED_PORT},
		{"UDP: an answer to nothing", P ":53/udp", in4(P, udp(53, 4000)), NO_FLOW},
		{"UDP: an answer", P ":53/udp",
		 after(out4(P, udp(4000, 53)), in4(P, udp(53, 4000))), ALLOWED_PORT},
		{"UDP: to another port of ours", P ":53/udp",
		 after(out4(P, udp(4000, 53)), in4(P, udp(53, 4001))), NO_FLOW},
		{"UDP: from another port of theirs", P ":53-54/udp",
		 after(out4(P, udp(4000, 53)), in4(P, udp(54, 4000))), NO_FLOW},
		{"UDP: from another peer of the same entry", "10.0.0.0/24:53/udp",
		 after(out4(P, udp(4000, 53)), in4("10.0.0.8", udp(53, 4000))), NO_FLOW},
		{"UDP: a question that was dropped has no answer", P ":53/udp",
		 after(out4(P, udp(4000, 54)), in4(P, udp(53, 4000))), NO_FLOW},
		{"UDP: what they sent opens nothing", P ":53/udp",
		 after(in4(P, udp(53, 4000)), in4(P, udp(53, 4000))), NO_FLOW},
		{"UDP: a TCP connection is no question", P ":53",
		 after(out4(P, tcp(4000, 53, SYN)), in4(P, udp(53, 4000))), NO_FLOW},
		{"UDP: in: they ask", "in:" P ":53/udp", in4(P, udp(4000, 53)), ALLOWED_PORT},
		{"UDP: in: we answer", "in:" P ":53/udp",
		 after(in4(P, udp(4000, 53)), out4(P, udp(53, 4000))), ALLOWED_PORT},
		{"UDP: in: we answer nothing", "in:" P ":53/udp", out4(P, udp(53, 4000)), NO_FLOW},
		{"UDP: IPv6 question and answer", "[" P6 "]:53/udp",
		 after(out6(P6, udp(4000, 53)), in6(P6, udp(53, 4000))), ALLOWED_PORT},
		{"UDP: IPv6 answer to nothing", "[" P6 "]:53/udp", in6(P6, udp(53, 4000)), NO_FLOW},
		{"SCTP: we begin", P ":5000/sctp", out4(P, sctp(4000, 5000)), ALLOWED_PORT},
		{"SCTP: they answer", P ":5000/sctp",
		 after(out4(P, sctp(4000, 5000)), in4(P, sctp(5000, 4000))), ALLOWED_PORT},
		{"SCTP: they begin", P ":5000/sctp", in4(P, sctp(5000, 4000)), NO_FLOW},
		{"SCTP: UDP is another", P ":5000/sctp", out4(P, udp(4000, 5000)), NOT_ALLOWED},
		{"DCCP: we begin", P ":5000/dccp", out4(P, dccp(4000, 5000)), ALLOWED_PORT},
		{"DCCP: another port", P ":5000/dccp", out4(P, dccp(4000, 5001)), NOT_ALLOWED},
		{"UDP-Lite: we begin", P ":5000/udplite", out4(P, udplite(4000, 5000)),
		 ALLOWED_PORT},
		{"UDP-Lite: another port", P ":5000/udplite", out4(P, udplite(4000, 5001)),
		 NOT_ALLOWED},

		/* any protocol with ports */
		{"any: TCP", P ":5000", out4(P, tcp(4000, 5000, SYN)), ALLOWED_PORT},
		{"any: UDP", P ":5000", out4(P, udp(4000, 5000)), ALLOWED_PORT},
		{"any: SCTP", P ":5000", out4(P, sctp(4000, 5000)), ALLOWED_PORT},
		{"any: ping has no ports", P ":5000", out4(P, ping4()), NOT_ALLOWED},
		{"any: nor have others, whatever their bytes", P ":1-65535",
		 out4(P, proto(253, payload(40))), NOT_ALLOWED},

		/* ranges */
		{"the range's first port", P ":8000-8010/tcp", out4(P, tcp(4000, 8000, SYN)),
		 ALLOWED_PORT},
		{"its last", P ":8000-8010/tcp", out4(P, tcp(4000, 8010, SYN)), ALLOWED_PORT},
		{"one below", P ":8000-8010/tcp", out4(P, tcp(4000, 7999, SYN)), NOT_ALLOWED},
		{"one above", P ":8000-8010/tcp", out4(P, tcp(4000, 8011, SYN)), NOT_ALLOWED},
		{"port 0 is in no range", P ":1-65535/udp", out4(P, udp(4000, 0)), NOT_ALLOWED},
		{"the highest port", P ":65535/udp", out4(P, udp(4000, 65535)), ALLOWED_PORT},

		/* a direction without ports: every protocol, begun from one side */
		{"out: we ping", "out:" P, out4(P, ping4()), ALLOWED_PORT},
		{"out: they answer", "out:" P,
		 after(out4(P, ping4()), in4(P, icmp4(0, 0, payload(16)))), ALLOWED_PORT},
		{"out: they ping", "out:" P, in4(P, ping4()), NO_FLOW},
		{"out: we connect", "out:" P, out4(P, tcp(4000, 5000, SYN)), ALLOWED_PORT},
		{"out: they connect", "out:" P, in4(P, tcp(4000, 5000, SYN)), NO_FLOW},
		{"in: they ping", "in:" P, in4(P, ping4()), ALLOWED_PORT},
		{"in: we ping", "in:" P, out4(P, ping4()), NO_FLOW},
		{"out: GRE out", "out:" P, out4(P, proto(47, payload(8))), ALLOWED_PORT},
		{"out: GRE in", "out:" P, in4(P, proto(47, payload(8))), NO_FLOW},

		/* several entries for one peer: any that admits it */
		{"the second entry", P ":80/tcp " P ":443/tcp", out4(P, tcp(4000, 443, SYN)),
		 ALLOWED_PORT, P ":443/tcp"},
		{"the fifth lies in a second block",
		 P ":1/tcp " P ":2/tcp " P ":3/tcp " P ":4/tcp " P ":5/tcp",
		 out4(P, tcp(4000, 5, SYN)), ALLOWED_PORT, P ":5/tcp"},
		{"and so does the first",
		 P ":1/tcp " P ":2/tcp " P ":3/tcp " P ":4/tcp " P ":5/tcp",
		 out4(P, tcp(4000, 1, SYN)), ALLOWED_PORT, P ":1/tcp"},
		{"none of five", P ":1/tcp " P ":2/tcp " P ":3/tcp " P ":4/tcp " P ":5/tcp",
		 out4(P, tcp(4000, 6, SYN)), NOT_ALLOWED},
		{"both directions of one port", P ":22/tcp in:" P ":22/tcp",
		 in4(P, tcp(4000, 22, SYN)), ALLOWED_PORT, "in:" P ":22/tcp"},
		{"one entry refuses, the next admits", "out:" P " in:" P ":22/tcp",
		 in4(P, tcp(4000, 22, SYN)), ALLOWED_PORT, "in:" P ":22/tcp"},
		{"a refusal is remembered past others that do not fit",
		 P ":443/tcp " P ":444/tcp " P ":445/tcp " P ":446/tcp " P ":447/tcp",
		 in4(P, tcp(443, 4000, SYN)), NO_FLOW},

		/* transport headers that do not fit into the packet */
		{"TCP without its flags", P ":443/tcp",
		 out(piece(13, ip4(HOST4, P, tcp(4000, 443, ACK)))), MALFORMED},
		{"TCP of 19 bytes", P ":443/tcp",
		 out(piece(19, ip4(HOST4, P, tcp(4000, 443, ACK)))), MALFORMED},
		{"TCP of 20 bytes", P ":443/tcp",
		 out(piece(20, ip4(HOST4, P, tcp(4000, 443, ACK)))), ALLOWED_PORT},
		{"UDP of 7 bytes", P ":443/udp", out(piece(7, ip4(HOST4, P, udp(4000, 443)))),
		 MALFORMED},
		{"UDP of 8 bytes", P ":443/udp", out(piece(8, ip4(HOST4, P, udp(4000, 443)))),
		 ALLOWED_PORT},
		{"SCTP of 11 bytes", P ":443/sctp", out(piece(11, ip4(HOST4, P, sctp(4000, 443)))),
		 MALFORMED},
		{"UDP-Lite of 7 bytes", P ":443", out(piece(7, ip4(HOST4, P, udplite(4000, 443)))),
		 MALFORMED},
		{"UDP whose ports lie in the padding", P ":443/udp",
		 out(pad(18, 1, piece(0, ip4(HOST4, P, udp(4000, 443))))), MALFORMED},
		{"UDP6 of 7 bytes", "[" P6 "]:443/udp",
		 out(piece(7, ip6(HOST6, P6, udp(4000, 443)))), MALFORMED},
	};
	const struct CMUnitTest own[] = {
		cmocka_unit_test(test_flow_ends),
		cmocka_unit_test(test_flow_of_the_future),
		cmocka_unit_test(test_longest_chain),
	};

	return RUN_ROWS_AND("port entries", rows, own);
}
