# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# What the tests of the kill hook share: rules for the processes of a runner of their own, in their
# own folder only. Read after tests/e2e/lib.sh.
#
#	arm --adds x --enforce
#	fresh
#	victim chmod 755 "$file"
#	is "$status $(mode)" "137 644" "killed, and the mode is what it was"

doors=$build/tests/helpers/chmod_doors
dir=$scratch/place pins=/sys/fs/bpf/hi-$lab_name
export ELSEWHERE=$scratch/other
mkdir -p "$dir"
file=$dir/file

kill_() { # WORD...: hostiso kill with our own pins
	local word=$1
	shift
	"$build/hostiso" kill "$word" --pin-dir "$pins" "$@"
}
kill_ clear >/dev/null # of a run that was killed
# shellcheck disable=SC2317
kill_after() {
	kill_ clear >/dev/null 2>&1 || true
	[[ ! ${watcher:-} ]] || kill "$watcher" 2>/dev/null || true
	[[ ! ${runner_pid:-} ]] || kill "$runner_pid" 2>/dev/null || true
	finish
}
trap kill_after EXIT

# The runner: a process that does what it is told, and tells how that ended. All victims are its
# children.
# shellcheck disable=SC2094
mkfifo "$scratch/tell" "$scratch/ended"
(
	trap - EXIT ERR
	set +eE
	while read -r words; do
		(eval "exec $words") >"$scratch/said" 2>&1
		echo $?
	done <"$scratch/tell" >"$scratch/ended"
) 2>/dev/null &
runner_pid=$!
exec 8>"$scratch/tell" 9<"$scratch/ended"
status=''
victim() { # WORDS...: to $status, what it printed to $said
	echo "$*" >&8
	read -r -u 9 status
	said=$(<"$scratch/said")
}

umask 022
fresh() {
	rm -f "$file"
	: >"$file"
}
mode() {
	stat -c %a "$file" 2>/dev/null || echo none
}

# A rule for the victims: in all of $dir, or in a folder of it.
rule='' armed=() whose=(--tree "$runner_pid")
mine=("${whose[@]}" --path "$dir")
arm_for() { # OPTIONS...: the rule's number to $rule, and to $armed
	rule=$(kill_ chmod "${whose[@]}" --for 10m --json "$@") && rule=${rule#*: } && rule=${rule%%,*} &&
		[[ $rule ]] && armed+=("$rule")
}
arm() { # OPTIONS...
	arm_for --path "$dir" "$@"
}
arm_in() { # FOLDER OPTIONS...
	mkdir -p "$dir/$1"
	arm_for --path "$dir/$1" "${@:2}"
}
disarm() { # all since the last time
	[[ ! ${armed[*]} ]] || kill_ remove "${armed[@]}" >/dev/null
	armed=()
}

# What `kill list` says: of all to ${told[KEY]}, of a rule to ${told[RULE.KEY]}; the numbers to $listed.
declare -A told
look() {
	local line key value id='' within=''
	told=() listed=()
	while read -r line; do
		if [[ $line =~ ^\"([a-z_-]+)\":\ *\"?(.*[^,\"])?\"?,?$ ]]; then
			key=${BASH_REMATCH[1]} value=${BASH_REMATCH[2]}
			[[ $key != rule ]] || { id=$value. && listed+=("$value"); }
			told[$id$within$key]=$value
			[[ $value != '{' ]] || within=$key.
		elif [[ $line == '}'* ]]; then
			within=''
		fi
	done < <(kill_ list --json)
}
of() { # KEY: of $rule, as looked at last
	echo "${told[$rule.$1]}"
}
counts() { # .KEY: of $rule, now
	look
	of "${1#.}"
}
watched() {
	look
	[[ ${told[watched]} == true ]]
}

# What matches is told in $scratch/events, by $watcher.
watch_matches() {
	"$build/hostiso" kill watch --pin-dir "$pins" >"$scratch/events" 2>/dev/null {lab_lock}>&- &
	watcher=$!
	eventually 20 watched
}
watch_no_more() {
	kill "$watcher"
	wait "$watcher" || true
	watcher=''
}
