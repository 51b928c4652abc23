#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# timeout: 300
# hostiso verify: nothing is open while the isolation stands; what is broken on purpose is found.
. "$(dirname "$0")/lib.sh"

lab_default
before=$(kernel_state host)
allow=(--allow 10.77.0.5 --allow fd00:77::5)
open_ones() { # what verify calls open, "out udp" and so on
	json '[.probes[] | select(.result == "open") | .direction + " " + .probe] | join(", ")' verify | tr -d '"'
}

exits 3 "verify without an isolation exits 3" hostiso verify
like "$output" 'not isolated' "and says why"
ok "isolate" hostiso isolate "${allow[@]}"
# What the kernel gives no means against, verify says as well.
open_here=0 exit_here=0
if [[ $(json '.backstop.limits | join(" ")' status) == *PACKET_QDISC_BYPASS* ]]; then
	open_here=1 exit_here=3
fi
exits "$exit_here" "verify finds nothing open that can be shut here" hostiso verify
like "$output" 'eth0 +out +udp-from-53 +shut' "says what it tried"
like "$output" 'allowed peer 10\.77\.0\.5: answers' "and that the allowed peer answers"
like "$output" ", $open_here open, " "and counts"
is "$(json '.open' verify)" "$open_here" "as JSON too"
is "$(json '[.probes[] | select(.direction == "out" and .probe != "raw-bypass" and .probe != "af-xdp" and .result == "shut")] | length' verify)" 11 \
	"everything outwards was really tried"
ok "what it sent is counted as dropped" test "$(json '[.counters[] | select(.verdict == "drop" and .direction == "out") |
	.packets] | add' status)" -ge 8
is "$(reach attacker-host | grep -c ^open || true)" 0 "the host is as shut as before"

# ---- broken on purpose ----
break_program() { # in|out: takes our program off the device
	if [[ -e $HOSTISO_PIN_DIR/links/$(ip -j -n "$(ns host)" link show eth0 | jq '.[0].ifindex')_$1 ]]; then
		rm "$HOSTISO_PIN_DIR"/links/*_"$1"
	else
		in_ns host tc filter del dev eth0 "$2"
	fi
}
break_program out egress
sleep 0.2
exits 3 "without our program outwards it exits 3" hostiso verify
like "$output" 'eth0 +out +udp +OPEN' "and finds the frame that left"
like "$(open_ones)" 'out tcp.*out ipv6' "all of the kinds that only tc judges"
ok "isolate mends it" hostiso isolate
exits "$exit_here" "nothing more is open" hostiso verify
break_program in ingress
sleep 0.2
exits 3 "without our program inwards it exits 3" hostiso verify
like "$(open_ones)" 'in tcp, in udp' "and says which"
ok "isolate mends it" hostiso isolate
if ((open_here)); then
	is "$(open_ones)" "out raw-bypass" "frames past the queues are open on this kernel, and verify says it"
else
	in_ns host nft flush ruleset
	exits 3 "without the backstop it exits 3" hostiso verify
	is "$(open_ones)" "out raw-bypass" "frames past the queues leave"
	ok "isolate mends it" hostiso isolate
	ok "nothing is open" hostiso verify
fi
ok "isolate --audit" hostiso isolate --audit
exits 3 "verify has nothing to verify in an audit" hostiso verify
ok "release" hostiso release

# ---- nftables alone ----
ok "isolate --backend nft" hostiso isolate --backend nft "${allow[@]}"
found=$(open_ones)
if [[ $(json '.backstop.limits | join(" ")' status) == *"egress hook"* ]]; then
	unlike "$found" 'out (tcp|udp|icmp|fragment|ipv6)' "nothing of IP is open"
else
	is "$found" "" "nothing is open"
fi
is "$(json '[.probes[] | select(.direction == "in") | .result] | unique | join(" ")' verify)" '"not testable here"' \
	"what comes in would take a peer to try, and it says so"
ok "release" hostiso release
is "$(kernel_state host)" "$before" "leaves no trace"
done_testing
