#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# timeout: 300
# isolate --backend nft: the same verbs and allowlist by nftables alone, for kernels that refuse BPF.
. "$(dirname "$0")/lib.sh"

lab_default
before=$(kernel_state host)
# Nothing here is looked at before a deadline that may be over by then: what is in force is asked
# with an hour to go, which is then cut down to a second.
timed() { # has our table an end, as the kernel lists it?
	in_ns host nft list set inet hostiso armed | grep -c expires || true
}
plain=(--backend nft)
allow=(--allow 10.77.0.5 --allow fd00:77::5)

ok "isolate --backend nft" hostiso isolate "${plain[@]}" "${allow[@]}" --case IR-7 --comment "seen 02:10"
like "$output" 'by nftables alone' "says what it took"
is "$(host_state)" isolated "isolates: both families, both ways"
unlike "$(in_ns host bpftool net)" 'eth0' "with no program on any device"
ok "pins nothing" test ! -e "$HOSTISO_PIN_DIR"
ok "status exits 0" hostiso status
like "$output" 'state: isolated by nftables alone' "and says by what"
like "$output" 'case: IR-7' "and the case"
like "$output" 'limit: frames that leave their checksum' "and what it cannot see"
like "$output" 'dropped +not-allowed +[1-9]' "and what was dropped"
is "$(json '.backend' status)" '"nft"' "as JSON too"
ok_shut "port 53 is a port like any other" host,udp,10.77.0.53,53 attacker,udp,10.77.0.1,7,53 attacker,udp,fd00:77::1,7,53
ok_open "loopback is never touched" host,tcp,127.0.0.1,7 host,icmp,::1 host-host
in_ns host ip neigh flush all
in_ns peer ip neigh flush all
ok_open "ARP and neighbour discovery still work from nothing" host-peer peer-host

# ---- the other verbs ----
ok "allow an address, for a time" hostiso allow 10.77.0.66 --for 1h --comment "why not"
ok_open "lets it through" host,tcp,10.77.0.66,7 attacker,udp,10.77.0.1,7
ok_shut "by that address only" host,tcp,fd00:77::66,7
like "$(hostiso list)" '10\.77\.0\.66 .*why not' "list has it, and why"
ok "deny" hostiso deny 10.77.0.66
ok_shut "shuts it" host,tcp,10.77.0.66,7 attacker,udp,10.77.0.1,7
ok "allow a port" hostiso allow out:10.77.0.66:7/tcp
ok_open "lets that through" host,tcp,10.77.0.66,7
ok_shut "and nothing else of that peer" host,udp,10.77.0.66,7 attacker,tcp,10.77.0.1,7
ok "deny it" hostiso deny out:10.77.0.66:7/tcp
ok "allow for a time" hostiso allow fd00:77::66 --for 1h
ok_open "lets it through" host,tcp,fd00:77::66,7
ok "for a moment" hostiso allow fd00:77::66 --for 1s
sleep 1.1
ok_shut "until then" host,tcp,fd00:77::66,7
exits 2 "process grants are refused" hostiso allow --pid $$
like "$output" 'grants need BPF' "with the reason"
ok "isolate again adds to the first" hostiso isolate --allow 10.77.0.53
ok_open "what it allows" host,tcp,10.77.0.53,7 host-peer
is "$(json 'map(.entry) | length' list)" 3 "the list has all three"
exits 2 "isolate --backend bpf over it is refused" hostiso isolate --backend bpf
like "$output" release "and says the way on"
ok "isolate --audit" hostiso isolate --audit
is "$(host_state)" open "drops nothing"
like "$(hostiso status || true)" 'would drop +not-allowed' "and counts"
ok "isolate --confirm" hostiso isolate --confirm 1h
ok_shut "isolates" host-attacker
is "$(timed)" 1 "until its time is over"
ok "confirm" hostiso confirm
is "$(timed)" 0 "takes the end away"
ok "isolate --for" hostiso isolate --for 1h
ok_shut "isolates" host-attacker
isolate_for_a_moment
sleep 1.1
is "$(host_state)" open "opens when its time is over, with nobody there"
exits 3 "status then exits 3" hostiso status
ok "release" hostiso release
is "$(kernel_state host)" "$before" "leaves no trace"
is "$(host_state)" open "the host is open"

# ---- many at once, and killed in between ----
ok "isolate" hostiso isolate "${plain[@]}" "${allow[@]}"
pids=()
for i in {0..7}; do
	hostiso allow "10.99.$i.0/24" >/dev/null 2>&1 &
	pids+=($!)
