// SPDX-License-Identifier: BSD-2-Clause
/* What stands around the verdict: the switch, audit, the deadline, the kept connection, lost maps.
 */
#include "../lib/rows.h"
#include <unistd.h>
#include <bpf/bpf.h>
#include "HostIsolation/cleanup.h"

#define P "10.0.0.5"
#define PEER "10.9.9.9"
#define PEER6 "2001:db8:9::9"
#define SECOND 1000000000ULL

/* One frame of each verdict, in both directions. */
static const struct frame *samples(int i)
{
	switch (i) {
	case 0:
		return out4(P, udp(1, 2));
	case 1:
		return in4(P, udp(1, 2));
	case 2:
		return out4("10.0.0.6", udp(1, 2));
	case 3:
		return in4("10.0.0.6", udp(1, 2));
	case 4:
		return in(ether(0x88b5, payload(60)));
	case 5:
		return out(arp(1));
	}
	return NULL;
}

/* All hooks pass all samples, and no counter moves. */
static void expect_untouched(const char *why)
{
	const struct frame *f;
	struct outcome o;

	for (int s = 0; (f = samples(s)); s++) {
		for (size_t i = 0; i < hook_count; i++) {
			if (!hook_takes(&hooks[i], f) || !lab_run(&hooks[i], f, 0, &o))
				continue;
			if (o.dropped || o.moved)
				fail_msg("%s: %s %s sample %d and moved %d counters", why,
					 hooks[i].name, o.dropped ? "dropped" : "passed", s,
					 o.moved);
		}
	}
}

static void test_off(void **state)
{
	lab_allow(P);
	lab_control(0);
	expect_untouched("off");
	lab_control(CONTROL_KEPT | CONTROL_GRANTS);
	expect_untouched("off, with other bits");
}

/* Half of both is no enforcement: tc passes, and XDP must not drop what tc passes. */
static void test_audit_wins_over_enforce(void **state)
{
	struct outcome o;

	lab_allow(P);
	lab_control(CONTROL_ENFORCE | CONTROL_AUDIT);
	for (size_t i = 0; i < hook_count; i++) {
		const struct frame *f = samples(hooks[i].dir == DIR_OUT ? 2 : 3);

		if (!hook_takes(&hooks[i], f))
			continue;
		assert_true(lab_run(&hooks[i], f, 0, &o));
		assert_false(o.dropped);
		assert_int_equal(o.moved, !hooks[i].xdp);
		if (o.moved)
			assert_true(o.audit && o.reason == REASON_NOT_ALLOWED);
	}
}

static void test_deadline(void **state)
{
	lab_allow(P);
	lab_control(CONTROL_ENFORCE);
	policy_set_deadlines(&lab.maps, boot_ns() + 3600 * SECOND, 0);
	expect("before the deadline", samples(2), NOT_ALLOWED);
	expect("before the deadline, in", samples(3), NOT_ALLOWED);
	policy_set_deadlines(&lab.maps, boot_ns() - SECOND, 0);
	expect_untouched("past the deadline");
	lab_control(CONTROL_AUDIT);
	expect_untouched("past the deadline of an audit");
	lab_control(CONTROL_ENFORCE);
	policy_set_deadlines(&lab.maps, boot_ns() + 3600 * SECOND, boot_ns() - SECOND);
	expect_untouched("past the confirmation, before the deadline");
	policy_set_deadlines(&lab.maps, boot_ns() - SECOND, boot_ns() + 3600 * SECOND);
	expect_untouched("past the deadline, before the confirmation");
	policy_set_deadlines(&lab.maps, 0, 0);
	expect("no deadline", samples(2), NOT_ALLOWED);
}

/* The programs read the clock once a tick: what they read then must not last. */
static void test_the_clock_moves_on(void **state)
{
	lab_allow(P);
	lab_control(CONTROL_ENFORCE);
	policy_set_deadlines(&lab.maps, boot_ns() + 3600 * SECOND, 0);
	expect("with the clock just read", samples(2), NOT_ALLOWED);
	expect("with the clock just read, in", samples(3), NOT_ALLOWED);
	usleep(100000);
	policy_set_deadlines(&lab.maps, boot_ns() - SECOND / 20, 0);
	expect_untouched("past a deadline that was ahead then");
	policy_set_deadlines(&lab.maps, 0, 0);
}

/* The inner map of the bank in force. */
static int inner_map(int outer)
{
	__u32 bank = !!(lab.maps.policy->control & CONTROL_BANK), id;
	int fd;

	assert_int_equal(bpf_map_lookup_elem(outer, &bank, &id), 0);
	fd = bpf_map_get_fd_by_id(id);
	assert_true(fd >= 0);
	return fd;
}

/* A node names rules that are not there: closed, and said. */
static void test_lost_rules_close(void **state)
{
	int outer = lab.maps.fd[MAP_rules];
	_cleanup_close_ int rules = -1;
	__u32 bank, id;

	lab_allow(P ":443/tcp 2001:db8:5::5");
	lab_control(CONTROL_ENFORCE);
	rules = inner_map(outer);
	assert_int_equal(bpf_map_get_next_key(rules, NULL, &id), 0);
	assert_int_equal(bpf_map_delete_elem(rules, &id), 0);
	expect("a lost block", out4(P, tcp(4000, 443, SYN)), INTERNAL);
	bank = !!(lab.maps.policy->control & CONTROL_BANK);
	assert_int_equal(bpf_map_delete_elem(outer, &bank), 0);
	expect("a lost bank of rules", out4(P, tcp(4000, 443, SYN)), INTERNAL);
	expect("which concerns nobody else", in6("2001:db8:5::5", udp(1, 2)), ALLOWED);
	assert_int_equal(bpf_map_delete_elem(lab.maps.fd[MAP_allow_ip6], &bank), 0);
	expect("a lost trie allows nothing", in6("2001:db8:5::5", udp(1, 2)), NOT_ALLOWED);
	lab_allow(P);
}

