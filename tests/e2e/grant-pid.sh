#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# allow --pid: that process talks, whoever it talks to; nobody else does, until it exits.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/../../tools/lab/puppets.sh"

lab_default
before=$(kernel_state host)
puppet granted host
puppet other host
puppet outside attacker
pid=${puppet_pid[granted]}

ok "isolate" hostiso isolate
say_shut "nobody is reached before the grant" granted tcp 10.77.0.66 7
say_shut "nor by UDP" granted udp fd00:77::66 7
ok "allow --pid" hostiso allow --pid "$pid" --comment "the agent"
for to in 10.77.0.66 fd00:77::66 10.77.0.5; do
	say_open "it connects to $to by TCP" granted tcp $to 7
	say_open "and by UDP" granted udp $to 7
	say_shut "another process does not, by TCP" other tcp $to 7
	say_shut "nor by UDP" other udp $to 7
done
for family in 4 6; do
	tell granted socket udp$family u$family
done
say_open "it sends from an unconnected socket" granted to 10.77.0.66 7 u4
say_open "IPv6 too" granted to fd00:77::66 7 u6
tell other socket udp4 u
say_shut "another process does not" other to 10.77.0.66 7 u

tell granted listen tcp4 2000 l4
tell granted listen tcp6 2001 l6
tell other listen tcp4 2002 l
meet granted accept l4 a4 -- outside tcp 10.77.0.1 2000 c4
is "$answer,$served" open,open "it accepts what connects to its port"
meet granted accept l6 a6 -- outside tcp fd00:77::1 2001 c6
is "$answer,$served" open,open "IPv6 too"
say_shut "another process's port is not reached" outside tcp 10.77.0.1 2002
say_shut "nor one that nobody has" outside tcp 10.77.0.1 2003

say_open "a connection of its own" granted tcp 10.77.0.66 7 kept
say_open "and another" granted tcp fd00:77::66 7 kept2
is "$(json '.[0] | .entry, .pid, .comment, .tree' list | tr '\n' ' ')" "\"pid:$pid\" $pid \"the agent\" false " "list names the grant"
like "$(json '.[0].last_peer' list)" '10\.77\.0\.66|fd00:77::66' "and its last peer"
is "$(json '.[0] | .packets > 50 and .bytes > 3000' list)" true "and counts"
like "$(hostiso list)" "pid:$pid .*the agent" "in words too"
is "$(json .grants status)" 1 "status counts it"

ok "deny --pid" hostiso deny --pid "$pid"
say_shut "ends what it may make" granted tcp 10.77.0.66 7
say_shut "and its open connections" granted say kept
ok "allow --pid again" hostiso allow --pid "$pid"
say_open "its connections from before live on" granted say kept2
meet granted hear a4 -- outside say c4
is "$answer,$served" open,open "those it accepted, too"
say_open "and its sockets" granted to 10.77.0.66 7 u4
tell granted tcp 10.77.0.66 7 kept3
say_shut "a connection nobody granted" other tcp 10.77.0.66 7
ok "--reset-connections" hostiso isolate --reset-connections
say_open "spares those of granted processes" granted say kept3

rm "$HOSTISO_PIN_DIR/links/grant_mark_connect4"
exits 3 "a hook that is gone shows in status" hostiso status
like "$output" 'hooks are gone, mark_connect4' "by name"
ok "and allow" hostiso allow --pid "$pid"
ok "puts it back" hostiso status
puppet_ends granted
say_shut "its exit ends the grant" outside say c4
is "$(json length list)" 0 "and list has it no more"

ok "release" hostiso release
is "$(kernel_state host)" "$before" "release leaves the devices as they were"
ok "and no pin folder" [ ! -e "$HOSTISO_PIN_DIR" ]
done_testing
