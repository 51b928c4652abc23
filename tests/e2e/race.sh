#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# timeout: 300
# alone: it counts the BPF objects of the whole machine
# Verbs that race: one at a time, none lost, and what comes out is open or isolated.
. "$(dirname "$0")/lib.sh"

lab_default
before=$(kernel_state host)
objects=$(bpf_objects)
rounds=${HOSTISO_RACE_ROUNDS:-15}
allow=(--allow 10.77.0.5 --allow fd00:77::5)

# Both at once; the exit codes go to $codes, what they said to $said.
together() { # VERB... -- VERB...
	local first=() pid a=0 b=0
	while [[ $1 != -- ]]; do
		first+=("$1")
		shift
	done
	shift
	hostiso "${first[@]}" >"$scratch/first" 2>&1 &
	pid=$!
	hostiso "$@" >"$scratch/second" 2>&1 || b=$?
	wait "$pid" || a=$?
	codes="$a $b"
	said=$(cat "$scratch/first" "$scratch/second")
}

wrong=0
for ((i = 0; i < rounds; i++)); do
	together isolate "${allow[@]}" -- isolate "${allow[@]}"
	[[ $codes == "0 0" && $(host_state -w "${HOSTISO_QUICK_MS:-100}") == isolated ]] || { wrong=$((wrong + 1)) && diag "$codes" "$said"; }
	together release -- release
	[[ $codes == "0 0" && $(kernel_state host) == "$before" ]] || { wrong=$((wrong + 1)) && diag "$codes" "$said"; }
done
is "$wrong" 0 "two isolates, then two releases, $rounds times"

wrong=0
for ((i = 0; i < rounds; i++)); do
	together isolate "${allow[@]}" -- release
	state=$(host_state -w "${HOSTISO_QUICK_MS:-100}")
	[[ $codes == "0 0" && $state =~ ^(open|isolated)$ ]] || { wrong=$((wrong + 1)) && diag "$codes $state" "$said"; }
	status=0
	hostiso status >/dev/null 2>&1 || status=$?
	[[ $state,$status == isolated,0 || $state,$status == open,3 ]] ||
		{ wrong=$((wrong + 1)) && diag "the host is $state, but status exits $status"; }
done
is "$wrong" 0 "isolate against release, $rounds times: one of the two, and status knows which"
hostiso release >/dev/null

# Ten at once: an entry that was confirmed is there.
ok "isolate" hostiso isolate "${allow[@]}"
pids=()
for ((i = 0; i < 10; i++)); do
	hostiso allow "10.99.$i.0/24" >"$scratch/allow$i" 2>&1 &
	pids+=($!)
done
lost=''
listing=''
for i in "${!pids[@]}"; do
	wait "${pids[$i]}" && lost+=" $i"
done
listing=$(hostiso list)
for i in $lost; do
	[[ $listing != *"10.99.$i.0/24"* ]] || lost=${lost/ $i/}
done
is "$lost" "" "ten allows at once: each that said 0 is on the list"
ok "most of them did" test "$(grep -cE '10\.99\.[0-9]\.0/24' <<<"$listing")" -ge 5

# Whoever holds the lock is named, after a brief wait.
if command -v strace >/dev/null; then
	in_ns host strace -qq -f -o /dev/null -e trace=bpf -e inject=bpf:delay_enter=4000000:when=3 \
		"$HOSTISO" allow 10.98.0.0/16 >/dev/null 2>&1 &
	slow=$!
	sleep 0.7
	began=$SECONDS
	status=0
	output=$(hostiso allow 10.97.0.0/16 2>&1) || status=$?
	if [[ $status == 0 ]]; then
		ok "a second verb waited its turn" test $((SECONDS - began)) -ge 1
	else
		like "$output" '[0-9]+' "a second verb says who holds the lock: $output"
	fi
	wait "$slow" || true
else
	skip "a second verb waits or says who holds the lock" "no strace here"
fi
ok "release" hostiso release
is "$(kernel_state host)" "$before" "nothing is left"
is "$(left_behind "$objects")" "" "nor any program, map or link"
done_testing
