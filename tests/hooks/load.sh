#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Eight processes in a file loop: no line is malformed, and what was lost is told to the last one. And
# more calls at once than kretprobes have room for.
# timeout: 300
# alone: it loads both processors
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"
# shellcheck source=tests/lib/trace.sh
. "$(dirname "$0")/../lib/trace.sh"

acts=$build/tests/helpers/trace_acts
dir=$scratch/place rounds=${HOSTISO_LOAD_ROUNDS:-${HOSTISO_VM:+60}}
rounds=${rounds:-600}
mkdir "$dir"
mount -t tmpfs none "$dir"
trap 'umount "$dir" 2>/dev/null; finish' EXIT

eight() {
	local i pids=()
	for i in {1..8}; do
		"$acts" loop "$dir" "$rounds" &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i" || return 1
	done
}

took() { # COMMAND...: milliseconds
	local begin=${EPOCHREALTIME/./}
	"$@"
	echo $(((${EPOCHREALTIME/./} - begin) / 1000))
}

traced() { # KIND RING-MIB
	trace_begin -s --provider "$1,tracepoint" --ring-size "$2" --comm trace_acts --file-create --file-delete \
		--file-rename --file-modify || true
	slow=$(took eight)
	trace_end
}

# What one jq finds in $out: whether every line has its path, what is unseen, and for each event the lines
# and the losses.
declare -A lines lost
count_all() {
	local name told missing
	lines=() lost=()
	while read -r name told missing; do
		lines[$name]=$told lost[$name]=$missing
	done < <(jq -nr --arg dir "$dir/" '
		reduce inputs as $e ({paths: 1, unseen: 0};
			if $e.event_type == "TRACE_LOST" then
				.unseen += ($e.calls_unseen // 0) |
				reduce ($e.lost // {} | to_entries[]) as $l (.; .lost[$l.key] += $l.value)
			elif $e.event_type then
				.lines[$e.event_type] += 1 |
				if $e.path // $e.new_path | startswith($dir) then . else .paths = 0 end
			else . end) |
		"paths \(.paths) 0", "unseen \(.unseen) 0",
		(("FILE_CREATE", "FILE_DELETE", "FILE_RENAME", "FILE_MODIFY") as $t | "\($t) \(.lines[$t] // 0) \(.lost[$t] // 0)")' "$out")
}

# A missed entry and its exit may both be counted where programs can be preempted: losses are never
# told too low, and nothing is told that was not.
each() { # EVENT FACTOR TEXT: lines and losses of it make up all there were
	local all=$((8 * rounds * $2)) told=${lines[$1]:-0} missing=${lost[$1]:-0}
	ok "$3: $1: $told told, $missing lost, of $all" test "$told" -le "$all" -a $((told + missing)) -ge "$all"
}

diag "$(uname -r): $(cat /sys/kernel/debug/sched/preempt 2>/dev/null || grep -o 'preempt=[a-z]*' /proc/cmdline || true)"
fast=$(took eight)
trace_kinds load
for kind in "${kinds[@]}"; do
	for ring in 64 1; do
		traced "$kind" "$ring"
		count_all
		is "${lines[paths]:-}" 1 "by $kind, ring of $ring MiB: every line is JSON with its path"
		each FILE_CREATE 1 "by $kind, $ring MiB"
		each FILE_DELETE 1 "by $kind, $ring MiB"
		each FILE_RENAME 1 "by $kind, $ring MiB"
		each FILE_MODIFY 2 "by $kind, $ring MiB"
		is "${lines[unseen]:-}" 0 "by $kind, $ring MiB: no system call is left out"
		like "$(tail -n1 "$out.err")" 'damaged 0( |$)' "by $kind, $ring MiB: no record is damaged"
		diag "$fast ms untraced, $slow ms traced"
	done
done

# Sixteen processes wait in vfs_unlink for the file that fallocate(2) holds, then remove another one. A
# kretprobe has room for ten: the others are counted.
if [[ ${kinds[*]} == *kprobe* ]]; then
	removed=16
	umount "$dir" && mount -t tmpfs -o size=700m none "$dir"
	: >"$dir/held"
	for ((i = 0; i < removed; i++)); do
		mkdir "$dir/$i"
		ln "$dir/held" "$dir/$i/link"
		: >"$dir/$i/own"
	done
	trace_begin -s --provider kprobe --comm rm --file-delete || true
	fallocate -l 600M "$dir/held" &
	holder=$! pids=()
	sleep 0.2
	for ((i = 0; i < removed; i++)); do
		rm "$dir/$i/link" "$dir/$i/own" &
		pids+=($!)
	done
	wait "$holder" "${pids[@]}"
	trace_end
	count_all
	told=${lines[FILE_DELETE]:-0} missing=${lost[FILE_DELETE]:-0}
	is "$((told + missing))" "$((2 * removed))" "calls that wait for each other, by kprobe: $told told, $missing lost, and no more"
fi
done_testing
