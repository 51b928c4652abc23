# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# What the end-to-end tests share: TAP, and a lab of network namespaces of each test's own.
#
#	. "$(dirname "$0")/lib.sh"
#	lab_default                     # host, peer, attacker and dns on one switch, echoing
#	hostiso isolate --allow 10.77.0.5 >/dev/null
#	ok_open "the allowed peer is reached" host-peer
#	ok_shut "nobody else is" host-attacker attacker-host
#	done_testing
#
# A script that ends before done_testing prints no plan, and so fails. Everything made here is
# taken away again at the end, also after a signal; after SIGKILL, by the next run of the test.
set -Eeuo pipefail
export LC_ALL=C

# An emulated machine of vm/ is slow: longer waits there, and fewer rounds. TCP sends again there what is
# only late.
if [[ ${HOSTISO_VM:-} ]]; then
	: "${HOSTISO_PROBE_MS:=800}" "${HOSTISO_QUICK_MS:=500}" "${HOSTISO_GAP_MS:=3000}" "${HOSTISO_SCALE_SECONDS:=30}"
	: "${HOSTISO_CYCLES:=20}" "${HOSTISO_RATE:=40}" "${HOSTISO_RACE_ROUNDS:=2}" "${HOSTISO_CRASH_EVERY:=20}" "${HOSTISO_DEADLINE:=6}"
	: "${HOSTISO_ENTRIES:=3000}" "${HOSTISO_REPEATED:=5}" "${HOSTISO_LOOK_EVERY:=10}"
fi

# HOSTISO_LAB sets two people's runs apart.
lab_name=$(basename "$0" .sh)${HOSTISO_LAB:-}
# shellcheck source=tools/lab/lab.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../tools/lab/lab.sh"

# ---- TAP ----

tap_count=0 tap_failed=0 tap_done=''

diag() { # TEXT...
	printf '%s\n' "$@" | sed 's/^/# /'
}

report() { # STATUS DESCRIPTION
	tap_count=$((tap_count + 1))
	if [[ $1 == 0 ]]; then
		echo "ok $tap_count - $2"
	else
		tap_failed=$((tap_failed + 1))
		echo "not ok $tap_count - $2"
	fi
}

# Runs the command, which must exit with STATUS; its output shows when it does not. $output keeps it.
output=''
exits() { # STATUS DESCRIPTION COMMAND...
	local want=$1 text=$2 got=0
	shift 2
	output=$("$@" 2>&1) || got=$?
	if [[ $got == "$want" ]]; then
		report 0 "$text"
	else
		report 1 "$text"
		diag "$* exited with $got, not $want" "$output"
	fi
}

ok() { # DESCRIPTION COMMAND...
	exits 0 "$@"
}

is() { # GOT WANT DESCRIPTION
	if [[ $1 == "$2" ]]; then
		report 0 "$3"
	else
		report 1 "$3"
		diag "got:  ${1//$'\n'/$'\n'      }" "want: ${2//$'\n'/$'\n'      }"
	fi
}

like() { # GOT EXTENDED-REGEX DESCRIPTION
	if [[ $1 =~ $2 ]]; then
		report 0 "$3"
	else
		report 1 "$3"
		diag "got:        $1" "matches not: $2"
	fi
}

unlike() { # GOT EXTENDED-REGEX DESCRIPTION
	if [[ ! $1 =~ $2 ]]; then
		report 0 "$3"
	else
		report 1 "$3"
		diag "got:     $1" "matches: $2"
	fi
}

skip() { # DESCRIPTION REASON
	tap_count=$((tap_count + 1))
	echo "ok $tap_count - $1 # SKIP $2"
}

skip_all() { # REASON
	tap_done=1
	echo "1..0 # SKIP $1"
	exit 0
}

done_testing() {
	tap_done=1
	echo "1..$tap_count"
	exit $((tap_failed > 0))
}

need() { # PROGRAM...: the whole test is skipped without them
	local program
	for program; do
		command -v "$program" >/dev/null || skip_all "no $program here: run tools/deps"
	done
}

# Nobody writes to it: to wait for it takes no process.
exec {silence}<> <(:)
nap() { # SECONDS
	read -r -t "$1" -u "$silence" || true
}

