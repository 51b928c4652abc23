#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# timeout: 300
# alone: it looks at all BPF objects of the machine
# AF_XDP sockets send past tc and nftables: refused where BPF LSM runs, said where it does not; those
# from before are named; nobody else's namespace is touched.
. "$(dirname "$0")/lib.sh"

lab_default
lab_ns other
lab_cable other away0 peer away1
helper=$build/tests/helpers/rawframe
frame() { # WAY [NAMESPACE DEVICE TO DEVICE]
	"$helper" "$1" "$(ns "${2:-host}")" "${3:-eth0}" "$(ns "${4:-switch}")" "${5:-host}" 10.77.0.66
}
# A process with a bound socket, from before; it says what became of its frame when told to go on.
hold() { # WAY
	coproc held { exec "$helper" "$1" "$(ns host)" eth0 "$(ns switch)" host 10.77.0.66; }
	# shellcheck disable=SC2154 # coproc sets it
	holder=$held_PID
	helpers+=("$holder")
	read -r said <&"${held[0]}" || said="nothing"
}
let_go() { # what it then says
	echo go >&"${held[1]}"
	read -r said <&"${held[0]}" || said="nothing"
	wait "$holder" 2>/dev/null || true
}
counted() {
	json '[.counters[] | select(.reason == "xdp-socket") | .packets] | add // 0' status
}

before_objects=$(bpf_objects)
found=$(frame xdp)
[[ $found == open ]] || skip_all "no AF_XDP on this kernel's veth: $found"
ok "isolate" hostiso isolate --allow 10.77.0.5
refused=$(json '.backstop.af_xdp' status | tr -d '"')
diag "AF_XDP sockets are: $refused"

if [[ $refused == refused ]]; then
	like "$(hostiso status)" 'AF_XDP sockets: refused' "status says that they are refused"
	unlike "$(hostiso status)" 'limit: AF_XDP' "and tells of no limit"
	count=$(counted)
	like "$(frame xdp)" '^refused socket: Operation not permitted' "no socket is to be had"
	is "$(counted)" "$((count + 1))" "which is counted"
	like "$(hostiso verify || true)" 'af-xdp +shut' "verify calls it shut"
	is "$(frame xdp other away0 peer away1)" open "in another network namespace one is"
	ok "isolate again" hostiso isolate
	like "$(frame xdp)" '^refused' "still refused"
	ok "an audit" hostiso isolate --audit
	is "$(frame xdp)" open "refuses nothing"
	like "$(hostiso status || true)" 'would drop +xdp-socket' "and counts"
	ok "isolate" hostiso isolate
	ok "isolate --dev" hostiso isolate --dev eth0
	is "$(frame xdp)" open "with --dev nothing is refused"
	like "$(hostiso status || true)" 'limit: AF_XDP' "and status says it"
	ok "release" hostiso release
	ok "isolate for a while" hostiso isolate --for "$((3 * ${HOSTISO_DEADLINE:-1}))s"
	like "$(frame xdp)" '^refused' "refused"
	sleep "$((3 * ${HOSTISO_DEADLINE:-1}))"
	is "$(frame xdp)" open "until the time is over"
	ok "isolate without end" hostiso isolate
	ok "release" hostiso release
	ok "isolate" hostiso isolate --allow 10.77.0.5
	rm "$HOSTISO_PIN_DIR/links/xsk_create"
	exits 3 "a program that is gone: status exits 3" hostiso status
	like "$output" 'AF_XDP sockets are refused no more' "and says it"
	watch_begin
	ok "watch puts it back" eventually $((5 * ${HOSTISO_DEADLINE:-1})) hostiso status
	watch_end
	like "$(frame xdp)" '^refused' "and it refuses"
else
	is "$(frame xdp)" open "one is to be had"
	like "$(hostiso status)" 'limit: AF_XDP sockets' "and status says that"
	like "$(hostiso verify || true)" 'af-xdp +not testable here: root can make' "and verify"
	ok "with --verbose isolate says why" hostiso isolate -v
	like "$output" 'AF_XDP sockets are not refused: ' "by name"
fi
ok "release" hostiso release
is "$(frame xdp)" open "opens"

# ---- one that was there before ----

for way in held polled; do
	hold "$way"
	is "$said" ready "a process has a socket with a device ($way)"
	exits 3 "isolate says that this is not all" hostiso isolate --allow 10.77.0.5
	like "$output" "process $holder \\(rawframe\\) has an AF_XDP socket" "and names the process"
	exits 3 "status exits 3" hostiso status
	like "$output" "process $holder \\(rawframe\\)" "and names it"
	let_go
	diag "sent by $way: $said"
	if [[ $refused == refused && $way == held ]]; then
		like "$said" '^refused sendto' "it may send no more"
	else
		is "$said" open "it still sends, as was said"
	fi
	ok "when it has ended, all is well" eventually 5 hostiso status
	ok "release" hostiso release
done
is "$(left_behind "$before_objects")" "" "no BPF object stays"
done_testing
