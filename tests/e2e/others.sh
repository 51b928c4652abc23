#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Other people's qdiscs, filters, BPF programs and rules stay as they are, and go on working.
. "$(dirname "$0")/lib.sh"

lab_default
host=$(ns host)
foreign=$build/tools/lab/foreign
pins=$HOSTISO_PIN_DIR+foreign
mkdir "$pins"

count() { # PIN: packets that its program has seen
	bpftool -j map dump pinned "$pins/$1_count" | jq '.[0].formatted.value // ([.[0].value[] | ltrimstr("0x") | explode |
		map(if . > 96 then . - 87 else . - 48 end) | .[0] * 16 + .[1]] | to_entries |
		map(.value * pow(256; .key)) | add)'
}

# Each of them sees what passes: allowed traffic moves its counter.
still_counts() { # PIN DESCRIPTION
	local before
	before=$(count "$1")
	reach -w 100 host-peer:icmp peer-host:icmp >/dev/null
	ok "$2" test "$(count "$1")" -gt "$before"
}

allow=(--allow 10.77.0.5 --allow fd00:77::5)
# ---- qdiscs, clsact filters, nft ----

in_ns host tc qdisc replace dev eth0 root handle 1: pfifo limit 333
in_ns host tc qdisc add dev eth0 clsact
"$foreign" tc -1 "$pins/in"
"$foreign" tc -1 "$pins/out"
in_ns host tc filter add dev eth0 ingress pref 100 protocol all bpf da object-pinned "$pins/in"
in_ns host tc filter add dev eth0 egress pref 49000 protocol all bpf da object-pinned "$pins/out"
in_ns host tc filter add dev eth0 egress pref 49001 protocol ip u32 match ip dst 10.0.0.1/32 classid 1:1
in_ns host nft -f - <<-'RULES'
	table inet others {
		set seen { type ipv4_addr; flags dynamic; }
		chain input {
			type filter hook input priority 0;
			ip saddr 10.77.0.0/24 add @seen { ip saddr }
		}
	}
	table netdev others {
		chain ingress {
			type filter hook ingress device "eth0" priority -500;
			ip saddr 10.99.0.0/16 drop
		}
	}
	table bridge hostiso_others {
		chain forward { type filter hook forward priority 0; }
	}
RULES
theirs() {
	in_ns host bash -c 'for t in "inet others" "netdev others" "bridge hostiso_others"; do timeout 10 nft -a list table $t; done' |
		grep -v 10.77
}
before=$(kernel_state host)
rules=$(theirs)
ok "isolate among qdiscs, filters and rules of others" hostiso isolate "${allow[@]}"
is "$(host_state)" isolated "isolates"
is "$(theirs)" "$rules" "their rules are listed as before, byte for byte"
like "$(in_ns host timeout 10 nft list tables)" 'inet hostiso' "beside ours"
ok "status calls it whole" hostiso status
still_counts in "their ingress filter goes on"
still_counts out "and their egress filter"
like "$(in_ns host nft list set inet others seen)" '10\.77\.0\.5' "and their nft table"
unlike "$(in_ns host nft list set inet others seen)" '10\.77\.0\.66' "which sees nothing of what is cut"
ok "release" hostiso release
is "$(kernel_state host | grep -v 10.77)" "$(grep -v 10.77 <<<"$before")" "everything of theirs is there, as it was"
is "$(host_state)" open "and the host open"

# The other way round: theirs come and go while ours are there.
in_ns host tc qdisc del dev eth0 clsact
ok "isolate by clsact" hostiso isolate "${allow[@]}" --tc clsact
in_ns host tc filter add dev eth0 ingress pref 49000 protocol all bpf da object-pinned "$pins/in"
still_counts in "a filter of theirs behind ours sees what passes"
seen=$(count in)
reach -w 100 attacker-host >/dev/null
ok "and little of what does not: neighbour discovery" test $(($(count in) - seen)) -le 6
ok "release" hostiso release
like "$(in_ns host tc filter show dev eth0 ingress)" 'pref 49000' "their filter keeps the qdisc that ours made"
still_counts in "and goes on"
in_ns host tc qdisc del dev eth0 clsact

# ---- one that ends the chain before ours: status must say so ----
in_ns host tc qdisc add dev eth0 clsact
"$foreign" tc 0 "$pins/ends"
ok "isolate by clsact again" hostiso isolate "${allow[@]}" --tc clsact
ok "status calls it whole" hostiso status
first=$(in_ns host tc filter show dev eth0 egress | sed -nE 's/.*pref ([0-9]+) .*hostiso.*/\1/p' | head -n1)
if [[ ${first:-1} -gt 1 ]]; then
	in_ns host tc filter add dev eth0 egress pref 1 protocol all bpf da object-pinned "$pins/ends"
	exits 3 "status exits 3 when a filter before ours can end the chain" hostiso status
	like "$output" foreign "and names it"
else
	is "$first" 1 "nothing can stand before ours: it has the first preference"
fi
ok "release" hostiso release
in_ns host tc qdisc del dev eth0 clsact

# ---- tcx ----
if "$foreign" tcx-in -1 "$pins/tcx" "$host" eth0 2>"$scratch/why"; then
	"$foreign" tcx-out -1 "$pins/tcxout" "$host" eth0
	ok "isolate among tcx programs of others" hostiso isolate "${allow[@]}"
	is "$(host_state)" isolated "isolates"
	ok "status calls it whole" hostiso status
	still_counts tcx "their ingress program goes on"
	still_counts tcxout "and their egress program"
	"$foreign" tcx-out 0 "$pins/tcxends" "$host" eth0 first
	exits 3 "status exits 3 when a tcx program before ours can end the chain" hostiso status
	like "$output" foreign "and names it"
	rm "$pins/tcxends_link"
	ok "release" hostiso release
	still_counts tcx "release leaves theirs"
	rm "$pins"/tcx*_link
else
	skip "tcx programs of others" "this kernel has no tcx: $(tail -n1 "$scratch/why")"
fi

# ---- XDP ----
"$foreign" xdp 2 "$pins/xdp"
in_ns host ip link set dev eth0 xdp pinned "$pins/xdp"
slot=$(ip -n "$host" -d link show eth0 | grep -o 'prog/xdp id [0-9]*')
ok "isolate with the XDP slot taken" hostiso isolate "${allow[@]}"
is "$(host_state)" isolated "isolates: tc does the work"
like "$(hostiso status || true)" foreign "status says who has the slot"
still_counts xdp "their program goes on"
ok "release" hostiso release
is "$(ip -n "$host" -d link show eth0 | grep -o 'prog/xdp id [0-9]*')" "$slot" "and has the slot still"
in_ns host ip link set dev eth0 xdp off
done_testing
