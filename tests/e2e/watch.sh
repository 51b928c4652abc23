#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# hostiso watch guards a device that comes later, mends what was removed, and nothing depends on it.
. "$(dirname "$0")/lib.sh"

lab_default
watch_begin
later() { # DESCRIPTION COMMAND...: within 5 s
	local text=$1 _
	shift
	for _ in {1..50}; do
		if "$@" >/dev/null 2>&1; then
			report 0 "$text"
			return
		fi
		sleep 0.1
	done
	report 1 "$text"
	diag "$(cat "$scratch/watch")"
}
later "says that it watches" grep -q watching "$scratch/watch"
allow=(--allow 10.77.0.5 --allow fd00:77::5)
ok "isolate" hostiso isolate "${allow[@]}"

in_ns host ip link add late0 type veth peer name late1
later "a device that comes later is guarded" hostiso status
ok "and told" grep -q late0 "$scratch/watch"

if in_ns host tc filter show dev eth0 ingress 2>/dev/null | grep -q hostiso; then
	in_ns host tc qdisc del dev eth0 clsact
else
	rm -f "$HOSTISO_PIN_DIR"/links/*_in
fi
later "what was torn down is told" grep -q 'no program of ours' "$scratch/watch"
later "and mended" hostiso status

# A fault that takes another's place is a new one.
ok "release" hostiso release
in_ns host tc qdisc add dev eth0 clsact
if in_ns host tc filter add dev eth0 egress pref 1 protocol ip u32 match u32 0 0 flowid 1:1 2>/dev/null; then
	exits 3 "isolate by clsact, with a filter in front that nothing can go before" hostiso isolate --tc clsact "${allow[@]}"
	later "which is told" grep -q 'tc filter u32' "$scratch/watch"
	sleep 0.5
	kill -STOP "$watcher"
	in_ns host tc filter del dev eth0 egress pref 1
	in_ns host nft delete table inet hostiso
	kill -CONT "$watcher"
	later "what is torn in its place is mended" hostiso status
else
	skip "a filter in front that nothing can go before" "no cls_u32 here"
	ok "isolate again" hostiso isolate "${allow[@]}"
fi

# The kernel tells of a flush: it is mended at once, not at the next look. Natively within 20 ms.
at_once=${HOSTISO_DEADLINE:-1}
backstop_back() {
	in_ns host nft list table inet hostiso >/dev/null 2>&1
}
ok "whole, before the flush" eventually 20 hostiso status
sleep 0.5
in_ns host nft flush ruleset
flushed=$(now)
eventually "$((5 * at_once))" backstop_back || true
took=$((($(now) - flushed) / 1000))
ok "a flushed backstop is back at once" test "$took" -lt $((1000 * at_once))
diag "after $took ms"
ok "whole again" eventually 20 hostiso status

# Flushed again and again while watch is at work, so slow that each of its steps is hit: what is
# torn down behind its back is not taken for what cannot be mended, which waits 10 s.
strace -qq -e trace=sendto -e inject=sendto:delay_exit=15000 -o /dev/null -p "$watcher" &
slower=$!
helpers+=("$slower")
sleep 0.3
for round in 1 2; do
	in_ns host ip link set late0 alias "$round"
	for _ in {1..30}; do
		in_ns host nft flush ruleset
		sleep 0.02
	done
	ok "flushed in the middle of mending, it is back soon ($round)" eventually "$((5 * at_once))" backstop_back
done
kill "$slower"
wait "$slower" 2>/dev/null || true
ok "whole again" eventually 20 hostiso status

watch_end
ok "without it the isolation stays" hostiso status
is "$(host_state)" isolated "and cuts"
ok "release" hostiso release
done_testing
