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
	: "${HOSTISO_PROBE_MS:=800}" "${HOSTISO_LATE_MS:=5000}" "${HOSTISO_QUICK_MS:=500}" "${HOSTISO_GAP_MS:=3000}" "${HOSTISO_SCALE_SECONDS:=30}"
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

# An answer may be late on a busy machine, and is then waited for once more; nothing makes silence late.
late_ms=${HOSTISO_LATE_MS:-2000}

ok_open() { # DESCRIPTION PROBE...
	local found
	found=$(reach "${@:2}") || true
	all_lines '^open ' "$found" || found=$(reach -w "$late_ms" "${@:2}") || true
	report_lines '^open ' "$1" "$found"
}

# Refused is not shut: the packet went there, and its refusal came back.
ok_shut() { # DESCRIPTION PROBE...
	local found
	found=$(reach "${@:2}") || true
	report_lines "$is_shut" "$1" "$found"
}
is_shut='^shut (timeout|EPERM|unreachable) '

all_lines() { # REGEX LINES
	local each
	while IFS= read -r each; do
		[[ $each =~ $1 ]] || return 1
	done <<<"$2"
}

report_lines() { # REGEX DESCRIPTION LINES
	local status=0
	all_lines "$1" "$3" || status=1
	report "$status" "$2"
	[[ $status == 0 ]] || diag "$3"
}

# open, isolated (only peer is reached), or what else was found; mixed is what must never be.
host_state() { # [-w MILLISECONDS]
	local found state forbidden leaked
	look_at_host "$@"
	if [[ $state == mixed ]]; then
		leaked=$forbidden
		look_at_host -w "$late_ms"
		# What passed once was not late.
		[[ $state != isolated || $leaked == 0 ]] || state=mixed found="$leaked of the attacker's probes passed before:"$'\n'$found
	fi
	[[ $state != mixed ]] || state+=$':\n'$found
	echo "$state"
}

# Sets state (open, isolated or mixed), found (what reach wrote) and forbidden (probes to and from the attacker that
# passed).
look_at_host() { # [-w MILLISECONDS]
	local each good=0 shut=0
	forbidden=0 state=mixed
	found=$(reach "$@" host-attacker attacker-host host-peer peer-host) || true
	while read -r each; do
		case $each in
		open\ *attacker,* | open\ *[.:]66 | open\ *[.:]66,*) forbidden=$((forbidden + 1)) ;;
		open\ *) good=$((good + 1)) ;;
		*) [[ ! $each =~ $is_shut.*(attacker,|[.:]66(,|$)) ]] || shut=$((shut + 1)) ;;
		esac
	done <<<"$found"
	case $good,$shut,$forbidden in
	12,0,12) state=open ;;
	12,12,0) state=isolated ;;
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

# What changes the whole machine is tried in one of vm/ only, which has no network of its own: a variable alone does
# not prove it.
alone_here() {
	local up
	[[ ${HOSTISO_VM:-} ]] && up=$(ip -o link show up) && ! grep -qv '^[0-9]*: lo:' <<<"$up"
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
