#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# timeout: 300
# Process grants, in one lab that is isolated once. Each file below makes its own processes (tests/helpers/puppet)
# and ends its own grants. HOSTISO_GRANTS="pid tree" runs these alone.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/../../tools/lab/puppets.sh"

part() { # NAME
	[[ " ${HOSTISO_GRANTS:-$1} " == *" $1 "* ]]
}

lab_default
# Behind the name server, a network with a narrow way to it. Its host sends nothing too wide for that
# (veth drops such frames without a word), but does not tell us so in its SYN-ACK.
lab_ns far
lab_cable dns eth1 far eth0
ip -n "$(ns dns)" link set eth1 mtu 1280
ip -n "$(ns dns)" addr add 10.78.0.1/24 dev eth1
ip -n "$(ns dns)" addr add fd00:78::1/64 dev eth1 nodad
ip -n "$(ns far)" addr add 10.78.0.2/24 dev eth0
ip -n "$(ns far)" addr add fd00:78::2/64 dev eth0 nodad
ip -n "$(ns far)" route add default via 10.78.0.1 mtu 1280 advmss 1460
ip -n "$(ns far)" route add default via fd00:78::1 mtu 1280 advmss 1440
in_ns dns bash -c 'echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
ip -n "$(ns host)" route add 10.78.0.0/24 via 10.77.0.53
ip -n "$(ns host)" route add fd00:78::/64 via fd00:77::53
serve -t 7 -u 7 far
before=$(kernel_state host)
puppet granted host
puppet other host
puppet outside attacker
ok "isolate" hostiso isolate

. "$(dirname "$0")/grant-pid.sh"
. "$(dirname "$0")/grant-sockets.sh"
. "$(dirname "$0")/grant-shared.sh"
. "$(dirname "$0")/grant-tree.sh"
. "$(dirname "$0")/grant-cgroup.sh"
. "$(dirname "$0")/grant-stack.sh"

is "$(json length list)" 0 "list has no grant in the end"
is "$(find "$HOSTISO_PIN_DIR/links" -name 'grant_*')" "" "and no hook is left attached"
ok "release" hostiso release
is "$(kernel_state host)" "$before" "release leaves the devices as they were"
ok "and no pin folder" [ ! -e "$HOSTISO_PIN_DIR" ]
done_testing
