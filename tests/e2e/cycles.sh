#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# timeout: 900
# alone: it counts open files and BPF objects of the whole machine
# Many isolate/release cycles while traffic flows: not one forbidden packet passes between "isolated"
# and "released", and nothing leaks. HOSTISO_CYCLES says how many.
. "$(dirname "$0")/lib.sh"

cycles=${HOSTISO_CYCLES:-1000}
lab_default
before=$(kernel_state host)
objects=$(bpf_objects)
allow=(--allow 10.77.0.5 --allow fd00:77::5)

file_count() {
	local count
	read -r count _ </proc/sys/fs/file-nr
	echo "$count"
}

# Out: what arrives at the attacker's device. In: what the host's stack hands to a socket. And the
# same to and from the allowed peer, which must never stop.
start "$build/tools/lab/watch" -o "$scratch/forbidden" -p "$(ns attacker),eth0" -u "$(ns host),9001"
watch=$!
start "$build/tools/lab/watch" -o "$scratch/allowed" -p "$(ns peer),eth0" -u "$(ns host),9002"
watch2=$!
start "$build/tools/lab/flood" -r "${HOSTISO_RATE:-400}" -s 800 "$(ns host),10.77.0.66,9" "$(ns host),fd00:77::66,9" \
	"$(ns attacker),10.77.0.1,9001" "$(ns attacker),fd00:77::1,9001"
start "$build/tools/lab/flood" -r 50 -s 800 "$(ns host),10.77.0.5,9" "$(ns host),fd00:77::5,9" \
	"$(ns peer),10.77.0.1,9002" "$(ns peer),fd00:77::1,9002"
hostiso isolate "${allow[@]}" >/dev/null && hostiso release >/dev/null
files=() step=$((cycles < 40 ? 2 : cycles / 20))

failed=0
: >"$scratch/windows"
begun=$(now)
for ((i = 0; i < cycles; i++)); do
	((i % step)) || files+=("$(file_count)")
	output=$(hostiso isolate "${allow[@]}" 2>&1) || { failed=$((failed + 1)) && diag "cycle $i: isolate: $output"; }
	cut=$(now)
	# Not too short to see anything in.
	sleep 0.01
	echo "$cut $(now)" >>"$scratch/windows"
	output=$(hostiso release 2>&1) || { failed=$((failed + 1)) && diag "cycle $i: release: $output"; }
	((failed < 10)) || break
done
ended=$(now)
kill "$watch" "$watch2"
written() { # FILE
	tail -n1 "$scratch/$1" | grep -q '^lost'
}
ok "the watchers end" eventually 10 written forbidden
eventually 10 written allowed || true

is "$failed" 0 "$cycles cycles of isolate and release"

# Sent inside of a window: forbidden. Everything is sorted by time, so one pass tells.
inside() { # FILE
	sort -n "$scratch/$1" | awk -v windows="$scratch/windows" -v from="$begun" -v to="$ended" '
		BEGIN { while ((getline line < windows) > 0) { split(line, w, " "); a[++n] = w[1]; b[n] = w[2] } i = 1 }
		!/^lost/ && $1 >= from && $1 <= to {
			while (i <= n && b[i] < $1) i++
			if (i <= n && $1 > a[i]) { bad[$2]++ } else { other[$2]++ }
		}
		END { for (f = 0; f < 4; f++) printf "%d/%d ", bad[f], other[f] }'
}
read -r -a counts <<<"$(inside forbidden)"
names=("out, IPv4" "out, IPv6" "in, IPv4" "in, IPv6")
for f in 0 1 2 3; do
	is "${counts[$f]%/*}" 0 "$cycles isolations: no forbidden packet passed (${names[$f]})"
	ok "while packets did pass between them (${names[$f]}: ${counts[$f]#*/})" test "${counts[$f]#*/}" -gt $((cycles / 10))
done
is "$(tail -n1 "$scratch/forbidden")" "lost 0" "and the watcher missed none"

# 50 a second were sent to and from the allowed peer: a cut of even 200 ms would show.
for f in 0 1 2 3; do
	gap=$(awk -v f="$f" '$2 == f { if (last && $1 - last > gap) gap = $1 - last; last = $1 } END { print int(gap / 1000) }' \
		"$scratch/allowed")
	ok "the allowed peer was never cut off (${names[$f]}: longest gap $gap ms)" test "$gap" -lt "${HOSTISO_GAP_MS:-500}"
done

is "$(kernel_state host)" "$before" "the kernel lists what it listed before"
is "$(left_behind "$objects")" "" "no program, map or link is left"
# The whole machine's, and others work on it, too: one left by each cycle would be seen between most
# countings, a machine of vm/ that begins between two of them. (Older kernels count in lots of 32 a processor.)
grown=$(printf '%s\n' "${files[@]}" | awk 'NR > 1 { print $1 - last } { last = $1 }' | sort -n |
	awk '{ a[NR] = $1 } END { print a[int((NR + 1) / 2)] }')
ok "no open files are left (in the median of $((${#files[@]} - 1)) times $step cycles: $grown)" test $((grown * 2)) -le "$step"
done_testing
