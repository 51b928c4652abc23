// SPDX-License-Identifier: BSD-2-Clause
/* The link layer: ARP, EAPOL, LACP, VLAN tags in the frame and beside it, and what is none of it.
 */
#include "../lib/rows.h"
#include <errno.h>
#include <unistd.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf.h>
#include "HostIsolation/cleanup.h"

#define PEERS "10.0.0.5 2001:db8:5::5"
#define P4 "10.0.0.5"
#define P6 "2001:db8:5::5"
#define ALL "0.0.0.0/0"

/* ---- offloaded tags: a program before ours takes a tag out of the frame ---- */

#define INSN(c, d, s, o, i)                                                                        \
	{                                                                                          \
		.code = c, .dst_reg = d, .src_reg = s, .off = o, .imm = i                          \
	}

/* Pushes a tag, which the kernel keeps beside the frame, and goes on to the program in `next`. */
static int load_tagger(int next, int proto)
{
	const struct bpf_insn insns[] = {
		INSN(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_6, BPF_REG_1, 0, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_2, 0, 0, htons(proto)),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_3, 0, 0, 7),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_skb_vlan_push),
		INSN(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_1, BPF_REG_6, 0, 0),
		INSN(BPF_LD | BPF_DW | BPF_IMM, BPF_REG_2, BPF_PSEUDO_MAP_FD, 0, next),
		INSN(0, 0, 0, 0, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_3, 0, 0, 0),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_tail_call),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 99),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};

	return bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "tagger", "Dual BSD/GPL", insns,
			     sizeof(insns) / sizeof(insns[0]), NULL);
}

/* What tc_in or tc_out returns when the frame has one more tag than it shows. */
static int run_tagged(const struct frame *f, int proto)
{
	_cleanup_close_ int next = -1, tagger = -1;
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = f->data, .data_size_in = f->len);
	__u32 zero = 0;
	int prog = lab.progs.fd[f->dir == DIR_IN ? PROG_tc_in : PROG_tc_out];

	next = bpf_map_create(BPF_MAP_TYPE_PROG_ARRAY, "next", 4, 4, 1, NULL);
	assert_true(next >= 0);
	assert_int_equal(bpf_map_update_elem(next, &zero, &prog, BPF_ANY), 0);
	tagger = load_tagger(next, proto);
	assert_true(tagger >= 0);
	assert_int_equal(bpf_prog_test_run_opts(tagger, &opts), 0);
	lab.recount = true;
	return opts.retval;
}

static void test_offloaded_tags(void **state)
{
	static const int tpids[] = {ETH_P_8021Q, ETH_P_8021AD};

	lab_allow(PEERS);
	lab_control(CONTROL_ENFORCE);
	for (int i = 0; i < 2; i++) {
		int tpid = tpids[i];

		assert_int_equal(run_tagged(out4(P4, udp(1, 2)), tpid), TC_ACT_UNSPEC);
		assert_int_equal(run_tagged(in6(P6, udp(1, 2)), tpid), TC_ACT_UNSPEC);
		assert_int_equal(run_tagged(out4("10.0.0.6", udp(1, 2)), tpid), TC_ACT_SHOT);
		assert_int_equal(run_tagged(in6("2001:db8:5::6", udp(1, 2)), tpid), TC_ACT_SHOT);
		assert_int_equal(run_tagged(out(arp(1)), tpid), TC_ACT_UNSPEC);
	}
}

/* QinQ, as the kernel hands it to tc: the outer tag beside the frame, the inner one in it. */
static void test_offloaded_and_inline_tags(void **state)
{
	lab_allow(PEERS);
	lab_control(CONTROL_ENFORCE);
	assert_int_equal(run_tagged(in(vlan(ETH_P_8021Q, ip4(P4, HOST4, udp(1, 2)))), ETH_P_8021AD),
			 TC_ACT_UNSPEC);
	assert_int_equal(
		run_tagged(in(vlan(ETH_P_8021Q, ip4("10.0.0.6", HOST4, udp(1, 2)))), ETH_P_8021AD),
		TC_ACT_SHOT);
}