# Tries for up to SECONDS, less often as time goes by; false when the command never succeeded.
eventually() { # SECONDS COMMAND...
	local until=$((SECONDS + $1)) ms=20
	shift
	until "$@"; do
		((SECONDS < until)) || return 1
		printf -v ms %03d "$ms"
		nap "0.$ms"
		((10#$ms >= 500)) || ms=$((10#$ms * 3 / 2))
	done
}

# ---- the lab ----

# `isolate --for 1s` on top of an isolation with no such end; that second may be over before the command has
# ended, which it then says.
isolate_for_a_moment() {
	local code=0 said
	said=$(hostiso isolate --for 1s 2>&1) || code=$?
	case $code in
	0) like "$said" 'ends by itself in <?1s' "isolate --for a moment" ;;
	*) is "$code ${said##*$'\n'}" "3 hostiso: not isolated any more: its time is over already" "isolate --for a moment" ;;
	esac
}

hostiso() { # VERB...
	hostiso_in host "$@"
}

# What jq finds in a verb's output; the verb's exit code does not matter here.
json() { # FILTER VERB...
	local filter=$1
	shift
	{ hostiso "$@" --json || true; } | jq -c "$filter"
}

# The suspect host, an allowed peer, an attacker and a name server. Ports 7 and 53 echo everywhere.
lab_default() {
	lab_switch switch
	lab_host host peer attacker dns switch
	serve -t 7 -u 7 -t 53 -u 53 host peer attacker dns
}

ok_open() { # DESCRIPTION PROBE...
	found_all '^open ' "$@"
}

# Refused is not shut: the packet went there, and its refusal came back.
ok_shut() { # DESCRIPTION PROBE...
	found_all "$is_shut" "$@"
}
is_shut='^shut (timeout|EPERM|unreachable) '

found_all() { # REGEX DESCRIPTION PROBE...: each line of what is found is so
	local found each=() one status=0
	found=$(reach "${@:3}") || status=1
	mapfile -t each <<<"$found"
	for one in "${each[@]}"; do
		[[ $one =~ $1 ]] || status=1
	done
	report "$status" "$2"
	[[ $status == 0 ]] || diag "$found"
}

# open, isolated (only peer is reached), or what else was found; mixed is what must never be.
host_state() { # [-w MILLISECONDS]
	local found each open=0 good=0 shut=0
	found=$(reach "$@" host-attacker attacker-host host-peer peer-host) || true
	while read -r each; do
		[[ $each != open\ * ]] || open=$((open + 1))
		[[ ! $each =~ ^open\ .*(peer,|[.:]5(,|$)) ]] || good=$((good + 1))
		[[ ! $each =~ $is_shut.*(attacker,|[.:]66(,|$)) ]] || shut=$((shut + 1))
	done <<<"$found"
	case $good,$shut,$open in
	12,0,24) echo open ;;
	12,12,12) echo isolated ;;
	*) printf 'mixed:\n%s\n' "$found" ;;
	esac
}

# Background traffic, each with its output below $scratch.
hold() { # FILE FROM ADDRESS [PORT]
	start "$build/tools/lab/hold" -o "$scratch/$1" "$(ns "$2")" "$3" "${4:-7}"
}

# hostiso watch in the background, its words in $scratch/watch; $watcher is it.
watch_begin() { # [WRAPPER]: a program that runs it
	(exec "$build/tools/lab/within" "/run/netns/$(ns host)" "$@" "$HOSTISO" watch {lab_lock}>&-) >"$scratch/watch" 2>&1 &
	watcher=$!
	helpers+=("$watcher")
}
watch_end() {
	kill "$watcher"
	wait "$watcher" 2>/dev/null || true
}

# Microseconds, as flood, watch and hold write them.
now() {
	echo "${EPOCHREALTIME/./}"
}

# Every BPF object there is: `prog 12 hostiso_in`, and so on.
bpf_objects() {
	local kind
	for kind in prog map link; do
		bpftool "$kind" list | sed -nE "s/^([0-9]+): .*  name ([^ ]+)  .*/$kind \\1 \\2/p; t; s/^([0-9]+): ([^ ]+) .*/$kind \\1 \\2/p"
	done | sort
}

# Objects come and go with other people's work on this machine: ours are those that stay.
left_behind() { # BEFORE: what bpf_objects said then
	local before=$1 i left=''
	for ((i = 0; i < 50; i++)); do
		left=$(comm -13 <(sort <<<"$before") <(bpf_objects))
		[[ $left ]] || return 0
		sleep 0.1
	done
	echo "$left"
}

finish() {
	local status=$?
	trap '' INT TERM HUP
	trap - ERR
	set +e
	lab_clean
	[[ $tap_done ]] || diag "ended early, with status $status"
	exit "$status"
}

[[ $EUID == 0 ]] || skip_all "needs root"
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
# shellcheck disable=SC2154 # bash sets it
trap 'diag "$BASH_COMMAND: failed, at line $LINENO, called from lines ${BASH_LINENO[*]}" >&2' ERR
lab_begin
