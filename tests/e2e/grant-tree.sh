# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# Whose sockets a grant covers: children and exec (--tree), files (--exe), a recycled pid, a deadline. Read by
# grants.sh.
# shellcheck disable=SC2154 # answer, output, puppet_pid
part tree || return 0

to=(10.77.0.66 7)

# A deadline, which passes while the rest is tested.
puppet timed host
ok "allow --pid --for" hostiso allow --pid "${puppet_pid[timed]}" --for 12s
deadline=$((SECONDS + 13))
say_open "before the deadline" timed tcp "${to[@]}" dies

# Without --tree a child has what it was handed, and no more.
puppet alone host
say_shut "before the grant" alone tcp "${to[@]}"
ok "allow --pid" hostiso allow --pid "${puppet_pid[alone]}"
say_open "the process itself" alone tcp "${to[@]}" handed
say_shut "its child's sockets are not granted" alone fork tcp "${to[@]}"
say_shut "nor after exec" alone exec tcp "${to[@]}"
say_open "but the socket that the child has from it is" alone fork say handed
puppet_child orphan alone
say_open "in a child that lives on, too" orphan say handed
puppet_ends alone
say_shut "until the granted process exits" orphan say handed
say_shut "whose child has nothing of its own" orphan tcp "${to[@]}"
kill "${puppet_pid[orphan]}"

# With --tree: those that are there, those that come, through exec.
puppet root host
puppet_child early root
say_shut "a child, before the grant" early tcp "${to[@]}" before
ok "allow --pid --tree" hostiso allow --pid "${puppet_pid[root]}" --tree
say_open "the process" root tcp "${to[@]}"
say_open "a child that was there" early tcp "${to[@]}" kept
say_open "a child that comes" root fork tcp "${to[@]}"
say_open "a grandchild of the first" early fork tcp "${to[@]}"
say_open "through exec, by UDP" early exec udp fd00:77::66 7
puppet_child late root
say_open "a child that lives on" late tcp "${to[@]}"
is "$(json '.[-1] | [.entry, .tree]' list)" "[\"tree:${puppet_pid[root]}\",true]" "list tells of the tree"
kill -9 "${puppet_pid[late]}"
say_open "a child's exit ends no grant" early say kept
puppet_ends root
say_shut "the exit of the process does, for the whole tree" early say kept
say_shut "and for what a child makes then" early tcp "${to[@]}"
kill "${puppet_pid[early]}"

# A file: what runs it now, what execs it later.
cp "$(command -v perl)" "$scratch/agent"
sed "1s|.*|#!$scratch/agent|" "$tree/tests/helpers/puppet" >"$scratch/agent.pl"
chmod +x "$scratch/agent.pl"
puppet_program=$scratch/agent.pl puppet running host
ok "allow --exe" hostiso allow --exe "$scratch/agent"
say_open "a process that runs it" running tcp "${to[@]}" kept
say_open "its child, that runs it too" running fork tcp "${to[@]}"
say_open "another exec of it" running exec tcp "${to[@]}"
puppet_program=$scratch/agent.pl puppet newcomer host
say_open "one that came later" newcomer udp "${to[@]}"
say_shut "the same program from another file is not" other tcp "${to[@]}"
exits 2 "a script is refused" hostiso allow --exe "$scratch/agent.pl"
# An update: those that run go on, and nobody gets the old file's number.
inode=$(stat -c %i "$scratch/agent")
rm "$scratch/agent"
cp "$(command -v perl)" "$scratch/agent.new"
mv "$scratch/agent.new" "$scratch/agent"
puppet_program=$scratch/agent.pl puppet updated host
say_shut "the file that replaces it is not granted" updated tcp "${to[@]}"
like "$(hostiso list)" "exe:$scratch/agent .*replaced" "which list tells"
say_open "what ran before goes on" running say kept
for name in running newcomer; do
	kill -9 "${puppet_pid[$name]}"
