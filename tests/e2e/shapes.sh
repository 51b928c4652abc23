#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# timeout: 500
# Devices of all shapes: on each the allowed peer behind it is reached, nobody else, in both directions.
. "$(dirname "$0")/lib.sh"

# host and far on one cable, up0 and up1; on top of it the shape, sh0 and sh1, with the addresses.
lab_ns host far
host=$(ns host) far=$(ns far)
read -ra good <<<"host,udp,10.80.0.2,7 host,tcp,10.80.0.2,7 host,icmp,10.80.0.2 host,udp,fd00:80::2,7 far,udp,10.80.0.1,7 far,icmp,fd00:80::1"
read -ra bad <<<"host,udp,10.80.0.3,7 host,tcp,10.80.0.3,7 host,icmp,10.80.0.3 host,udp,fd00:80::3,7 host,icmp,fd00:80::3"
allow=(--allow 10.80.0.2 --allow fd00:80::2)
serve -t 7 -u 7 host far

cable() {
	lab_cable host up0 far up1
}
addresses() { # DEVICE-OF-HOST DEVICE-OF-FAR
	ip -n "$host" link set "$1" up
	ip -n "$far" link set "$2" up
	ip -n "$host" addr add 10.80.0.1/24 dev "$1"
	ip -n "$host" addr add fd00:80::1/64 dev "$1" nodad
	ip -n "$far" addr add 10.80.0.2/24 dev "$2"
	ip -n "$far" addr add 10.80.0.3/24 dev "$2"
	ip -n "$far" addr add fd00:80::2/64 dev "$2" nodad
	ip -n "$far" addr add fd00:80::3/64 dev "$2" nodad preferred_lft 0
}
bare() { # takes all devices away again
	local name
	for name in sh0 br0 sq0 up0; do
		ip -n "$host" link del "$name" 2>/dev/null || true
	done
	ip -n "$far" link del sh1 2>/dev/null || true
	ip -n "$far" link del sq1 2>/dev/null || true
}
# Isolates what has been made, and looks at it from both sides.
judged() { # SHAPE [ISOLATE-OPTION...]
	local shape=$1
	shift
	ok_open "$shape: before, all are reached" "${good[@]}" "${bad[@]}"
	ok "$shape: isolate" hostiso isolate "${allow[@]}" "$@"
	ok_open "$shape: the allowed peer is reached and reaches us" "${good[@]}"
	ok_shut "$shape: nobody else is" "${bad[@]}"
	ok "$shape: status calls it whole" hostiso status
	unlike "$(hostiso verify || true)" "(tcp|udp|icmp|fragment|ipv6|ethertype) +OPEN" "$shape: verify finds nothing open"
	ok "$shape: release" hostiso release
	bare
}
# A shape that this kernel may not have: its commands, of host and of far, or the skip.
made() { # SHAPE COMMAND-OF-HOST COMMAND-OF-FAR
	cable
	if in_ns host bash -c "$2" 2>"$scratch/why" && in_ns far bash -c "$3" 2>"$scratch/why"; then
		return 0
	fi
	skip "$1" "not on this kernel: $(tail -n1 "$scratch/why")"
	bare
	return 1
}
over() { # the cable itself is no way, only the shape on it is
	addresses sh0 sh1
}

cable
addresses up0 up1
judged veth
if made "802.1Q" "ip link add link up0 name sh0 type vlan id 5" "ip link add link up1 name sh1 type vlan id 5"; then
	over
	judged "802.1Q"
fi
if made "802.1Q, tags in the frame" \
	"ip link add link up0 name sh0 type vlan id 5 && ethtool -K up0 txvlan off rxvlan off" \
	"ip link add link up1 name sh1 type vlan id 5 && ethtool -K up1 txvlan off rxvlan off"; then
	over
	judged "802.1Q, tags in the frame"
fi
if made "QinQ" \
	"ip link add link up0 name sq0 type vlan proto 802.1ad id 5 && ip link set sq0 up && ip link add link sq0 name sh0 type vlan id 6" \
	"ip link add link up1 name sq1 type vlan proto 802.1ad id 5 && ip link set sq1 up && ip link add link sq1 name sh1 type vlan id 6"; then
	over
	judged "QinQ"
fi
if made macvlan "ip link add link up0 name sh0 type macvlan mode bridge" "ip link add link up1 name sh1 type macvlan mode bridge"; then
	over
	judged macvlan
fi
if made bridge "ip link add br0 type bridge mcast_snooping 0 && ip link set up0 master br0" true; then
	in_ns host bash -c 'for f in /proc/sys/net/bridge/bridge-nf-call-*; do [[ ! -e $f ]] || echo 0 >"$f"; done'
	addresses br0 up1
	judged "bridge and its port"
fi
if made vxlan "ip addr add 10.79.0.1/24 dev up0 && ip link add sh0 type vxlan id 7 remote 10.79.0.2 dstport 4789 dev up0" \
	"ip addr add 10.79.0.2/24 dev up1 && ip link add sh1 type vxlan id 7 remote 10.79.0.1 dstport 4789 dev up1"; then
	over
	judged vxlan --allow 10.79.0.2
	cable
	ip -n "$host" addr add 10.79.0.1/24 dev up0
	ip -n "$host" link add sh0 type vxlan id 7 remote 10.79.0.2 dstport 4789 dev up0
	ip -n "$far" addr add 10.79.0.2/24 dev up1
	ip -n "$far" link add sh1 type vxlan id 7 remote 10.79.0.1 dstport 4789 dev up1
	over
	ok "vxlan: isolate without its far end" hostiso isolate "${allow[@]}"
	ok_shut "vxlan: then nobody is reached" "${good[@]}" "${bad[@]}"
	ok "release" hostiso release
	bare
