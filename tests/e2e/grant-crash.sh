#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# timeout: 600
# SIGKILL at every step of a verb that changes grants: the process is granted or it is not, nobody else
# ever is, the next command works, and release leaves nothing. HOSTISO_CRASH_EVERY=N tries every Nth.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/../../tools/lab/puppets.sh"
need strace

steps=bpf,unlink,pidfd_getfd,setns
every=${HOSTISO_CRASH_EVERY:-1}
export HOSTISO_PROBE_MS=150

lab_default
before=$(kernel_state host)
puppet granted host
puppet other host
tell granted socket udp4 early
pid=${puppet_pid[granted]}

find_steps() { # VERB...
	in_ns host strace -qq -o "$scratch/trace" -e trace="$steps" "$HOSTISO" "$@" >/dev/null
	mapfile -t found < <(awk -v every="$every" '
		!/^[a-z_0-9]+\(/ { next }
		{ call = $0; sub(/\(.*/, "", call); step = call ":when=" ++n[call] }
		/MAP_LOOKUP|OBJ_GET|BTF_LOAD|PROG_QUERY|PROG_LOAD|MAP_CREATE|GET_NEXT_ID|GET_NEXT_KEY|_GET_FD| = -1 E/ { next }
		++kept % every == 0 { print step }' "$scratch/trace")
}

kill_at() { # STEP VERB...
	local step=$1
	shift
	in_ns host strace -qq -o /dev/null -e trace="$steps" -e inject="${step/:/:signal=SIGKILL:}" "$HOSTISO" "$@"
}

crash() { # NAME PREPARE -- VERB...
	local name=$1 prepare=$2 n wrong=0 died=0
	shift 3
	$prepare
	find_steps "$@"
	for n in "${found[@]}"; do
		$prepare
		kill_at "$n" "$@" >/dev/null 2>&1 || died=$((died + 1))
		# whole or not at all: the socket from before and a new one say the same
		tell granted to 10.77.0.66 7 early
		local old=$answer
		tell granted udp 10.77.0.66 7
		if [[ ${old%% *} != "${answer%% *}" ]]; then
			wrong=$((wrong + 1))
			diag "$name killed at $n: a socket from before is $old, a new one $answer"
		fi
		if [[ -e $HOSTISO_PIN_DIR/maps/policy ]] && hostiso status >/dev/null; then
			tell other udp 10.77.0.66 7
			[[ $answer != open ]] || { wrong=$((wrong + 1)) && diag "$name killed at $n: another process is open"; }
		fi
		if ! output=$(hostiso allow --pid "$pid" 2>&1 && hostiso list 2>&1 && hostiso deny --pid "$pid" 2>&1); then
			wrong=$((wrong + 1))
			diag "$name killed at $n: then" "$output"
		fi
		if compgen -G "$HOSTISO_PIN_DIR/links/grant_*" >/dev/null; then
			wrong=$((wrong + 1))
			diag "$name killed at $n: hooks stay after deny" "$(ls "$HOSTISO_PIN_DIR/links")"
		fi
	done
	is "$wrong" 0 "$name killed at each of ${#found[@]} steps leaves all or nothing"
	# a map that is swept may have a row less the next time
	ok "$name died nearly each time ($died)" [ "$died" -ge $((${#found[@]} * 9 / 10)) ]
	ok "release" hostiso release
	is "$(kernel_state host)" "$before" "which leaves nothing"
}

isolated() {
	hostiso isolate >/dev/null
}
granted() {
	hostiso isolate >/dev/null
	hostiso allow --pid "$pid" >/dev/null
}

crash "allow --pid" isolated -- allow --pid "$pid"
crash "deny --pid" granted -- deny --pid "$pid"

# release, with a grant
granted
find_steps release
wrong=0
for n in "${found[@]}"; do
	granted
	kill_at "$n" release >/dev/null 2>&1 || true
	hostiso release >/dev/null || wrong=$((wrong + 1))
	[[ $(kernel_state host) == "$before" ]] || wrong=$((wrong + 1))
done
is "$wrong" 0 "release, killed at each of ${#found[@]} steps, ends what is left the next time"
done_testing
