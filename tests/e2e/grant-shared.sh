# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# A port that a granted process shares (SO_REUSEPORT) with one of the same user that is not: what that
# one can have steered to itself, it cannot answer. Read by grants.sh.
# shellcheck disable=SC2154 # answer, served, puppet_pid
part shared || return 0

ok "allow --pid, of one that shares its port" hostiso allow --pid "${puppet_pid[granted]}"

for family in 4 6; do
	to=10.77.0.1
	[[ $family == 4 ]] || to=fd00:77::1
	for proto in udp tcp; do
		serves=(hear s) six="$proto $to 5000"
		[[ $proto == udp ]] || serves=(accept s a)
		for ((n = 1; n < 6; n++)); do
			six+=" / $proto $to 5000"
		done
		tell granted share "$proto$family" 5000 s
		meet granted "${serves[@]}" -- outside $proto $to 5000
		is "$answer,$served" open,open "$proto to $to: the granted process answers on its port"
		tell other share "$proto$family" 5000 s 1
		is "$answer" "done" "another one joins, and steers all to itself"
		# shellcheck disable=SC2086 # words
		meet other "${serves[@]}" -- outside each $six
		all_shut "$answer" "but answers none of six that come"
		[[ $proto == udp ]] || is "$served" "shut timeout" "nor gets a connection"
		tell other close s
		meet granted "${serves[@]}" -- outside $proto $to 5000
		is "$answer,$served" open,open "without it the granted process does again"
		tell granted close s
	done
done
ok "deny --pid" hostiso deny --pid "${puppet_pid[granted]}"
