# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# Sockets that change hands, that speak IPv4 as IPv6, or that send with their SYN. Read by grants.sh.
# shellcheck disable=SC2154 # answer, served, puppet_pid
part sockets || return 0

hand_on() { # FROM ID TO NEW
	meet "$3" take "$scratch/$1-$2-$3" "$4" -- "$1" give "$2" "$scratch/$1-$2-$3"
	is "$answer,$served" "done,done" "$1 hands a socket to $3"
}

ok "allow --pid" hostiso allow --pid "${puppet_pid[granted]}"

# Who made or used it, it stays granted by.
tell granted socket tcp4 made
hand_on granted made other given
say_open "a granted process's socket is granted in other hands" other connect given 10.77.0.66 7
tell other socket tcp4 mine
tell other socket udp4 sends
tell other socket udp4 keeps
hand_on other mine granted mine
hand_on other sends granted sends
hand_on other keeps granted keeps
say_shut "another's is not, by being in granted hands" other connect mine 10.77.0.66 7
say_open "once a granted process sends with it, it is" granted to 10.77.0.66 7 sends
say_open "for both" other to 10.77.0.66 7 sends
say_shut "which says nothing of the next" other to 10.77.0.66 7 keeps

# TCP Fast Open, without cookies and on every socket that listens from now on (ip-sysctl: 0x1 and 0x2, 0x4, 0x200, 0x400).
for name in host attacker; do
	in_ns "$name" bash -c 'echo 0x607 >/proc/sys/net/ipv4/tcp_fastopen'
done

# IPv4 through an IPv6 socket.
say_each_open "IPv4 by IPv6 sockets" granted tcp ::ffff:10.77.0.66 7 / udp ::ffff:10.77.0.66 7
say_each_shut "another process's are not granted" other tcp ::ffff:10.77.0.66 7 / udp ::ffff:10.77.0.66 7
tell granted socket udp6 u
say_open "unconnected ones, too" granted to ::ffff:10.77.0.66 7 u
tell granted listen tcp6 2100 l
meet granted accept l a -- outside tcp 10.77.0.1 2100
is "$answer,$served" open,open "and what they accept"
tell granted bind udp6 2100 u
meet granted hear u -- outside udp 10.77.0.1 2100
is "$answer,$served" open,open "and hear"

# TCP Fast Open.
fast_opens() { # HOST: how many its listening sockets took
	in_ns "$1" awk '$1 == "TcpExt:" && !n { n = split($0, name); next }
		$1 == "TcpExt:" { for (i = 1; i <= n; i++) if (name[i] == "TCPFastOpenPassive") print $i }' /proc/net/netstat
}
tell other listen tcp4 2101 l
tell outside listen tcp4 3100 l
meet outside accept l a -- granted fast 10.77.0.66 3100
is "$answer,$served" open,open "a connection that begins with data"
meet granted accept l a -- outside fast 10.77.0.1 2100
is "$answer,$served" open,open "the same, accepted"
is "$(fast_opens attacker),$(fast_opens host)" 1,1 "both by TCP Fast Open"
say_shut "another process's does not leave" other fast 10.77.0.66 3100
meet other accept l a -- outside fast 10.77.0.1 2101
all_shut "$answer,$served" "nor arrive"
is "$(fast_opens attacker),$(fast_opens host)" 1,1 "and no byte of it"
for name in host attacker; do
	in_ns "$name" bash -c 'echo 1 >/proc/sys/net/ipv4/tcp_fastopen'
done
tell other close l
ok "deny --pid" hostiso deny --pid "${puppet_pid[granted]}"
say_shut "which is for the socket in other hands, too" other say given
