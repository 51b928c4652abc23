# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# What the tests of the tracer share: tracers in the background, each with a file of its own for what
# it tells. Read after tests/e2e/lib.sh.
#
#	trace_kinds "renames"           # one `skip` for each kind of hook that this kernel lacks
#	for kind in "${kinds[@]}"; do
#		trace_begin --provider "$kind,tracepoint" --file-rename
#		mv a b
#		trace_end
#		is "$code" 0 "ends with 0; the lines are in $out"
#	done

need jq
out=$scratch/out code=''

declare -A tracer # their pids, by the file they write
# Comes back when all is attached, which the first line says: false when it never came.
# shellcheck disable=SC2154 # lab_lock is lab.sh's
trace_begin() { # OPTIONS...
	: >"$out"
	"$build/hostiso" trace -i "$@" >"$out" 2>"$out.err" {lab_lock}>&- &
	tracer[$out]=$!
	# 5.10's verifier follows every step of a path, which takes minutes in an emulated machine.
	eventually "${patience:-400}" test -s "$out" || { diag "$(<"$out.err")" && false; }
}
trace_end() { # SIGINT, when what was done is told; its exit code is in $code
	sleep "${1:-0.5}"
	code=0
	kill -INT "${tracer[$out]}"
	wait "${tracer[$out]}" || code=$?
	[[ $code == 0 ]] || diag "the tracer: $code" "$(<"$out.err")"
}

kinds=()
trace_kinds() { # WHAT EVENT-OPTION...: the kinds of hook that this kernel takes for them, in $kinds
	local kind what=$1
	shift
	for kind in fentry kprobe tracepoint; do
		if "$build/hostiso" trace --probe --provider "$kind" "$@" 2>/dev/null | grep -q ' works'; then
			kinds+=("$kind")
		else
			skip "$what by $kind" "this kernel takes no $kind hooks"
		fi
	done
}
