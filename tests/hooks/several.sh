#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Two tracers and the kill hook on the same calls: each sees everything, the rule judges everything, and
# one that is killed leaves nothing in the kernel and takes nothing from the others.
# timeout: 400
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"
# shellcheck source=tests/lib/kill.sh
. "$(dirname "$0")/../lib/kill.sh"
# shellcheck source=tests/lib/trace.sh
. "$(dirname "$0")/../lib/trace.sh"

acts=$build/tests/helpers/trace_acts
turns=${HOSTISO_VM:+20} turns=${turns:-100}

tracing() { # NAME OPTIONS...: to $scratch/NAME
	out=$scratch/$1
	trace_begin "${@:2}" --tree $$ --file-create --file-delete --file-rename --file-modify \
		--process-exec --process-exit
}
ends() { # NAME
	out=$scratch/$1
	trace_end
	is "$code" 0 "$1 ends with 0"
}

# How many of each event of the loop, and how the victims ended. (A kernel that preempts may leave out calls of
# other processes, which TRACE_LOST counts; what is here is whole or not.)
seen() { # NAME
	jq -rs --arg dir "$dir" '
		[.[] | select(.event_type and ((.path // .new_path // "") | test("^\($dir)/[ab][0-9]+$")))] as $loop |
		[.[] | select(.event_type == "PROCESS_EXIT" and .comm == "chmod_doors") | .signal] as $ends |
		"\([("FILE_CREATE", "FILE_RENAME", "FILE_DELETE") as $t | [$loop[] | select(.event_type == $t)] | length]) " +
		"\([$loop[] | select(.change_type == "PERMISSIONS")] | length) " +
		"\($ends)"' "$scratch/$1"
}

# shellcheck disable=SC2317
sees() { # NAME WHAT
	[[ $(seen "$1") == "$2" ]]
}

arm --adds x --enforce 2>"$scratch/err" || skip_all "$(<"$scratch/err")"
tracing first
by=tracepoints
if ! patience=60 tracing second --provider tracepoint; then
	kill -KILL "${tracer[$out]}"
	wait "${tracer[$out]}" 2>/dev/null || true
	by="the same hooks"
	tracing second
fi

want="[$turns,$turns,$turns] $turns"
"$acts" loop "$dir" "$turns"
fresh
victim "$doors" chmod "$file" 755
is "$status" 137 "the kill hook kills beside two tracers"
is "$(counts .matched)" 1 "and judged that chmod alone"
eventually 60 sees second "$want [9]" || true
eventually 60 sees first "$want [9]" || true
is "$(seen first)" "$want [9]" "the first tracer has every event, the kill too"
is "$(seen second)" "$want [9]" "so has the second, by $by"

held "${tracer[$scratch/first]}" >"$scratch/held"
ok "the first tracer holds programs, maps and links or perf events" \
	bash -c 'grep -q "^prog" "$1" && grep -q "^map" "$1"' - "$scratch/held"
kill -KILL "${tracer[$scratch/first]}"
wait "${tracer[$scratch/first]}" 2>/dev/null || true
eventually 60 gone "$scratch/held" || true
is "$(still_there "$scratch/held")" '' "SIGKILL leaves none of them"

"$acts" loop "$dir" "$turns"
fresh
victim "$doors" chmod "$file" 755
is "$status" 137 "the kill hook goes on"
ends second
is "$(seen second)" "[$((2 * turns)),$((2 * turns)),$((2 * turns))] $((2 * turns)) [9,9]" "so does the second tracer"

tracing third
kill_ clear >/dev/null
"$acts" loop "$dir" "$turns"
fresh
victim "$doors" chmod "$file" 755
is "$status $(mode)" "0 755" "without the rule nothing is killed"
ends third
is "$(seen third)" "$want [0]" "and a tracer that began under it goes on"
done_testing