/* Only the bank in force counts. */
static void test_banks(void **state)
{
	__u64 other;

	lab_allow("10.0.0.1 2001:db8::11");
	lab_allow("10.0.0.2 2001:db8::12");
	lab_control(CONTROL_ENFORCE);
	expect("the old bank", out4("10.0.0.1", udp(1, 2)), NOT_ALLOWED);
	expect("the new bank", out4("10.0.0.2", udp(1, 2)), ALLOWED);
	expect("the old bank, IPv6", out6("2001:db8::11", udp(1, 2)), NOT_ALLOWED);
	expect("the new bank, IPv6", out6("2001:db8::12", udp(1, 2)), ALLOWED);
	other = lab.maps.policy->control ^ CONTROL_BANK;
	policy_set_control(&lab.maps, other);
	expect("the old bank again", out4("10.0.0.1", udp(1, 2)), ALLOWED);
	expect("the old bank again, IPv6", out6("2001:db8::11", udp(1, 2)), ALLOWED);
	expect("and not the new one", out4("10.0.0.2", udp(1, 2)), NOT_ALLOWED);
	policy_set_control(&lab.maps, other ^ CONTROL_BANK);
}

static int policy_up(void **state)
{
	int ret = lab_up(state);

	if (ret == 0) {
		lab_keep(HOST4, PEER);
		lab_keep(HOST6, PEER6);
	}
	return ret;
}

#define KEPT NULL, CONTROL_KEPT

int main(void)
{
	const struct row rows[] = {
		{"the kept connection in", "", in4(PEER, tcp(50000, 22, ACK)), KEPT_SSH, KEPT},
		{"the kept connection out", "", out4(PEER, tcp(22, 50000, ACK)), KEPT_SSH, KEPT},
		{"its end", "", in4(PEER, tcp(50000, 22, FIN | ACK)), KEPT_SSH, KEPT},
		{"its reset", "", out4(PEER, tcp(22, 50000, RST)), KEPT_SSH, KEPT},
		{"a new one from the same port", "", in4(PEER, tcp(50000, 22, SYN)), NOT_ALLOWED,
		 KEPT},
		{"a new one to it", "", out4(PEER, tcp(22, 50000, SYN)), NOT_ALLOWED, KEPT},
		{"another port of theirs", "", in4(PEER, tcp(50001, 22, ACK)), NOT_ALLOWED, KEPT},
		{"another port of ours", "", in4(PEER, tcp(50000, 23, ACK)), NOT_ALLOWED, KEPT},
		{"the ports the other way round", "", out4(PEER, tcp(50000, 22, ACK)), NOT_ALLOWED,
		 KEPT},
		{"another peer", "", in4("10.9.9.8", tcp(50000, 22, ACK)), NOT_ALLOWED, KEPT},
		{"another address of ours", "", in(ip4(PEER, "192.0.2.2", tcp(50000, 22, ACK))),
		 NOT_ALLOWED, KEPT},
		{"UDP between the same ports", "", in4(PEER, udp(50000, 22)), NOT_ALLOWED, KEPT},
		{"ping from the same peer", "", in4(PEER, ping4()), NOT_ALLOWED, KEPT},
		{"a later fragment of it", "",
		 in(fragment4(1, 64, 0, ip4(PEER, HOST4, tcp(50000, 22, ACK)))), ORPHAN, KEPT},
		{"while none is kept", "", in4(PEER, tcp(50000, 22, ACK)), NOT_ALLOWED},
		{"while none is kept, out", "", out4(PEER, tcp(22, 50000, ACK)), NOT_ALLOWED},
		{"beside a port entry for the same peer", PEER ":443/tcp",
		 in4(PEER, tcp(50000, 22, ACK)), KEPT_SSH, KEPT},
		{"the port entry itself", PEER ":443/tcp", out4(PEER, tcp(4000, 443, SYN)),
		 ALLOWED_PORT, KEPT},
		{"an allowed peer needs none", PEER, in4(PEER, tcp(50000, 22, ACK)), ALLOWED, KEPT},
		{"IPv6", "", in6(PEER6, tcp(50000, 22, ACK)), KEPT_SSH, KEPT},
		{"IPv6 out", "", out6(PEER6, tcp(22, 50000, ACK)), KEPT_SSH, KEPT},
		{"IPv6, a new one", "", in6(PEER6, tcp(50000, 22, SYN)), NOT_ALLOWED, KEPT},
		{"IPv6, another address", "", in6("2001:db8:9::a", tcp(50000, 22, ACK)),
		 NOT_ALLOWED, KEPT},
		{"IPv6 of the same bytes as IPv4's", "",
		 in(ip6("a09:909::", "c000:201::", tcp(50000, 22, ACK))), NOT_ALLOWED, KEPT},
	};
	const struct CMUnitTest own[] = {
		cmocka_unit_test(test_off),	 cmocka_unit_test(test_audit_wins_over_enforce),
		cmocka_unit_test(test_deadline), cmocka_unit_test(test_the_clock_moves_on),
		cmocka_unit_test(test_banks),	 cmocka_unit_test(test_lost_rules_close),
	};

	run_rows_setup = policy_up;
	return RUN_ROWS_AND("the policy", rows, own);
}
