#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# timeout: 600
# SIGKILL at every step of a verb: the host is open or isolated, never between, its allowed peers are
# never cut off, and the next release leaves nothing. HOSTISO_CRASH_EVERY=N tries every Nth step.
. "$(dirname "$0")/lib.sh"
need strace

# Whatever can change something outside of the process; a death between two of them is the same as
# a death at the second.
steps=bpf,sendto,sendmsg,mkdir,mkdirat,rmdir,unlink,unlinkat,rename,renameat,renameat2,link,linkat,symlink,symlinkat
steps+=,flock,fcntl,write,writev,pwrite64,ftruncate,mount,umount2,setns,clone,clone3,fork,vfork,perf_event_open,munmap
steps+=,close,exit_group
every=${HOSTISO_CRASH_EVERY:-1}

lab_default
before=$(kernel_state host)
objects=$(bpf_objects)
allow=(--allow 10.77.0.5 --allow fd00:77::5)

traced() { # STRACE-OPTION... -- VERB...
	local options=()
	while [[ $1 != -- ]]; do
		options+=("$1")
		shift
	done
	shift
	guarded host strace -f -qq -o /dev/null "${options[@]}" "$HOSTISO" "$@"
}

count_steps() { # VERB...
	guarded host strace -f -qq -o "$scratch/trace" -e trace="$steps" "$HOSTISO" "$@" >/dev/null
	grep -cE '^[0-9]+ +[a-z0-9_]+\(' "$scratch/trace"
}

# Before each step the host is brought to a state; then the verb dies, and what is left is judged.
crash() { # NAME WANTED-STATES PREPARE -- VERB...
	local name=$1 wanted=$2 prepare=$3 total n state died=0 wrong=0
	shift 4
	$prepare
	total=$(count_steps "$@")
	hostiso release >/dev/null 2>&1 || true
	for ((n = 1; n <= total; n += every)); do
		$prepare
		traced -e trace="$steps" -e inject="$steps":signal=SIGKILL:when="$n" -- "$@" >/dev/null 2>&1 && continue
		died=$((died + 1))
		state=$(host_state -w 60)
		if [[ " $wanted " != *" $state "* ]]; then
			# A slow machine is not a broken host: ask again, and wait longer.
			state=$(host_state)
		fi
		if [[ " $wanted " != *" $state "* ]]; then
			wrong=$((wrong + 1))
			diag "$name killed at step $n of $total: $state"
		fi
		if ! output=$(hostiso release 2>&1) || [[ $(kernel_state host) != "$before" ]]; then
			wrong=$((wrong + 1))
			diag "$name killed at step $n of $total: release left something:" "$output" \
				"$(diff <(echo "$before") <(kernel_state host) || true)"
			lab_repair
		fi
	done
	is "$wrong" 0 "$name killed at each of $died steps: $wanted, and release leaves nothing"
	ok "$name really died at most of them" test "$((died * every * 2))" -ge "$total"
}

# So that one broken step does not spoil all that follow.
lab_repair() {
	rm -rf "$HOSTISO_PIN_DIR"
	tc -n "$(ns host)" qdisc del dev eth0 clsact 2>/dev/null || true
}

nothing() { :; }
isolated() {
	hostiso isolate "${allow[@]}" >/dev/null
}
waiting() {
	hostiso allow 10.77.0.5 fd00:77::5 >/dev/null
}

crash isolate "open isolated" nothing -- isolate "${allow[@]}"
crash "isolate of waiting entries" "open isolated" waiting -- isolate
crash "isolate, isolated already," isolated isolated -- isolate "${allow[@]}" --for 1h
crash allow isolated isolated -- allow 10.77.0.0/30 out:10.77.0.66:99/tcp
crash deny isolated isolated -- deny 10.99.0.0/16
crash release "open isolated" isolated -- release

# What an interrupted isolate leaves does not stop the next one either.
total=$(count_steps isolate "${allow[@]}")
hostiso release >/dev/null
wrong=0
for ((n = 1; n <= total; n += 5 * every)); do
	traced -e trace="$steps" -e inject="$steps":signal=SIGKILL:when="$n" -- isolate "${allow[@]}" >/dev/null 2>&1 || true
	if ! output=$(hostiso isolate "${allow[@]}" 2>&1) || [[ $(host_state) != isolated ]] || ! output=$(hostiso status 2>&1); then
		wrong=$((wrong + 1))
		diag "isolate after one killed at step $n:" "$output" "$(host_state)"
	fi
	hostiso release >/dev/null || wrong=$((wrong + 1))
done
is "$wrong" 0 "isolate works after an interrupted one"
is "$(kernel_state host)" "$before" "nothing is left"
is "$(left_behind "$objects")" "" "nor any program, map or link"
done_testing
