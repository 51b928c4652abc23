# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# allow --pid: that process talks, whoever it talks to; nobody else does, until it exits. Read by grants.sh.
# shellcheck disable=SC2154 # answer, served, output, puppet_pid
part pid || return 0

puppet agent host
pid=${puppet_pid[agent]}
everyone=(tcp 10.77.0.66 7 / udp 10.77.0.66 7 / tcp fd00:77::66 7 / udp fd00:77::66 7 / tcp 10.77.0.5 7 / udp 10.77.0.5 7)

say_each_shut "nobody is reached before the grant" agent "${everyone[@]}"
ok "allow --pid" hostiso allow --pid "$pid" --comment "the agent"
say_each_open "it connects to anyone, by TCP and by UDP" agent "${everyone[@]}"
say_each_shut "another process to nobody" other "${everyone[@]}"
for family in 4 6; do
	tell agent socket udp$family u$family
done
say_open "it sends from an unconnected socket" agent to 10.77.0.66 7 u4
say_open "IPv6 too" agent to fd00:77::66 7 u6
tell other socket udp4 u
say_shut "another process does not" other to 10.77.0.66 7 u

tell agent listen tcp4 2000 l4
tell agent listen tcp6 2001 l6
tell other listen tcp4 2002 l
meet agent accept l4 a4 -- outside tcp 10.77.0.1 2000 c4
is "$answer,$served" open,open "it accepts what connects to its port"
meet agent accept l6 a6 -- outside tcp fd00:77::1 2001 c6
is "$answer,$served" open,open "IPv6 too"
say_each_shut "another process's port is not reached, nor one that nobody has" outside \
	tcp 10.77.0.1 2002 / tcp 10.77.0.1 2003 / udp 10.77.0.1 2003
tell other close l

say_open "a connection of its own" agent tcp 10.77.0.66 7 kept
sleep 0.03 # the programs read the clock once a tick, each processor for itself: 10 ms at most
say_open "and another" agent tcp fd00:77::66 7 kept2
hostiso list --json >"$scratch/list.json"
is "$(jq -c '.[0] | [.entry, .pid, .comment, .tree, .packets > 50, .bytes > 3000]' "$scratch/list.json")" \
	"[\"pid:$pid\",$pid,\"the agent\",false,true,true]" "list names the grant, and counts"
like "$(jq -r '.[0].last_peer' "$scratch/list.json")" '^(from|to) \[fd00:77::66\]:7/tcp$' "and its last peer"
like "$(hostiso list)" "pid:$pid .*the agent"$'\n''    last packet (from|to) \[fd00:77::66\]:7/tcp' "in words too"
is "$(json .grants status)" 1 "status counts it"

ok "deny --pid" hostiso deny --pid "$pid"
say_each_shut "ends what it may make" agent "${everyone[@]}"
say_shut "and its open connections" agent say kept
ok "allow --pid again" hostiso allow --pid "$pid"
say_open "its connections from before live on" agent say kept2
meet agent hear a4 -- outside say c4
is "$answer,$served" open,open "those it accepted, too"
say_open "and its sockets" agent to 10.77.0.66 7 u4
tell agent tcp 10.77.0.66 7 kept3
ok "--reset-connections" hostiso isolate --reset-connections
say_open "spares those of granted processes" agent say kept3

rm "$HOSTISO_PIN_DIR/links/grant_mark_connect4"
exits 3 "a hook that is gone shows in status" hostiso status
like "$output" 'hooks are gone, mark_connect4' "by name"
ok "and allow" hostiso allow --pid "$pid"
ok "puts it back" hostiso status
puppet_ends agent
say_shut "its exit ends the grant" outside say c4
is "$(json length list)" 0 "and list has it no more"
