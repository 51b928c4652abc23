#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# timeout: 300
# The nftables backstop: a device that comes later is shut from its first packet, with nobody there;
# frames that a process writes past tc are shut; somebody else's reload shows.
. "$(dirname "$0")/lib.sh"

# A second host behind a device of its own, 10.78.0.2: as far as addresses go, an allowed peer.
lab_default
lab_ns far
allow=(--allow 10.77.0.5 --allow fd00:77::5 --allow 10.78.0.2 --allow fd00:78::2)
read -ra probes <<<"host,udp,10.78.0.2,7 host,tcp,10.78.0.2,7 host,icmp,10.78.0.2 host,udp,fd00:78::2,7 host,icmp,fd00:78::2"
read -ra back <<<"far,udp,10.78.0.1,7 far,icmp,10.78.0.1 far,tcp,fd00:78::1,7 far,icmp,fd00:78::1"

address() { # DEVICE
	ip -n "$(ns host)" link set "$1" up
	ip -n "$(ns host)" addr replace 10.78.0.1/24 dev "$1"
	ip -n "$(ns host)" addr replace fd00:78::1/64 dev "$1" nodad
}
appear() { # DEVICE: its far end is late1
	lab_cable host "$1" far late1
	ip -n "$(ns far)" addr add 10.78.0.2/24 dev late1
	ip -n "$(ns far)" addr add 10.78.0.66/24 dev late1
	ip -n "$(ns far)" addr add fd00:78::2/64 dev late1 nodad
	address "$1"
}
away_and_back() {
	ip -n "$(ns host)" link set late0 netns "$(ns far)"
	ip -n "$(ns far)" link set late0 netns "$(ns host)"
	address late0
}
arrived() { # packets that far has got
	ip -j -s -n "$(ns far)" link show late1 | jq '.[0].stats64.rx.packets'
}
index_of() { # DEVICE
	ip -j -n "$(ns host)" link show "$1" | jq '.[0].ifindex'
}
guarded_now() {
	json '.backstop.guarded | sort | map(tostring) | join(" ")' status | tr -d '"'
}
shut_whole() { # DESCRIPTION
	ok_shut "$1" "${probes[@]}" "${back[@]}"
}
# Nothing is looked at before a deadline that may be over by then: what is in force is asked with an
# hour to go, which is then cut down to a second.
timed() { # has our table an end, as the kernel lists it?
	in_ns host nft list set inet hostiso armed | grep -c expires || true
}
serve -t 7 -u 7 far
before=$(kernel_state host)
appear late0
ok_open "before: the far host is reached" "${probes[@]}" "${back[@]}"
ip -n "$(ns host)" link del late0

# ---- nobody watches ----

ok "isolate" hostiso isolate "${allow[@]}"
ok "status calls it whole" hostiso status
like "$output" 'backstop: present' "and tells of the backstop"
is "$(guarded_now)" "$(index_of eth0)" "which guards the one device there is"
appear late0
shut_whole "a device that is created: shut, allowed peers too"
is "$(arrived)" 0 "not one packet left through it"
ok_open "the others go on" host-peer peer-host
exits 3 "status exits 3" hostiso status
like "$output" 'late0: no program of ours .*shut by the nftables backstop' "says that it is shut"
like "$output" 'dropped +unguarded' "and what was dropped"

ip -n "$(ns host)" link set late0 down
ip -n "$(ns host)" link set late0 name late9
address late9
shut_whole "renamed: shut"
ip -n "$(ns host)" link del late9
ip -n "$(ns far)" link add late0 type veth peer name late1
ip -n "$(ns far)" link set late1 up
ip -n "$(ns far)" addr add 10.78.0.2/24 dev late1
ip -n "$(ns far)" addr add 10.78.0.66/24 dev late1
ip -n "$(ns far)" addr add fd00:78::2/64 dev late1 nodad
ip -n "$(ns far)" link set late0 netns "$(ns host)"
address late0
shut_whole "moved in from another namespace: shut"
is "$(arrived)" 0 "from its first packet"

ok "isolate again guards it" hostiso isolate
ok "status calls it whole" hostiso status
ok_open "and lets the allowed peer behind it through" "${probes[@]}" "${back[@]}"
is "$(guarded_now)" "$(printf '%s\n' "$(index_of eth0)" "$(index_of late0)" | sort -n | xargs)" "both are guarded"
away_and_back
if hostiso status >/dev/null; then
	ok_shut "sent away and brought back: its programs came with it" host,udp,10.78.0.66,7
	ok_open "and judge as before" "${probes[@]}" "${back[@]}"
else
	like "$(hostiso status || true)" 'late0: no program of ours' "sent away and brought back without its programs: status says so"
fi
ip -n "$(ns host)" link del late0
appear late0
ok "isolate by clsact" hostiso isolate --tc clsact
away_and_back
exits 3 "sent away and brought back without its filters: status exits 3" hostiso status
like "$output" 'late0: no program of ours' "and names it"
ok "isolate puts them back" hostiso isolate
ok "status calls it whole" hostiso status
ok_shut "and cuts" host,udp,10.78.0.66,7
ip -n "$(ns host)" link del late0

# ---- frames that a process writes itself ----

