#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# timeout: 300
# A kernel without nftables: the isolation stands by the programs alone, and what is missing is said.
# Where nf_tables is there, hostiso is run as on a kernel that has no nfnetlink.
. "$(dirname "$0")/lib.sh"

lab_default
if in_ns host nft list ruleset >/dev/null 2>&1; then
	hostiso() { # VERB...
		in_ns host "$build/tests/helpers/without_nft" "$HOSTISO" "$@"
	}
	wrapper=("$build/tests/helpers/without_nft")
else
	diag "this kernel really has no nf_tables"
	wrapper=()
fi
ok_open "before, all are reached" host-peer host-attacker
exits 3 "isolate says that this is not all" hostiso isolate --allow 10.77.0.5 --allow fd00:77::5
like "$output" 'isolated: 1 device guarded' "it isolates"
like "$output" 'not fully: no backstop: nftables cannot be used on this kernel: .*: a device that appears later is open until' "says what is missing, and what that costs"
ok_shut "nobody else is reached" host-attacker attacker-host
ok_open "the allowed peer is" host-peer peer-host
exits 3 "status exits 3" hostiso status
like "$output" 'nftables backstop: absent' "tells of no backstop"
like "$output" 'no backstop: nftables cannot be used' "and why"
is "$(json '.backstop.state' status)" '"absent"' "in JSON, too"
ok "deny" hostiso deny 10.77.0.5
ok_shut "cuts the peer" host,udp,10.77.0.5,7
ok "allow" hostiso allow 10.77.0.5
ok_open "lets it through again" host,udp,10.77.0.5,7
exits 3 "isolate again is the same" hostiso isolate --for 1h
ok "confirm has nothing to do" hostiso confirm
unlike "$(hostiso verify || true)" "(tcp|udp|icmp|fragment|ipv6|ethertype) +OPEN" "verify finds the programs shut"

# ---- a device that comes is open, as was said, until watch sees it ----
in_ns host ip link add late0 type veth peer name late1
in_ns host ip link set late0 up
exits 3 "a device that comes: status exits 3" hostiso status
like "$output" 'late0: no program of ours' "and names it"
like "$output" 'late0 +OPEN +OPEN' "as open"
watch_begin "${wrapper[@]}"
guarded_now() {
	! { hostiso status || true; } | grep -q 'no program of ours'
}
ok "watch guards it all the same" eventually $((10 * ${HOSTISO_DEADLINE:-1})) guarded_now
ok "and says" eventually $((5 * ${HOSTISO_DEADLINE:-1})) grep -q 'nf_tables\|nftables' "$scratch/watch"
sleep 5
is "$(grep -c 'no backstop: ' "$scratch/watch" || true)" 1 "what is missing, once"
is "$(grep -c 'Z nftables cannot be used' "$scratch/watch" || true)" 1 "and that it could not be mended, once"
diag "$(cut -c1-150 "$scratch/watch")"
watch_end
ok "release" hostiso release
ok_open "opens all" host-peer host-attacker
like "$(hostiso status || true)" 'not isolated' "nothing of ours is left"
ok "release again says so" hostiso release

# ---- nor is there a backend ----
exits 1 "isolate --backend nft fails" hostiso isolate --backend nft --allow 10.77.0.5
like "$output" '^hostiso: .*nf_?tables.*: (Protocol not supported|Operation not supported|No such file)' "in one line, with the reason"
ok_open "and changes nothing" host-attacker
like "$(hostiso status || true)" 'not isolated' "nothing of ours is left"
done_testing