done
exited() { # NAME...
	local name
	for name; do
		[[ ! -e /proc/${puppet_pid[$name]} ]] || return 1
	done
}
ok "until none runs it" eventually 5 exited running newcomer
rm "$scratch/agent"
touch "$scratch"/try{0..299}
taken=$(find "$scratch" -inum "$inode")
if [[ $taken ]]; then
	cat "$(command -v perl)" >"$taken"
	chmod +x "$taken"
	puppet_program="$taken $tree/tests/helpers/puppet" puppet thief host
	say_shut "another file that gets its number is not granted" thief tcp "${to[@]}"
else
	skip "another file that gets its number" "this file system gives no number twice"
fi
ok "deny --exe" hostiso deny --exe "$scratch/agent"

# A recycled pid: the next process with the same number.
puppet first host
pid=${puppet_pid[first]}
ok "allow --pid of one that dies" hostiso allow --pid "$pid"
say_open "while it lives" first tcp "${to[@]}"
puppet_ends first
withpid=$build/tests/helpers/withpid
eventually 5 "$withpid" "$pid" true 2>/dev/null
puppet_program="$withpid $pid $tree/tests/helpers/puppet" puppet again host
is "${puppet_pid[again]}" "$pid" "the next process with the same pid"
say_shut "has nothing" again tcp "${to[@]}"
say_shut "nor its children" again fork tcp "${to[@]}"

# Even when no hook saw the exit, nor the new process.
pid=${puppet_pid[again]}
ok "allow --pid" hostiso allow --pid "$pid"
say_open "while it lives" again tcp "${to[@]}"
programs=()
for hook in task_exit task_fork; do
	programs+=("$(bpftool -j link show pinned "$HOSTISO_PIN_DIR/links/grant_$hook" | jq .prog_id)")
	rm "$HOSTISO_PIN_DIR/links/grant_$hook"
done
unloaded() { # PROGRAM...
	local id
	for id; do
		! bpftool prog show id "$id" >/dev/null 2>&1 || return 1
	done
}
ok "both hooks are gone" eventually 5 unloaded "${programs[@]}"
puppet_ends again
eventually 5 "$withpid" "$pid" true 2>/dev/null
puppet_program="$withpid $pid $tree/tests/helpers/puppet" puppet unseen host
say_shut "the next one with its pid has nothing, though no hook saw the exit" unseen tcp "${to[@]}"
is "$(hostiso deny --pid "$pid")" "denied: 1 grant ended" "deny --pid ends what was left"

# What cannot be granted, and changes nothing.
exits 2 "a pid that is none" hostiso allow --pid 4194999
exits 2 "a pid that is no number" hostiso allow --pid 12x
exits 2 "--tree without --pid" hostiso allow --tree
exits 2 "the tree of all processes" hostiso allow --pid 1 --tree
exits 2 "a pid beside an address that is none" hostiso allow --pid "${puppet_pid[other]}" 10.0.0.5/33
puppet elsewhere peer
exits 2 "a process of another network namespace" hostiso allow --pid "${puppet_pid[elsewhere]}"
like "$output" 'another network namespace' "which is said"
like "$(hostiso deny --pid "${puppet_pid[other]}")" '0 grants ended \(there was none' "deny of what has no grant tells"
exits 2 "a file that is none" hostiso allow --exe "$scratch/nothing"

((SECONDS > deadline)) || sleep $((deadline - SECONDS))
say_shut "a deadline ends it without anybody's help" timed say dies
say_shut "for new sockets too" timed tcp "${to[@]}"
is "$(json '[.[] | select(.seconds_left == null or .seconds_left >= 0)]' list)" '[]' "list has it no more, or as expired"
ok "the next grant" hostiso allow --pid "${puppet_pid[other]}"
is "$(json '[.[].entry]' list)" "[\"pid:${puppet_pid[other]}\"]" "clears what has ended away"
ok "deny --pid" hostiso deny --pid "${puppet_pid[other]}"
