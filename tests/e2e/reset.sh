#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# alone: in a machine of vm/ it ends connections everywhere
# isolate --reset-connections: what is cut fails at once, what is allowed goes on, and others' connections stay
# unless they are asked for.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/../../tools/lab/puppets.sh"

lab_default
puppet one host
puppet outside attacker
cut=(out4 out6 udp4 udp6 in4) kept=(kept4 kept6 keptudp)
# ECONNABORTED; ECONNRESET, where the other end went first; EDESTADDRREQ: UDP, that is connected no more.
ended='^shut error (103|104|89)$'

for backend in bpf nft; do
	by="by $backend"
	tell one listen tcp4 2000 listening
	meet one accept listening in4 -- outside tcp 10.77.0.1 2000 far
	is "$answer,$served" open,open "$by: before: they connect to us"
	say_open "$by: before: elsewhere" outside tcp 10.77.0.53 7 other
	while read -r name what; do
		# shellcheck disable=SC2086 # words
		say_open "$by: before: $name" one $what "$name"
	done <<-END
		out4 tcp 10.77.0.66 7
		out6 tcp fd00:77::66 7
		udp4 udp 10.77.0.66 7
		udp6 udp fd00:77::66 7
		kept4 tcp 10.77.0.5 7
		kept6 tcp fd00:77::5 7
		keptudp udp 10.77.0.5 7
	END
	ok "$by: isolate --reset-connections" hostiso isolate --backend "$backend" --allow 10.77.0.5 --allow fd00:77::5 \
		--reset-connections
	like "$output" 'reset: 3 TCP and 2 UDP connections ended, 3 kept' "$by: says how many"
	for name in "${cut[@]}"; do
		tell one say "$name"
		like "$answer" "$ended" "$by: $name fails at once"
	done
	for name in "${kept[@]}"; do
		say_open "$by: $name, an allowed peer's, goes on" one say "$name"
	done
	say_open "$by: another namespace's goes on" outside say other
	if alone_here; then
		ok "$by: --reset-connections=all" hostiso isolate --reset-connections=all
		like "$output" 'in [0-9]+ network namespaces' "$by: says in how many namespaces"
		tell outside say other
		like "$answer" "$ended" "$by: ends that one, too"
		say_open "$by: and keeps an allowed peer's" one say kept4
	else
		skip "$by: --reset-connections=all" "only in a machine of vm/: elsewhere it would end others' connections"
	fi
	for name in "${cut[@]}" "${kept[@]}" listening; do
		tell one close "$name"
	done
	for name in far other; do
		tell outside close "$name"
	done
	ok "$by: release" hostiso release
done
done_testing
