#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Whose sockets a grant covers: children and exec (--tree), files (--exe), handed-on sockets, a
# recycled pid, a deadline.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/../../tools/lab/puppets.sh"

lab_default
before=$(kernel_state host)
to=(10.77.0.66 7)
hostiso isolate >/dev/null

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
say_open "through exec" root exec tcp "${to[@]}"
say_open "a grandchild of the first" early fork tcp "${to[@]}"
say_open "by UDP" early exec udp fd00:77::66 7
puppet_child late root
say_open "a child that lives on" late tcp "${to[@]}"
is "$(json '.[0] | .entry, .tree' list | tr '\n' ' ')" "\"tree:${puppet_pid[root]}\" true " "list tells of the tree"
kill -9 "${puppet_pid[late]}"
say_open "a child's exit ends no grant" early say kept
puppet_ends root
say_shut "the exit of the process does, for the whole tree" early say kept
say_shut "and for what a child makes then" early tcp "${to[@]}"
is "$(json length list)" 0 "list has it no more"
kill "${puppet_pid[early]}"

# A file: what runs it now, what execs it later.
cp "$(command -v perl)" "$scratch/agent"
sed "1s|.*|#!$scratch/agent|" "$tree/tests/helpers/puppet" >"$scratch/agent.pl"
chmod +x "$scratch/agent.pl"
puppet_program=$scratch/agent.pl puppet running host
puppet usual host
ok "allow --exe" hostiso allow --exe "$scratch/agent"
say_open "a process that runs it" running tcp "${to[@]}" kept
say_open "its child, that runs it too" running fork tcp "${to[@]}"
say_open "another exec of it" running exec tcp "${to[@]}"
puppet_program=$scratch/agent.pl puppet newcomer host
say_open "one that came later" newcomer udp "${to[@]}"
say_shut "the same program from another file is not" usual tcp "${to[@]}"
exits 2 "a script is refused" hostiso allow --exe "$scratch/agent.pl"
ok "deny --exe" hostiso deny --exe "$scratch/agent"
say_shut "ends it" running say kept
say_shut "for all" newcomer tcp "${to[@]}"

# A deadline.
ok "allow --pid --for" hostiso allow --pid "${puppet_pid[usual]}" --for 6s
say_open "before the deadline" usual tcp "${to[@]}" dies
sleep 6
say_shut "a deadline ends it without anybody's help" usual say dies
say_shut "for new sockets too" usual tcp "${to[@]}"

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
ok "deny what expired" hostiso deny --pid "${puppet_pid[usual]}"
is "$(json length list)" 0 "and list has no grant"

# What cannot be granted, and changes nothing.
exits 2 "a pid that is none" hostiso allow --pid 4194999
exits 2 "a pid that is no number" hostiso allow --pid 12x
exits 2 "--tree without --pid" hostiso allow --tree
exits 2 "a pid beside an address that is none" hostiso allow --pid "${puppet_pid[usual]}" 10.0.0.5/33
puppet elsewhere peer
exits 2 "a process of another network namespace" hostiso allow --pid "${puppet_pid[elsewhere]}"
like "$output" 'another network namespace' "which is said"
exits 2 "a file that is none" hostiso allow --exe "$scratch/nothing"
is "$(json length list)" 0 "nothing was granted"
is "$(find "$HOSTISO_PIN_DIR/links" -name 'grant_*')" "" "and no hook is left attached"
ok "release" hostiso release
is "$(kernel_state host)" "$before" "release leaves the devices as they were"
done_testing
