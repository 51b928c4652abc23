#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# timeout: 600
# alone: it counts the BPF objects of the whole machine
# SIGKILL at every step of a verb: the host is open or isolated, never between, its allowed peers are
# never cut off, and the next release leaves nothing. HOSTISO_CRASH_EVERY=N tries every Nth step.
. "$(dirname "$0")/lib.sh"
need strace

# The calls that can change something outside of the process. Which of them really do, a first run
# tells: dying between two of those is the same as dying at the second.
steps=bpf,sendto,sendmsg,mkdir,mkdirat,rmdir,unlink,unlinkat,rename,renameat,renameat2,flock,mount,membarrier,setns
harmless='BPF_(MAP_LOOKUP|OBJ_GET|BTF_LOAD|PROG_QUERY|PROG_LOAD|MAP_CREATE|[A-Z]+_GET_)|RTM_GET|SOCK_DIAG| = -1 E'
every=${HOSTISO_CRASH_EVERY:-1}

lab_default
before=$(kernel_state host)
objects=$(bpf_objects)
allow=(--allow 10.77.0.5 --allow fd00:77::5)
spare='[fd00:77::66]:9999/sctp' # an entry that admits nothing of what is probed

# Runs the verb to its end; its steps go to $found, each as `unlink:when=3`, because strace counts each
# system call by itself. Of many writes to maps in a row the first and the last are taken.
find_steps() { # VERB...
	in_ns host strace -f -qq -o "$scratch/trace" -e trace="$steps" "$HOSTISO" "$@" >/dev/null
	mapfile -t found < <(awk -v harmless="$harmless" '
		$2 !~ /^[a-z_0-9]+\(/ { next }
		!pid { pid = $1 }
		$1 != pid { next }
		{
			call = $2
			sub(/\(.*/, "", call)
			step = call ":when=" ++n[call]
		}
		$0 ~ harmless { next }
		/MAP_UPDATE/ && last { last = step; next }
		{
			if (last && last != shown) print last
			print shown = step
			last = /MAP_UPDATE/ ? step : ""
		}
		END { if (last && last != shown) print last }' "$scratch/trace" | awk -v every="$every" 'NR % every == 0')
}

kill_at() { # STEP VERB...
	local step=$1
	shift
	in_ns host strace -f -qq -o /dev/null -e trace="$steps" -e inject="${step/:/:signal=SIGKILL:}" "$HOSTISO" "$@"
}

# Before each step the host is brought to a state; then the verb dies, and what is left is judged.
crash() { # NAME WANTED-STATES PREPARE -- VERB...
	local name=$1 wanted=$2 prepare=$3 n state died=0 wrong=0
	shift 4
	$prepare
	find_steps "$@"
	hostiso release >/dev/null 2>&1 || true
	for n in "${found[@]}"; do
		$prepare
		kill_at "$n" "$@" >/dev/null 2>&1 || died=$((died + 1))
		state=$(host_state -w "${HOSTISO_QUICK_MS:-60}")
		if [[ " $wanted " != *" $state "* ]]; then
			wrong=$((wrong + 1))
			diag "$name killed at $n: $state"
		fi
		if ! output=$(hostiso release 2>&1) || [[ $(kernel_state host) != "$before" ]]; then
			wrong=$((wrong + 1))
			diag "$name killed at $n: release left something:" "$output" \
				"$(diff <(echo "$before") <(kernel_state host) || true)"
			lab_repair
		fi
	done
	is "$wrong" 0 "$name killed at each of ${#found[@]} steps: $wanted, and release leaves nothing"
	is "$died" "${#found[@]}" "$name died each time"
}

# So that one broken step does not spoil all that follow.
lab_repair() {
	rm -rf "$HOSTISO_PIN_DIR"
	tc -n "$(ns host)" qdisc del dev eth0 clsact 2>/dev/null || true
}

nothing() { :; }
isolated() {
	hostiso isolate "${allow[@]}" --allow "$spare" >/dev/null
}
waiting() {
	hostiso allow 10.77.0.5 fd00:77::5 >/dev/null
}

crash isolate "open isolated" nothing -- isolate "${allow[@]}"
crash "isolate of waiting entries" "open isolated" waiting -- isolate
crash "isolate, isolated already," isolated isolated -- isolate "${allow[@]}" --for 1h
crash allow isolated isolated -- allow 10.77.0.0/30 out:10.77.0.66:99/tcp
crash deny isolated isolated -- deny "$spare"
crash release "open isolated" isolated -- release

# What an interrupted isolate leaves does not stop the next one either.
find_steps isolate "${allow[@]}"
hostiso release >/dev/null
wrong=0
for n in "${found[@]}"; do
	kill_at "$n" isolate "${allow[@]}" >/dev/null 2>&1 || true
	if ! output=$(hostiso isolate "${allow[@]}" 2>&1) || ! output=$(hostiso status 2>&1); then
		wrong=$((wrong + 1))
		diag "isolate after one killed at $n:" "$output"
	fi
	hostiso release >/dev/null || wrong=$((wrong + 1))
done
is "$wrong" 0 "isolate works after an interrupted one"

# Nor what an interrupted release leaves: programs of the old policy, say, that are pinned still.
isolated
find_steps release
wrong=0
for n in "${found[@]}"; do
	hostiso isolate "${allow[@]}" >/dev/null || true
	kill_at "$n" release >/dev/null 2>&1 || true
	if ! output=$(hostiso isolate "${allow[@]}" 2>&1) || ! output=$(hostiso status 2>&1) || [[ $(host_state) != isolated ]]; then
		wrong=$((wrong + 1))
		diag "isolate after a release killed at $n:" "$output" "$(host_state)"
	fi
	hostiso release >/dev/null || wrong=$((wrong + 1))
done
is "$wrong" 0 "isolate works after a release that was killed at each of ${#found[@]} steps"
is "$(kernel_state host)" "$before" "nothing is left"
is "$(left_behind "$objects")" "" "nor any program, map or link"
done_testing
