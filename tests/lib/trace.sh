# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# What the tests of the tracer share: tracers in the background, each with a file of its own for what
# it tells. Read after tests/e2e/lib.sh.
#
#	trace_kinds renames             # one `skip` for each kind of hook that this kernel lacks
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

# What a process holds in the kernel: "prog 12" a line; and what of that there is still.
held() { # PID
	cat /proc/"$1"/fdinfo/* 2>/dev/null | sed -nE 's/^(prog|map|link)_id:\s+([0-9]+)$/\1 \2/p' | sort -u
}
still_there() { # FILE
	local kind
	for kind in prog map link; do
		bpftool "$kind" list | sed -nE "s/^([0-9]+): .*/$kind \\1/p"
	done | sort -u | comm -12 - "$1"
}
# shellcheck disable=SC2317
gone() { # FILE
	[[ ! $(still_there "$1") ]]
}

kinds=()
trace_kinds() { # WHAT: the kinds of hook that this kernel takes, in $kinds
	local kind probe
	# An event that has a hook of each kind, none of which takes the verifier long.
	probe=$("$build/hostiso" trace --probe --process-setuid 2>/dev/null | awk '{ print $3, $4, $5 }' | tail -n1)
	for kind in fentry kprobe tracepoint; do
		case ${probe%% *} in
		works | fallback) kinds+=("$kind") ;;
		*) skip "$1 by $kind" "this kernel takes no $kind hooks" ;;
		esac
		probe=${probe#* }
	done
}
