#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What belongs to a granted connection but carries no socket, or not the granted one: SYN-ACKs with
# cookies, time-wait, resets, ICMP errors, fragments.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/../../tools/lab/puppets.sh"

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

# Connections of the namespace in a state (02 SYN-SENT, 06 TIME-WAIT, 09 LAST-ACK) with a port.
in_state() { # HOST STATE PORT
	in_ns "$1" cat /proc/net/tcp /proc/net/tcp6 |
		awk -v state="$2" -v port="$(printf ':%04X' "$3")" '$4 == state && ($2 ~ port "$" || $3 ~ port "$")' | wc -l
}

count_state() { # HOST STATE PORT COUNT
	[[ $(in_state "$1" "$2" "$3") == "$4" ]]
}

puppet granted host
puppet other host
puppet outside attacker
hostiso isolate >/dev/null
hostiso allow --pid "${puppet_pid[granted]}" >/dev/null

# Time-wait: we close first, the socket becomes a stub, and only then the peer closes. Unless that is
# answered, the peer hangs in LAST-ACK.
tell outside listen tcp4 3000 s4
tell outside listen tcp6 3001 s6
for family in 4 6; do
	to=10.77.0.66 port=3000
	[[ $family == 4 ]] || to=fd00:77::66 port=3001
	meet outside accept s$family a$family -- granted tcp $to $port c
	is "$answer,$served" open,open "a connection to $to"
	tell granted close c
	ok "that we close waits here" eventually 3 count_state host '05' $port 1
	tell outside close a$family
	ok "for the peer to close too" eventually 3 count_state host '06' $port 1
	is "$(in_state attacker 09 $port)" 0 "whose end is acknowledged"
done

# The peer closes first.
tell granted listen tcp4 2000 l
meet granted accept l a -- outside tcp 10.77.0.1 2000 c
is "$answer,$served" open,open "a connection that we accepted"
tell outside close c
tell granted hear a
is "$answer" "shut closed" "its end comes through"
tell granted close a
ok "and it ends" eventually 3 count_state host 09 2000 0
ok "for both" eventually 3 count_state attacker 05 2000 0

# Resets, of theirs, of ours, and of the stack for a socket that is gone.
tell granted tcp 10.77.0.66 4444
is "$answer" "shut refused" "a port that nobody has refuses at once"
tell granted tcp fd00:77::66 4444
is "$answer" "shut refused" "IPv6 too"
meet granted accept l a -- outside tcp 10.77.0.1 2000 c
tell outside abort c
tell granted say a
like "$answer" '^shut (error (104|32)|closed)' "the peer's reset comes through"
tell granted close a
meet granted accept l a -- outside tcp 10.77.0.1 2000 c
tell granted abort a
tell outside say c
like "$answer" '^shut (error (104|32)|closed)' "ours goes out"
tell outside close c
meet granted accept l a -- outside tcp 10.77.0.1 2000 c
tell granted close a
tell outside say c
sleep 0.1
tell outside say c
like "$answer" '^shut error (104|32)$' "data for a socket that is gone is answered by a reset"
tell outside close c

# SYN cookies: the listening socket keeps nothing of who asked.
if in_ns host bash -c 'echo 2 >/proc/sys/net/ipv4/tcp_syncookies' 2>/dev/null; then
	meet granted accept l a -- outside tcp 10.77.0.1 2000 c
	is "$answer,$served" open,open "a connection by SYN cookies"
	meet granted hear a -- outside say c
	is "$answer,$served" open,open "lives"
	in_ns host bash -c 'echo 1 >/proc/sys/net/ipv4/tcp_syncookies'
else
	skip "a connection by SYN cookies" "this kernel has none"
fi

# ICMP errors: theirs about ours come in, and nobody else's.
tell granted udp 10.77.0.66 4444
is "$answer" "shut refused" "port unreachable reaches the granted process"
tell granted udp fd00:77::66 4444
is "$answer" "shut refused" "IPv6 too"
say_shut "another process's datagram did not even go" other udp 10.77.0.66 4444
for to in 10.78.0.2 fd00:78::2; do
	say_open "a connection through a router to $to" granted tcp $to 7 c
	say_open "is told of the narrow way behind it" granted say c '*60000'
	tell granted close c
done

# Fragments, out and in.
for to in 10.77.0.66 fd00:77::66; do
	tell granted udp $to 7 u
	say_open "a datagram to $to in fragments, and its echo" granted say u '*8000'
	tell other udp $to 7 u
	say_shut "another process's are blocked" other say u '*8000'
done
is "$(json '[.counters[] | select(.reason == "granted")] | length' status)" 2 "granted packets are counted, both ways"

# Closed connections are remembered in a table that only granted sockets fill; full is blocked, and said.
map=$(ls "$HOSTISO_PIN_DIR/maps/grant_flows")
is "$(json .grant_flows_lost status)" 0 "nothing was lost so far"
perl -e '
	my $flow = join " ", ("7f") x 56;
	print "map update pinned $ARGV[0] key ", join(" ", unpack "C4", pack "V", $_), " value hex 00 00 00 00 00 00 00 00 ",
		join(" ", ($flow) x 4), "\n" for 0 .. 4095' "$map" >"$scratch/full"
ok "the table is filled" bpftool batch file "$scratch/full"
say_open "a connection" granted tcp 10.77.0.66 7 c
tell granted close c
ok "that finds no room when it ends is counted" eventually 3 bash -c "[[ \$('$build/hostiso' status --json --pin-dir '$HOSTISO_PIN_DIR' | jq .grant_flows_lost) -gt 0 ]]"
like "$(hostiso status || true)" 'full: [0-9]+ closing connections' "and status says so"

# So are processes.
puppet tree host
puppet bystander host
ok "a tree is granted" hostiso allow --pid "${puppet_pid[tree]}" --tree
say_open "with a child" tree fork tcp 10.77.0.66 7
perl -e '
	print "map update pinned $ARGV[0] key ", join(" ", unpack "C4", pack "V", 0x7f000000 + $_), " value hex ",
		join(" ", ("00") x 32), "\n" for 0 .. 8189' "$HOSTISO_PIN_DIR/maps/granted_tasks" >"$scratch/full"
bpftool batch file "$scratch/full" >/dev/null 2>&1 || true
say_shut "with the table of processes full, a child gets nothing" tree fork tcp 10.77.0.66 7
say_open "the granted ones keep what they have" tree tcp 10.77.0.66 7
is "$(json '.grant_tasks_lost > 0' status)" true "and status counts it"
exits 2 "another grant is refused" hostiso allow --pid "${puppet_pid[bystander]}"
like "$output" 'too many granted processes' "in words"
say_open "which changes nothing" tree tcp 10.77.0.66 7
ok "deny clears the table up" hostiso deny --pid "${puppet_pid[granted]}"
say_open "and children are granted again" tree fork tcp 10.77.0.66 7

ok "release" hostiso release
is "$(kernel_state host)" "$before" "release leaves the devices as they were"
done_testing
