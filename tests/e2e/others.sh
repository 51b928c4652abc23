#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Other people's qdiscs, filters, XDP programs and rules stay as they are, and go on working.
. "$(dirname "$0")/lib.sh"

lab_default
host=$(ns host)

# A qdisc with a class, clsact filters that count, and an nft table.
tc -n "$host" qdisc replace dev eth0 root handle 1: prio bands 3
tc -n "$host" qdisc add dev eth0 clsact
tc -n "$host" filter add dev eth0 ingress pref 49000 protocol all matchall action continue
tc -n "$host" filter add dev eth0 egress pref 49000 protocol ip u32 match ip dst 10.77.0.5/32 action continue ||
	skip_all "this kernel lacks the u32 classifier or actions"
in_ns host nft -f - <<-'RULES'
	table inet others {
		set seen { type ipv4_addr; flags dynamic; }
		chain input {
			type filter hook input priority 0;
			ip saddr 10.77.0.5 add @seen { ip saddr }
		}
	}
RULES
shown() { # without numbers that only count
	kernel_state host | sed -E 's/ (Sent|installed|used|expires) .*//'
}
before=$(shown)
packets() {
	tc -n "$host" -s filter show dev eth0 "$1" | sed -nE 's/.*Sent [0-9]+ bytes ([0-9]+) pkt.*/\1/p' | head -n1
}

ok "isolate among others" hostiso isolate --allow 10.77.0.5 --allow fd00:77::5
is "$(host_state)" isolated "isolates"
ok "status" hostiso status
in_before=$(packets ingress) out_before=$(packets egress)
reach host-peer peer-host >/dev/null
ok "what passes goes on to their ingress filter" test "$(packets ingress)" -gt "$in_before"
ok "and to their egress filter" test "$(packets egress)" -gt "$out_before"
like "$(in_ns host nft list set inet others seen)" '10\.77\.0\.5' "and to their nft table"
ok "release" hostiso release
is "$(shown)" "$before" "everything of theirs is there, byte for byte"
is "$(host_state)" open "and the host open"

# An XDP slot that is taken is left alone: TC does the work, and status says so.
program=$build/filter.bpf.o
if [[ -e $program ]] && in_ns host bpftool prog load "$program" "$HOSTISO_PIN_DIR.foreign" type xdp 2>"$scratch/why" &&
	ip -n "$host" link set dev eth0 xdp pinned "$HOSTISO_PIN_DIR.foreign" 2>"$scratch/why"; then
	slot=$(ip -n "$host" -d link show eth0 | grep -o 'xdp.*id [0-9]*')
	ok "isolate with the XDP slot taken" hostiso isolate --allow 10.77.0.5 --allow fd00:77::5
	is "$(ip -n "$host" -d link show eth0 | grep -o 'xdp.*id [0-9]*')" "$slot" "the program in it stays"
	hostiso release >/dev/null
	is "$(ip -n "$host" -d link show eth0 | grep -o 'xdp.*id [0-9]*')" "$slot" "and stays after release"
	ip -n "$host" link set dev eth0 xdp off
else
	skip "isolate with the XDP slot taken" "no program to take it with: $(tail -n1 "$scratch/why" | tr '#' ' ')"
fi
rm -f "$HOSTISO_PIN_DIR.foreign"
done_testing
