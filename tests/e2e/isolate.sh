#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# alone: it counts the BPF objects of the whole machine
# isolate cuts everybody but the allowed off, both families, both ways; release leaves no trace.
. "$(dirname "$0")/lib.sh"

link_local() { # HOST
	ip -n "$(ns "$1")" -6 -o addr show dev eth0 scope link | sed -E 's/.*inet6 ([^/]+).*/\1/'
}

lab_default
before=$(kernel_state host)
objects=$(bpf_objects)
all=(host-attacker attacker-host host-dns dns-host)
ok_open "before: everybody reaches everybody" "${all[@]}" host-peer peer-host \
	"host,icmp,$(link_local attacker)%eth0" "host,tcp,$(link_local dns)%eth0,7"
exits 3 "status of a host that is not isolated exits 3" hostiso status

ok "isolate" hostiso isolate --allow 10.77.0.5 --allow fd00:77::5
ok_open "the allowed peer is reached and reaches us" host-peer peer-host
ok_shut "nobody else, in neither direction" "${all[@]}"
ok_shut "port 53 is a port like any other" host,udp,10.77.0.53,53 host,tcp,10.77.0.53,53 \
	attacker,udp,10.77.0.1,7,53 attacker,udp,fd00:77::1,7,53 host,udp,10.77.0.66,7,53 host,udp,10.77.0.66,53,68
ok_shut "nor by their link-local addresses" "host,icmp,$(link_local attacker)%eth0" "host,tcp,$(link_local dns)%eth0,7"
ok_open "loopback is never touched" host,tcp,127.0.0.1,7 host,udp,::1,7 host,icmp,::1 host-host
ok "status of an isolated host exits 0" hostiso status

in_ns host ip neigh flush all
in_ns peer ip neigh flush all
ok_open "ARP and neighbour discovery still work from nothing" host-peer peer-host

ok "isolate again is no error" hostiso isolate --allow 10.77.0.5 --allow fd00:77::5
is "$(host_state)" isolated "and changes nothing"
ok "isolate again with another peer" hostiso isolate --allow 10.77.0.53
ok_open "lets that peer through" host,tcp,10.77.0.53,7 dns,udp,10.77.0.1,7
ok_shut "by that address only" host,tcp,fd00:77::53,7 dns,udp,fd00:77::1,7

ok "release" hostiso release
ok_open "everybody is reached again" "${all[@]}" host-peer peer-host
is "$(kernel_state host)" "$before" "the kernel lists what it listed before"
ok "release again is no error" hostiso release
is "$(kernel_state host)" "$before" "and leaves no trace either"

ok "isolate with nobody allowed" hostiso isolate
ok_shut "cuts everybody off" "${all[@]}" host-peer peer-host
ok "unisolate is the same verb as release" hostiso unisolate
is "$(host_state)" open "and opens the host"

# `ip netns exec` gives each command a /sys of its own, which goes with it.
exec_host() {
	in_ns host ip netns exec "$(ns host)" "$HOSTISO" "$@"
}
ok "isolate below ip netns exec" exec_host isolate --allow 10.77.0.5 --allow fd00:77::5
is "$(host_state)" isolated "outlives the command"
ok "status below ip netns exec" exec_host status
ok "status below nsenter sees the same" hostiso status
ok "allow below ip netns exec" exec_host allow 10.77.0.66 fd00:77::66
ok_open "reaches the same maps" host-attacker attacker-host
ok "release below ip netns exec" exec_host release
is "$(host_state)" open "opens the host"
is "$(kernel_state host)" "$before" "and leaves no trace"
is "$(left_behind "$objects")" "" "no program, map or link is left in the kernel"
done_testing