fi
if made bond "ip link add sh0 type bond mode active-backup && ip link set up0 down && ip link set up0 master sh0" true; then
	addresses sh0 up1
	judged bond
fi
if made WireGuard "ip link add sh0 type wireguard" "ip link add sh1 type wireguard"; then
	ip -n "$host" addr add 10.79.0.1/24 dev up0
	ip -n "$far" addr add 10.79.0.2/24 dev up1
	ip -n "$host" link set up0 up
	ip -n "$far" link set up1 up
	key0=$(in_ns host "$build/tests/helpers/wgset" sh0 51820)
	key1=$(in_ns far "$build/tests/helpers/wgset" sh1 51820)
	in_ns host "$build/tests/helpers/wgset" sh0 "$key1" 10.79.0.2 51820
	in_ns far "$build/tests/helpers/wgset" sh1 "$key0" 10.79.0.1 51820
	over
	judged WireGuard --allow 10.79.0.2
fi
bare

# ---- tun and tap: packets of a process ----
if command -v socat >/dev/null && [[ -c /dev/net/tun ]]; then
	pair() { # KIND: sh0 and sh1, and what carries packets from one to the other
		in_ns host socat "UNIX-RECV:$scratch/$1.host!!UNIX-SENDTO:$scratch/$1.far" "TUN,tun-name=sh0,tun-type=${1%%-*},iff-no-pi" 2>"$scratch/why" &
		helpers+=($!)
		in_ns far socat "UNIX-RECV:$scratch/$1.far!!UNIX-SENDTO:$scratch/$1.host" "TUN,tun-name=sh1,tun-type=${1%%-*},iff-no-pi" 2>"$scratch/why" &
		helpers+=($!)
		eventually 3 ip -n "$host" link show sh0 >/dev/null 2>&1 && eventually 3 ip -n "$far" link show sh1 >/dev/null 2>&1 &&
			eventually 3 test -S "$scratch/$1.host" && eventually 3 test -S "$scratch/$1.far"
	}
	for kind in tun tap; do
		if pair "$kind"; then
			over
			judged "$kind"
		else
			skip "$kind" "no such device here: $(tail -n1 "$scratch/why")"
		fi
	done
	# A tun may be given any link type: its packets begin with IP all the same, as a ppp device's do
	# (512; no kernel of vm/ has ppp itself). Read as Ethernet (1), all of them would look strange.
	for type in 1 512; do
		if in_ns host "$build/tests/helpers/tuntype" sh0 "$type" && in_ns far "$build/tests/helpers/tuntype" sh1 "$type" && pair "tun-$type"; then
			over
			judged "tun of link type $type"
		else
			skip "tun of link type $type" "no such device here"
			bare
		fi
	done
else
	skip "tun and tap" "no socat or no /dev/net/tun here"
fi

# ---- large frames ----
cable
ip -n "$host" link set up0 mtu 9000
ip -n "$far" link set up1 mtu 9000
addresses up0 up1
large() { # ADDRESS
	in_ns host ping -q -c 1 -W 1 -M "do" -s 8000 "$1" >/dev/null
}
ok "jumbo frames: before" large 10.80.0.3
ok "isolate" hostiso isolate "${allow[@]}"
ok "jumbo frames to the allowed peer pass" large 10.80.0.2
exits 1 "and to nobody else" large 10.80.0.3
head -c 3000000 /dev/urandom >"$scratch/sent"
if command -v socat >/dev/null; then
	in_ns far timeout 20 socat -u TCP-LISTEN:900,reuseaddr "OPEN:$scratch/got,creat,trunc" &
	helpers+=($!)
	listening() {
		in_ns far cat /proc/net/tcp | grep -q ':0384 .* 0A '
	}
	eventually 5 listening
	ok "3 MB to the allowed peer, in large segments" in_ns host timeout 20 socat -u "OPEN:$scratch/sent" TCP:10.80.0.2:900
	ok "arrive as they were" eventually 5 cmp -s "$scratch/sent" "$scratch/got"
else
	skip "3 MB to the allowed peer" "no socat here"
fi
ok "release" hostiso release
bare

# ---- containers: forwarded traffic meets the programs of both devices ----
cable
addresses up0 up1
lab_ns box
lab_cable host box0 box eth0
ip -n "$host" addr add 10.81.0.1/24 dev box0
ip -n "$(ns box)" addr add 10.81.0.2/24 dev eth0
ip -n "$(ns box)" route add default via 10.81.0.1
ip -n "$far" route add 10.81.0.0/24 via 10.80.0.1
in_ns host bash -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
serve -t 7 -u 7 box
read -ra through <<<"box,udp,10.80.0.2,7 box,tcp,10.80.0.2,7 far,udp,10.81.0.2,7"
ok_open "a container behind the host: before" "${through[@]}" box,udp,10.80.0.3,7
ok "isolate" hostiso isolate "${allow[@]}"
ok_shut "its traffic is cut, allowed peers' too: it is not allowed itself" "${through[@]}" box,udp,10.80.0.3,7
ok "allow the container" hostiso allow 10.81.0.2
ok_open "lets it and the allowed peer meet" "${through[@]}"
ok_shut "and nobody else" box,udp,10.80.0.3,7 box,tcp,10.80.0.3,7
ok "release" hostiso release
done_testing