/* XDP sees three tags in the frame and drops it: so does tc, which sees one of them beside it. */
static void test_three_tags_one_offloaded(void **state)
{
	struct frame *f = vlan(ETH_P_8021AD, vlan(ETH_P_8021Q, ip4(P4, HOST4, udp(1, 2))));

	lab_allow(PEERS);
	lab_control(CONTROL_ENFORCE);
	assert_int_equal(run_tagged(in(copy(f)), ETH_P_8021AD), TC_ACT_SHOT);
	assert_int_equal(run_tagged(out(copy(f)), ETH_P_8021AD), TC_ACT_SHOT);
}

/* Devices whose link header is not understood pass nothing, whatever lies in the frame. */
static void test_unknown_links_drop_all(void **state)
{
	static const struct hook none[] = {
		{"tc_in_none", PROG_tc_in_none, DIR_IN, false, false},
		{"tc_out_none", PROG_tc_out_none, DIR_OUT, false, false},
	};
	struct outcome o;

	lab_allow(ALL);
	for (int audit = 0; audit < 2; audit++) {
		lab_control(audit ? CONTROL_AUDIT : CONTROL_ENFORCE);
		for (int i = 0; i < 2; i++) {
			const struct frame *f = i ? out4(P4, udp(1, 2)) : in(arp(1));

			assert_true(lab_run(&none[i], f, 0, &o));
			assert_int_equal(o.dropped, !audit);
			assert_int_equal(o.moved, 1);
			assert_int_equal(o.reason, LINK_TYPE);
			assert_int_equal(o.audit, audit);
			assert_int_equal(o.dir, f->dir);
			assert_int_equal(o.by.packets, 1);
			assert_int_equal(o.by.bytes, f->len);
		}
	}
	lab_control(0);
	for (int i = 0; i < 2; i++) {
		assert_true(lab_run(&none[i], in(arp(1)), 0, &o));
		assert_false(o.dropped);
		assert_int_equal(o.moved, 0);
	}
}

/* Without a link header, the version field is all there is to tell what a packet is. */
static void test_headerless_versions(void **state)
{
	const struct hook h = {"tc_out_ip", PROG_tc_out_ip, DIR_OUT, false, true};
	struct outcome o;

	lab_allow(ALL " ::/0");
	lab_control(CONTROL_ENFORCE);
	for (int version = 0; version < 16; version++) {
		struct frame *f = out4(P4, sctp(1, 2));

		poke(f->ip, version << 4 | 5, f);
		assert_true(lab_run(&h, f, 0, &o));
		assert_int_equal(o.dropped, version != 4);
		assert_int_equal(o.reason, version == 4	  ? ALLOWED
					   : version == 6 ? MALFORMED
							  : ETHERTYPE);
	}
}

