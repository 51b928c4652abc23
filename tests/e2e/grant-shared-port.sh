#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A port that a granted process shares (SO_REUSEPORT) with one of the same user that is not: what that
# one can have steered to itself, it cannot answer.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/../../tools/lab/puppets.sh"

lab_default
puppet granted host
puppet thief host
puppet outside attacker
hostiso isolate >/dev/null
ok "allow --pid" hostiso allow --pid "${puppet_pid[granted]}"

for family in 4 6; do
	to=10.77.0.1
	[[ $family == 4 ]] || to=fd00:77::1
	tell granted share "udp$family" 5000 u
	meet granted hear u -- outside udp $to 5000
	is "$answer,$served" open,open "UDP to $to: the granted process answers on its port"
	tell thief share "udp$family" 5000 u 1
	is "$answer" "done" "another one joins, and steers all to itself"
	for try in 1 2 3 4 5 6; do
		meet thief hear u -- outside udp $to 5000
		[[ $answer != open ]] || break
	done
	like "$answer" '^shut timeout' "but answers none of $try that come"
	tell thief close u
	meet granted hear u -- outside udp $to 5000
	is "$answer,$served" open,open "without it the granted process does again"
	tell granted close u

	tell granted share "tcp$family" 5000 l
	meet granted accept l a -- outside tcp $to 5000
	is "$answer,$served" open,open "TCP to $to: the granted process accepts"
	tell thief share "tcp$family" 5000 l 1
	is "$answer" "done" "another one listens there, and steers all to itself"
	for try in 1 2 3 4 5 6; do
		meet thief accept l a -- outside tcp $to 5000
		[[ $answer,$served == "shut timeout,shut timeout" ]] || break
	done
	is "$answer,$served" "shut timeout,shut timeout" "but gets no connection, of $try"
	tell thief close l
	meet granted accept l a -- outside tcp $to 5000
	is "$answer,$served" open,open "without it the granted process does again"
	tell granted close l
done
done_testing