frame() { # WAY HOST
	"$build/tests/helpers/rawframe" "$1" "$(ns host)" eth0 "$(ns switch)" host "$(addr4 "$2")"
}
is "$(frame packet attacker)" shut "AF_PACKET to the attacker: shut"
is "$(frame packet peer)" open "and to the allowed peer open"
is "$(frame offload peer)" open "also when the device is to write its checksum"
forged=$(frame forged peer) told=''
[[ $(hostiso status) != *'leave their checksum'* ]] || told=told
if [[ $(cat /sys/kernel/security/lockdown 2>/dev/null) == *'[confidentiality]'* ]]; then
	is "$forged,$told" open,told "onto the destination address, too, which status says"
else
	is "$forged,$told" shut, "but not onto the destination address, and status tells of no limit"
fi
if [[ $(json '.backstop.limits | join(" ")' status) == *PACKET_QDISC_BYPASS* ]]; then
	skip "past the queues too" "this kernel has no nftables egress hook, and status says it"
	skip "and to the allowed peer open" "the same"
else
	is "$(frame bypass attacker)" shut "past the queues too (PACKET_QDISC_BYPASS)"
	is "$(frame bypass peer)" open "and to the allowed peer open"
	ok "deny reaches the backstop" hostiso deny 10.77.0.5
	is "$(frame bypass peer)" shut "and shuts them"
	ok "allow" hostiso allow 10.77.0.5
	is "$(frame bypass peer)" open "opens them"
fi
found=$(frame xdp attacker)
case $found in
open) like "$(json '.backstop.limits | join(" ")' status)" AF_XDP "AF_XDP sends past everything, and status says it" ;;
*) is "${found%% *}" refused "AF_XDP: $found" ;;
esac
unlike "$(frame zerocopy attacker)" open "AF_XDP without copying: not on this device"
heard() { # the attacker's frames, by a packet socket of the host, whatever becomes of them
	"$build/tests/helpers/rawframe" packet "$(ns attacker)" eth0 "$(ns host)" eth0 "$(addr4 host)"
}
is "$(heard)" shut "packet sockets hear nothing where XDP drops it"
unlike "$(hostiso status)" 'limit: packet sockets' "and status tells of no limit"
ok "isolate --xdp off" hostiso isolate --xdp off
is "$(heard)" open "without XDP they do"
like "$(hostiso status)" 'limit: packet sockets' "and status says that"
ok "isolate with XDP again" hostiso isolate

# ---- it is there, whole, and ends with the isolation ----

in_ns host nft flush ruleset
exits 3 "somebody else's flush ruleset shows" hostiso status
like "$output" 'backstop is gone' "by name"
ok "isolate puts it back" hostiso isolate
ok "status calls it whole" hostiso status
handle=$(in_ns host timeout 10 nft -a list chain inet hostiso output | sed -nE 's/.*goto .*handle ([0-9]+)/\1/p')
in_ns host nft delete rule inet hostiso output handle "$handle"
exits 3 "a rule that was taken out shows" hostiso status
like "$output" 'backstop was altered' "by name"
ok "isolate --audit mends it, too" hostiso isolate --audit
appear late0
ok_open "an audit drops nothing on a device that comes" "${probes[@]}" "${back[@]}"
like "$(hostiso status || true)" 'would drop +unguarded' "and counts it"
ip -n "$(ns host)" link del late0
ok "isolate --for" hostiso isolate --for 1h
appear late0
ok_shut "a device that comes: shut" host,icmp,10.78.0.2 host,udp,10.78.0.2,7
ip -n "$(ns host)" link del late0
isolate_for_a_moment
appear late0
sleep 1.1
ok_open "open when the time is over, with nobody there" "${probes[@]}" "${back[@]}"
ok "isolate --confirm" hostiso isolate --confirm 1h
is "$(timed)" 1 "the backstop has an end"
ok "confirm" hostiso confirm
is "$(timed)" 0 "confirmed, it has none"
ip -n "$(ns host)" link del late0
appear late0
shut_whole "and stays"
ok "release" hostiso release
ok_open "opens all" "${probes[@]}" "${back[@]}" host-attacker
ok "isolate --dev" hostiso isolate --dev eth0 "${allow[@]}"
ok_open "leaves other devices open" "${probes[@]}" "${back[@]}"
ok_shut "and shuts that one" host-attacker attacker-host
ok "release" hostiso release
ip -n "$(ns host)" link del late0

# ---- somebody watches ----

watch_begin
ok "isolate" hostiso isolate "${allow[@]}"
ok "watch has begun" eventually 60 grep -q watching "$scratch/watch"
appear late0
came=$(now)
ok "takes a new device over" eventually 60 hostiso status
diag "after at most $((($(now) - came) / 1000)) ms"
ok_open "which then lets the allowed peer through" "${probes[@]}" "${back[@]}"
old=$(index_of late0)
ip -n "$(ns host)" link set late0 netns "$(ns far)"
gone() { # INDEX
	[[ " $(guarded_now) " != *" $1 "* ]]
}
ok "one that leaves is guarded no more" eventually 60 gone "$old"
ip -n "$(ns far)" link set late0 netns "$(ns host)"
address late0
ok "one that comes back is taken over" eventually 60 hostiso status
ok_open "and lets the allowed peer through" "${probes[@]}"
ip -n "$(ns host)" link del late0
in_ns host nft flush ruleset
ok "a backstop that was flushed is put back" eventually 60 hostiso status
watch_end
appear late0
shut_whole "without it a new device is shut, as before"
ip -n "$(ns host)" link del late0
ok "release" hostiso release
is "$(kernel_state host)" "$before" "leaves no trace"
done_testing