int main(void)
{
	const struct row rows[] = {
		/* ARP passes without an entry, in its one shape */
		{"ARP request out", "", out(arp(1)), ARP},
		{"ARP reply out", "", out(arp(2)), ARP},
		{"ARP request in", "", in(arp(1)), ARP},
		{"ARP reply in", "", in(arp(2)), ARP},
		{"ARP padded with zeros out", "", out(pad(18, 0, arp(1))), ARP},
		{"ARP padded with zeros in", "", in(pad(18, 0, arp(1))), ARP},
		{"others pad with what they like", "", in(pad(18, 'x', arp(1))), ARP},
		{"we do not", "", out(pad(18, 'x', arp(1))), ARP_SHAPE},
		{"not one byte", "", out(pad(1, 1, arp(1))), ARP_SHAPE},
		{"not the last one", "", out(poke(45, 1, pad(18, 0, arp(1)))), ARP_SHAPE},
		{"longer than padding out", "", out(pad(19, 0, arp(1))), ARP_SHAPE},
		{"longer than padding in", "", in(pad(19, 0, arp(1))), ARP_SHAPE},
		{"far longer", "", out(pad(200, 0, arp(1))), ARP_SHAPE},
		{"ARP request op 0", "", out(arp(0)), ARP_SHAPE},
		{"RARP's op 3", "", out(arp(3)), ARP_SHAPE},
		{"InARP's op 8", "", in(arp(8)), ARP_SHAPE},
		{"op 257", "", out(arp(257)), ARP_SHAPE},
		{"not Ethernet", "", out(poke16(0, 6, arp(1))), ARP_SHAPE},
		{"not IPv4", "", out(poke16(2, ETH_P_IPV6, arp(1))), ARP_SHAPE},
		{"hardware addresses of 8 bytes", "", out(poke(4, 8, arp(1))), ARP_SHAPE},
		{"protocol addresses of 16 bytes", "", in(poke(5, 16, arp(1))), ARP_SHAPE},
		{"ARP one byte short", "", in(cut(27, arp(1))), TRUNCATED},
		{"ARP one byte short out", "", out(cut(27, arp(1))), TRUNCATED},
		{"RARP", "", out(ether(ETH_P_RARP, arp(1))), ETHERTYPE},
		{"ARP in a VLAN", "", out(vlan(ETH_P_8021Q, arp(1))), ARP},
		{"padded ARP in a VLAN", "", in(vlan(ETH_P_8021Q, pad(18, 0, arp(1)))), ARP},
		{"filled ARP in a VLAN", "", out(vlan(ETH_P_8021Q, pad(18, 'x', arp(1)))),
		 ARP_SHAPE},
		{"ARP about an allowed peer with something behind", PEERS,
		 out(pad(60, 'x', arp(1))), ARP_SHAPE},

		/* what keeps the link itself alive */
		{"EAPOL out", "", out(ether(ETH_P_PAE, payload(60))), EAPOL},
		{"EAPOL in", "", in(ether(ETH_P_PAE, payload(60))), EAPOL},
		{"802.1X pre-authentication is another", "", in(ether(0x88c7, payload(60))),
		 ETHERTYPE},
		{"LACP out", "", out(lacp()), LACP},
		{"LACP in", "", in(lacp()), LACP},
		{"LACP's marker protocol", "", out(poke(0, 2, lacp())), ETHERTYPE},
		{"other slow protocols (OAM)", "", in(poke(0, 3, lacp())), ETHERTYPE},
		{"LACP one byte longer", "", out(pad(1, 0, lacp())), ETHERTYPE},
		{"LACP one byte shorter", "", out(cut(109, lacp())), ETHERTYPE},
		{"LACP to somebody", "", to_mac("\x02\0\0\0\0\x02", out(lacp())), ETHERTYPE},
		{"LACP from somebody to us", "", to_mac("\x02\0\0\0\0\x01", in(lacp())), ETHERTYPE},
		{"LACP to another group", "", to_mac("\x01\x80\xc2\0\0\x03", out(lacp())),
		 ETHERTYPE},

		/* tags */
		{"802.1Q", PEERS, out(vlan(ETH_P_8021Q, ip4(HOST4, P4, udp(1, 2)))), ALLOWED, P4},
		{"802.1Q to a stranger", PEERS,
		 out(vlan(ETH_P_8021Q, ip4(HOST4, "10.0.0.6", udp(1, 2)))), NOT_ALLOWED},
		{"802.1ad", PEERS, in(vlan(ETH_P_8021AD, ip6(P6, HOST6, udp(1, 2)))), ALLOWED, P6},
		{"802.1ad from a stranger", PEERS,
		 in(vlan(ETH_P_8021AD, ip6("2001:db8:5::6", HOST6, udp(1, 2)))), NOT_ALLOWED},
		{"QinQ", PEERS,
		 in(vlan(ETH_P_8021AD, vlan(ETH_P_8021Q, ip4(P4, HOST4, udp(1, 2))))), ALLOWED, P4},
		{"QinQ the old way", PEERS,
		 out(vlan(ETH_P_8021Q, vlan(ETH_P_8021Q, ip4(HOST4, P4, udp(1, 2))))), ALLOWED, P4},
		{"QinQ from a stranger", PEERS,
		 in(vlan(ETH_P_8021AD, vlan(ETH_P_8021Q, ip4("10.0.0.6", HOST4, udp(1, 2))))),
		 NOT_ALLOWED},
		{"three tags", PEERS,
		 in(vlan(ETH_P_8021AD,
			 vlan(ETH_P_8021Q, vlan(ETH_P_8021Q, ip4(P4, HOST4, udp(1, 2)))))),
		 ETHERTYPE},
		{"three tags out", PEERS,
		 out(vlan(ETH_P_8021AD,
			  vlan(ETH_P_8021Q, vlan(ETH_P_8021Q, ip4(HOST4, P4, udp(1, 2)))))),
		 ETHERTYPE},
		{"a tag's EtherType of long ago", PEERS,
		 out(vlan(0x9100, ip4(HOST4, P4, udp(1, 2)))), ETHERTYPE},
		{"a frame that ends in a tag", PEERS,
		 in(cut(2, vlan(ETH_P_8021Q, ip4(P4, HOST4, udp(1, 2))))), TRUNCATED},
		{"a frame that ends behind a tag", PEERS,
		 in(cut(4, vlan(ETH_P_8021Q, ip4(P4, HOST4, udp(1, 2))))), TRUNCATED},
		{"an IPv4 header cut short behind a tag", PEERS,
		 out(vlan(ETH_P_8021Q, cut(19, ip4(HOST4, P4, udp(1, 2))))), TRUNCATED},
		{"an IPv6 header cut short behind a tag", PEERS,
		 out(vlan(ETH_P_8021Q, cut(39, ip6(HOST6, P6, udp(1, 2))))), TRUNCATED},
		{"ports cut off behind a tag", PEERS,
		 in(vlan(ETH_P_8021Q, cut(24, ip4(P4, HOST4, udp(1, 2))))), MALFORMED},

		/* everything else, also when all addresses are allowed */
		{"LLDP", ALL, out(ether(0x88cc, payload(60))), ETHERTYPE},
		{"PPPoE", ALL, out(ether(0x8864, payload(60))), ETHERTYPE},
		{"MPLS", ALL, in(ether(0x8847, payload(60))), ETHERTYPE},
		{"MACsec", ALL, out(ether(0x88e5, payload(60))), ETHERTYPE},
		{"a private EtherType", ALL, out(ether(0x88b5, payload(60))), ETHERTYPE},
		{"a length instead (802.3: STP, IPX)", ALL, out(ether(60, payload(60))), ETHERTYPE},
		{"the highest length", ALL, in(ether(1500, payload(60))), ETHERTYPE},
		{"length 1", ALL, in(ether(1, payload(60))), ETHERTYPE},
		{"length 0", ALL, out(ether(0, payload(60))), ETHERTYPE},
		{"0xffff", ALL, out(ether(0xffff, payload(60))), ETHERTYPE},
		{"IPv6 in an IPv4 frame", ALL " ::/0",
		 out(ether(ETH_P_IP, ip6(HOST6, P6, udp(1, 2)))), MALFORMED},
		{"IPv4 in an IPv6 frame", ALL " ::/0",
		 in(ether(ETH_P_IPV6, pad(9, 0, ip4(P4, HOST4, udp(1, 2))))), MALFORMED},
		{"a runt of one byte", ALL, in(ether(ETH_P_IP, payload(1))), TRUNCATED},
		{"a runt of an unknown kind", ALL, in(ether(0x88b5, payload(1))), ETHERTYPE},
	};
	const struct CMUnitTest own[] = {
		cmocka_unit_test(test_offloaded_tags),
		cmocka_unit_test(test_offloaded_and_inline_tags),
		cmocka_unit_test(test_three_tags_one_offloaded),
		cmocka_unit_test(test_unknown_links_drop_all),
		cmocka_unit_test(test_headerless_versions),
	};

	return RUN_ROWS_AND("the link layer", rows, own);
}
