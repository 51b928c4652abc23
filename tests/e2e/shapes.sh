#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# timeout: 300
# Devices of all shapes: on each the allowed peer behind it is reached, nobody else, in both directions.
# All of them are there at once, and isolated once.
. "$(dirname "$0")/lib.sh"

# host and far on a cable for each shape, uN on both ends; on top of it the shape, sN. On the shape's
# device lie 10.80.N.1 and fd00:80:N::1 of the host, and .2 (allowed) and .3 (not) of far.
lab_ns host far box
host=$(ns host) far=$(ns far)
in_ns host bash -c 'for f in /proc/sys/net/bridge/bridge-nf-call-*; do [[ ! -e $f ]] || echo 0 >"$f"; done'
shapes=() devices=() allow=() n=0

# A shape that this kernel may not have: its commands of host and, if they are others, of far, with
# UP and SH for the devices; or the skip.
made() { # SHAPE COMMAND-OF-HOST [COMMAND-OF-FAR]
	local of_host=$2 of_far=${3:-$2}
	n=$((n + 1))
	lab_cable host "u$n" far "u$n"
	of_host=${of_host//UP/u$n} of_far=${of_far//UP/u$n}
	if in_ns host bash -c "${of_host//SH/s$n}" 2>"$scratch/why" && in_ns far bash -c "${of_far//SH/s$n}" 2>"$scratch/why"; then
		return 0
	fi
	skip "$1" "not on this kernel: $(tail -n1 "$scratch/why")"
	ip -n "$host" link del "u$n"
	return 1
}
addresses() { # SHAPE [DEVICE-OF-HOST DEVICE-OF-FAR]
	local at=${2:-s$n} there=${3:-s$n}
	ip -n "$host" -batch - <<-END
		link set $at up
		addr add 10.80.$n.1/24 dev $at
		addr add fd00:80:$n::1/64 dev $at nodad
	END
	ip -n "$far" -batch - <<-END
		link set $there up
		addr add 10.80.$n.2/24 dev $there
		addr add 10.80.$n.3/24 dev $there
		addr add fd00:80:$n::2/64 dev $there nodad
		addr add fd00:80:$n::3/64 dev $there nodad preferred_lft 0
	END
	shapes[n]=$1 devices[n]=$at
	allow+=(--allow "10.80.$n.2" --allow "fd00:80:$n::2")
}
# Their probes, in $good and $bad.
probes_of() { # N
	local a=10.80.$1 b=fd00:80:$1:
	good=("host,udp,$a.2,7" "host,tcp,$a.2,7" "host,icmp,$a.2" "host,udp,$b:2,7" "far,udp,$a.1,7" "far,icmp,$b:1")
	bad=("host,udp,$a.3,7" "host,tcp,$a.3,7" "host,icmp,$a.3" "host,udp,$b:3,7" "host,icmp,$b:3")
}
# Asks for all of them at once; what was answered to a probe is ${answer[PROBE]}. The longest that an
# answer took is $longest ms.
declare -A answer
longest=0
ask() { # MILLISECONDS good|bad...
	local i list=() word how probe wait=$1
	shift
	for i in "${!shapes[@]}"; do
		probes_of "$i"
		[[ $* == bad ]] || list+=("${good[@]}")
		[[ $* == good ]] || list+=("${bad[@]}")
	done
	while read -r word how probe; do
		answer[$probe]="$word $how"
		how=${how%.*}
		[[ $word != open ]] || ((how <= longest)) || longest=$how
	done < <(reach -w "$wait" "${list[@]}")
}
were() { # DESCRIPTION open|shut PROBE...
	local text=$1 want='^open' probe wrong=()
	[[ $2 == open ]] || want='^shut (timeout|EPERM|unreachable)$'
	shift 2
	for probe; do
		[[ ${answer[$probe]:-} =~ $want ]] || wrong+=("$probe: ${answer[$probe]:-}")
	done
	report "$((${#wrong[@]} > 0))" "$text"
	[[ ! ${wrong[*]} ]] || diag "${wrong[@]}"
}

# ---- the shapes ----

made veth true && addresses veth "u$n" "u$n"
made "802.1Q" "ip link add link UP name SH type vlan id 5" && addresses "802.1Q"
made "802.1Q, tags in the frame" "ip link add link UP name SH type vlan id 5 && ethtool -K UP txvlan off rxvlan off" &&
	addresses "802.1Q, tags in the frame"
made QinQ "ip link add link UP name qUP type vlan proto 802.1ad id 5 && ip link set qUP up && ip link add link qUP name SH type vlan id 6" &&
	addresses QinQ
made macvlan "ip link add link UP name SH type macvlan mode bridge" && addresses macvlan
made bridge "ip link add SH type bridge mcast_snooping 0 && ip link set UP master SH" true && addresses "bridge and its port" "s$n" "u$n"
if made vxlan "ip addr add 10.79.1.1/24 dev UP && ip link add SH type vxlan id 7 remote 10.79.1.2 dstport 4789 dev UP" \
	"ip addr add 10.79.1.2/24 dev UP && ip link add SH type vxlan id 7 remote 10.79.1.1 dstport 4789 dev UP"; then
	addresses vxlan
	vxlan=$n
	allow+=(--allow 10.79.1.2)
fi
made bond "ip link add SH type bond mode active-backup && ip link set UP down && ip link set UP master SH" true && addresses bond "s$n" "u$n"
if made WireGuard "ip link add SH type wireguard && ip addr add 10.79.2.1/24 dev UP" "ip link add SH type wireguard && ip addr add 10.79.2.2/24 dev UP"; then
	key0=$(in_ns host "$build/tests/helpers/wgset" "s$n" 51820)
	key1=$(in_ns far "$build/tests/helpers/wgset" "s$n" 51820)
	in_ns host "$build/tests/helpers/wgset" "s$n" "$key1" 10.79.2.2 51820
	in_ns far "$build/tests/helpers/wgset" "s$n" "$key0" 10.79.2.1 51820
	addresses WireGuard
	allow+=(--allow 10.79.2.2)
	if ! eventually $((5 * ${HOSTISO_DEADLINE:-1})) in_ns host ping -q -c 1 -W 1 "10.80.$n.2" >/dev/null; then
		skip WireGuard "the two ends do not find each other here"
		diag "$(ip -s -n "$host" link show "s$n")" "$(ip -s -n "$far" link show "s$n")" "$(ip -s -n "$host" link show "u$n")"
		unset "shapes[n]"
	fi
fi

# tun and tap: packets of a process. A tun may be given any link type: its packets begin with IP all
# the same, as a ppp device's do (512; no kernel of vm/ has ppp itself). Read as Ethernet (1), all of
# them would look strange.
pair() { # KIND LINK-TYPE: sN and sN, and what carries packets from one to the other
	n=$((n + 1))
	if [[ $2 ]]; then
		in_ns host "$build/tests/helpers/tuntype" "s$n" "$2" && in_ns far "$build/tests/helpers/tuntype" "s$n" "$2" || return 1
	fi
	in_ns host socat "UNIX-RECV:$scratch/$n.host!!UNIX-SENDTO:$scratch/$n.far" "TUN,tun-name=s$n,tun-type=$1,iff-no-pi" 2>"$scratch/why" &
	helpers+=($!)
	in_ns far socat "UNIX-RECV:$scratch/$n.far!!UNIX-SENDTO:$scratch/$n.host" "TUN,tun-name=s$n,tun-type=$1,iff-no-pi" 2>"$scratch/why" &
	helpers+=($!)
	eventually 3 ip -n "$host" link show "s$n" >/dev/null 2>&1 && eventually 3 ip -n "$far" link show "s$n" >/dev/null 2>&1 &&
		eventually 3 test -S "$scratch/$n.host" && eventually 3 test -S "$scratch/$n.far"
}
for shape in tun tap "tun of link type 1" "tun of link type 512"; do
	type=${shape##*[a-z ]}
	if ! command -v socat >/dev/null || [[ ! -c /dev/net/tun ]]; then
		skip "$shape" "no socat or no /dev/net/tun here"
	elif pair "${shape%% *}" "$type"; then
		addresses "$shape"
	else
		skip "$shape" "no such device here: $(tail -n1 "$scratch/why")"
	fi
done
made "jumbo frames" "ip link set UP mtu 9000" && addresses "jumbo frames" "u$n" "u$n"
jumbo=$n
large() { # ADDRESS
	in_ns host ping -q -c 1 -W 1 -M "do" -s 8000 "$1" >/dev/null
}

# A container behind the host, which reaches far by the first cable.
lab_cable host box0 box eth0
ip -n "$host" addr add 10.81.0.1/24 dev box0
ip -n "$(ns box)" addr add 10.81.0.2/24 dev eth0
ip -n "$(ns box)" route add default via 10.81.0.1
ip -n "$far" route add 10.81.0.0/24 via 10.80.1.1
in_ns host bash -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
read -ra through <<<"box,udp,10.80.1.2,7 box,tcp,10.80.1.2,7 far,udp,10.81.0.2,7"
read -ra elsewhere <<<"box,udp,10.80.1.3,7 box,tcp,10.80.1.3,7"

# ---- before, and isolated ----

serve -t 7 -u 7 host far box
ask 20000 good bad
for i in "${!shapes[@]}"; do
	probes_of "$i"
	were "${shapes[i]}: before, all are reached" open "${good[@]}" "${bad[@]}"
done
ok "jumbo frames: before" large "10.80.$jumbo.3"
ok_open "a container behind the host: before" "${through[@]}" "${elsewhere[@]}"

ok "isolate" hostiso isolate "${allow[@]}"
ok "status calls it whole" hostiso status
ask 20000 good
ask $((2 * longest + 300)) bad # a busy machine answers late
for i in "${!shapes[@]}"; do
	probes_of "$i"
	were "${shapes[i]}: the allowed peer is reached and reaches us" open "${good[@]}"
	were "${shapes[i]}: nobody else is" shut "${bad[@]}"
done
verified=$(json '[.probes[] | select(.probe | test("tcp|udp|icmp|fragment|ipv6|ethertype")) | .device + " " + .result + ";"] | unique | add' verify)
for i in "${!shapes[@]}"; do
	like "$verified" "${devices[i]} shut;" "${shapes[i]}: verify has tried it"
	unlike "$verified" "(${devices[i]}|u$i) open;" "${shapes[i]}: and finds nothing open"
done

ok "jumbo frames to the allowed peer pass" large "10.80.$jumbo.2"
exits 1 "and to nobody else" large "10.80.$jumbo.3"
head -c 3000000 /dev/urandom >"$scratch/sent"
if command -v socat >/dev/null; then
	in_ns far timeout 60 socat -u TCP-LISTEN:900,reuseaddr "OPEN:$scratch/got,creat,trunc" &
	helpers+=($!)
	listening() {
		in_ns far cat /proc/net/tcp | grep -q ':0384 .* 0A '
	}
	eventually 20 listening
	ok "3 MB to the allowed peer, in large segments" in_ns host timeout 60 socat -u "OPEN:$scratch/sent" "TCP:10.80.$jumbo.2:900"
	ok "arrive as they were" eventually 20 cmp -s "$scratch/sent" "$scratch/got"
else
	skip "3 MB to the allowed peer" "no socat here"
fi

# ---- containers: forwarded traffic meets the programs of both devices ----

ok_shut "a container's traffic is cut, allowed peers' too: it is not allowed itself" "${through[@]}" "${elsewhere[@]}"
ok "allow the container" hostiso allow 10.81.0.2
ok_open "lets it and the allowed peer meet" "${through[@]}"
ok_shut "and nobody else" "${elsewhere[@]}"
if [[ ${vxlan:-} ]]; then
	ok "vxlan: deny its far end" hostiso deny 10.79.1.2
	probes_of "$vxlan"
	ok_shut "then nobody is reached through it" "${good[@]}" "${bad[@]}"
fi
ok "release" hostiso release
done_testing
