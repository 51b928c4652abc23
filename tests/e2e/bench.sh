#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# tries no kernel: our own scripts
# The benchmarks' drivers start and write samples, and the report says what the samples say. Nothing
# here looks at how long anything took.
. "$(dirname "$0")/lib.sh"

bench=$build/tools/bench
well_formed() { # FILE
	test -s "$1" || return 1
	! grep -vP '^[^\t]+\t[a-z0-9-]+\t-?[0-9.]+$' "$1"
}

ok "packets runs" bash -c "'$bench/packets' -n 1 -r 10 >'$scratch/packets'"
ok "its samples are samples" well_formed "$scratch/packets"
is "$(cut -f1,2 "$scratch/packets" | grep -cP '^tc out, IPv4 allowed\t')" 3 "empty, hostiso and hash for an allowed packet"
ok "sizes runs" bash -c "'$bench/sizes' -n 1 -r 10 1 500 >'$scratch/sizes'"
ok "its samples are samples" well_formed "$scratch/sizes"

lab_ns host peer
lab_cable host eth0 peer eth0
ip -n "$(ns host)" addr add 10.77.0.1/24 dev eth0
ip -n "$(ns peer)" addr add 10.77.0.5/24 dev eth0
serve -u 7 peer
ok "rr is answered" in_ns host "$bench/rr" 10.77.0.5 7 20
like "$output" '^[0-9.]+ [0-9.]+$' "and prints two numbers"
exits 1 "rr without an answer fails" in_ns host "$bench/rr" 10.77.0.5 9 1
mac=$(ip -n "$(ns host)" link show eth0 | sed -n 's,.*link/ether \([^ ]*\).*,\1,p')
if output=$(in_ns peer "$bench/livemode" eth0 10.77.0.66 10.77.0.1 "$mac" 64 2>&1); then
	like "$output" '^[0-9.]+$' "livemode prints a number"
else
	skip "livemode" "this kernel's BPF_PROG_TEST_RUN has no live mode: $output"
fi
exits 1 "livemode wants addresses" in_ns peer "$bench/livemode" eth0 nonsense 10.77.0.1 "$mac" 1
if start nsenter --net="/run/netns/$(ns host)" -- "$bench/tcx" eth0 count_tc 2>"$scratch/tcx"; then
	exits 1 "tcx drops what comes" in_ns host "$bench/rr" 10.77.0.5 7 1
else
	skip "tcx" "$(tail -n 1 "$scratch/tcx")"
fi

touch "$scratch/victim"
exits 1 "killtime fails when nobody kills" "$bench/killtime" "$scratch/victim"
like "$output" 'nobody killed it' "and says so"

# Three rounds of two rows: one bar held, one missed, one that cannot be told.
printf 'kernel\tthis one\n' >"$scratch/machine"
for n in 1 2 3; do
	printf 'tc out, IPv4 allowed\tempty\t%d\ntc out, IPv4 allowed\thostiso\t%d\n' $((20 + n)) $((40 + n))
	printf 'flood, TC\tnft-inet\t1.0\nflood, TC\thostiso\t%s\n' "2.$n"
done >"$scratch/samples"
printf 'tracer\tskipped\tno machine\n' >>"$scratch/samples"
ok "the report is written" "$tree/tools/bench/report" "$scratch/machine" "$scratch/samples"
like "$output" 'hostiso \| 42\.0 \(41\.0–43\.0\) \| \+20\.0 \|' "median, least and most, and the difference"
like "$output" 'held: tc out, IPv4 allowed, at most 34 ns above empty: 20\.0' "a bar that holds"
like "$output" '\*\*missed\*\*: flood, TC, at least 2\.4 × nft-inet: 2\.20' "one that is missed"
like "$output" '\*\*not measured\*\*: flood, XDP' "one without its samples"
like "$output" '- tracer: no machine' "and a row that was skipped, with its reason"
like "$output" 'Bars: 1 held, 1 missed, 5 not measured' "they are counted"
printf 'a row\thostiso\tfast\n' >>"$scratch/samples"
exits 255 "what is no number is no sample" "$tree/tools/bench/report" "$scratch/machine" "$scratch/samples"
done_testing
