# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# What belongs to a granted connection but carries no socket, or not the granted one: SYN-ACKs with
# cookies, time-wait, resets, ICMP errors, fragments. And full tables. Read by grants.sh.
# shellcheck disable=SC2154 # answer, served, output, puppet_pid
part stack || return 0

# Connections of the namespace in a state (02 SYN-SENT, 06 TIME-WAIT, 09 LAST-ACK) with a port.
in_state() { # HOST STATE PORT
	in_ns "$1" cat /proc/net/tcp /proc/net/tcp6 |
		awk -v state="$2" -v port="$(printf ':%04X' "$3")" '$4 == state && ($2 ~ port "$" || $3 ~ port "$")' | wc -l
}

count_state() { # HOST STATE PORT COUNT
	[[ $(in_state "$1" "$2" "$3") == "$4" ]]
}

ok "allow --pid" hostiso allow --pid "${puppet_pid[granted]}"

# Time-wait: we close first, the socket becomes a stub, and only then the peer closes. Unless that is
# answered, the peer hangs in LAST-ACK.
tell outside listen tcp4 3000 s4
tell outside listen tcp6 3001 s6
for family in 4 6; do
	at=10.77.0.66 port=3000
	[[ $family == 4 ]] || at=fd00:77::66 port=3001
	meet outside accept s$family a$family -- granted tcp $at $port c
	is "$answer,$served" open,open "a connection to $at"
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
is "$(bpftool -j map dump pinned "$HOSTISO_PIN_DIR/maps/fragments" | jq '[.[] | select(.formatted.key.dir == 1)] | length')" 0 \
	"what it sent in fragments lets no fragment of another's out"
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
# As if the first grant had them: what belongs to none is cleared away by the next.
id=$(bpftool -j map dump pinned "$HOSTISO_PIN_DIR/maps/grants" | jq -r '.[] | select(.formatted.value.kind == 0).key | join(" ")')
perl -e '
	print "map update pinned $ARGV[0] key ", join(" ", unpack "C4", pack "V", 0x7f000000 + $_), " value ",
		join(" ", ("0") x 8, $ARGV[1], ("0") x 16), "\n" for 0 .. 8189' "$HOSTISO_PIN_DIR/maps/granted_tasks" "$id" >"$scratch/full"
bpftool batch file "$scratch/full" >/dev/null 2>&1 || true
say_shut "with the table of processes full, a child gets nothing" tree fork tcp 10.77.0.66 7
say_open "the granted ones keep what they have" tree tcp 10.77.0.66 7
is "$(json '.grant_tasks_lost > 0' status)" true "and status counts it"
exits 2 "another grant is refused" hostiso allow --pid "${puppet_pid[bystander]}"
like "$output" 'too many granted processes' "in words"
say_open "which changes nothing" tree tcp 10.77.0.66 7
ok "deny clears the table up" hostiso deny --pid "${puppet_pid[granted]}"
say_open "and children are granted again" tree fork tcp 10.77.0.66 7
ok "deny the tree" hostiso deny --pid "${puppet_pid[tree]}"