done
failed=0
for i in "${pids[@]}"; do
	wait "$i" || failed=$((failed + 1))
done
is "$(json 'map(.entry) | length' list) $failed" "10 0" "eight allows at once: each that said 0 is on the list"
ok "release" hostiso release
if command -v strace >/dev/null; then
	# Killed when it begins to send: at the first and the last transaction, right behind that, at the end.
	in_ns host strace -f -qq -o "$scratch/trace" -e trace=sendto "$HOSTISO" isolate "${plain[@]}" "${allow[@]}" >/dev/null
	hostiso release >/dev/null
	mapfile -t steps < <(awk '$2 ~ /^sendto/ { n[$1]++ } # strace counts for each thread
		/BATCH_BEGIN/ { if (!first) first = n[$1]; last = n[$1]; pid = $1 }
		END { print first; if (last > first) print last; print last + 1; if (n[pid] > last + 1) print n[pid] }' "$scratch/trace")
	wrong=0 states=''
	for i in "${steps[@]}"; do
		in_ns host strace -f -qq -o /dev/null -e trace=sendto -e inject="sendto:signal=SIGKILL:when=$i" \
			"$HOSTISO" isolate "${plain[@]}" "${allow[@]}" >/dev/null 2>&1 || true
		state=$(host_state)
		[[ $state == open || $state == isolated ]] || { wrong=$((wrong + 1)) && diag "killed at $i: $state"; }
		[[ $states == *"$state" ]] || states+=" $state"
		hostiso release >/dev/null || wrong=$((wrong + 1))
	done
	is "$wrong" 0 "killed at ${#steps[@]} messages to the kernel: open or isolated"
	is "$states" " open isolated" "open before the transaction, isolated behind it"
	is "$(kernel_state host)" "$before" "and release leaves nothing"

	# ---- auto ----
	no_bpf() { # VERB...: on a kernel that refuses bpf(2)
		in_ns host strace -f -qq -o /dev/null -e trace=bpf -e inject=bpf:error=EPERM "$HOSTISO" "$@"
	}
	ok "isolate where BPF is refused" no_bpf isolate "${allow[@]}"
	like "$output" 'BPF is refused.*nftables alone' "takes nftables, and says it loudly"
	is "$(host_state)" isolated "isolates"
	ok "status works there" no_bpf status
	ok "allow works there" no_bpf allow 10.77.0.53
	ok_open "and lets it through" host,icmp,10.77.0.53
	ok "release works there" no_bpf release
	is "$(kernel_state host)" "$before" "and leaves no trace"
	exits 1 "isolate --backend bpf does not take it" no_bpf isolate --backend bpf "${allow[@]}"
	is "$(host_state)" open "nothing half-done is left"
	is "$(kernel_state host)" "$before" "and no trace"
else
	skip "isolate where BPF is refused" "no strace here"
fi
ok "isolate where BPF works" hostiso isolate "${allow[@]}"
is "$(json '.backend' status)" '"bpf"' "takes BPF"
exits 2 "isolate --backend nft over it is refused" hostiso isolate --backend nft
ok "release" hostiso release

# ---- devices ----
ok "isolate" hostiso isolate "${plain[@]}" "${allow[@]}" --allow 10.78.0.2
lab_ns far
lab_cable host late0 far late1
ip -n "$(ns far)" addr add 10.78.0.2/24 dev late1
ip -n "$(ns far)" addr add 10.78.0.3/24 dev late1
ip -n "$(ns host)" addr add 10.78.0.1/24 dev late0
serve -u 7 -t 7 far
ok_shut "a device that comes later is shut, allowed peers too" host,udp,10.78.0.2,7 far,udp,10.78.0.1,7
exits 3 "status says so" hostiso status
watch_begin
ok "watch takes it over" eventually 60 hostiso status
ok_open "which lets the allowed peer through" host,udp,10.78.0.2,7 host,tcp,10.78.0.2,7
ok_shut "and nobody else" host,udp,10.78.0.3,7
watch_end
in_ns host bash -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
ip -n "$(ns far)" route add 10.77.0.0/24 via 10.78.0.1
ip -n "$(ns attacker)" route add 10.78.0.0/24 via 10.77.0.1
ok_shut "forwarded traffic is cut as well" far,udp,10.77.0.66,7 far,tcp,10.77.0.66,7
ok "release" hostiso release
ok_open "which passes when released" far,udp,10.77.0.66,7 far,tcp,10.77.0.66,7
done_testing
