# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# Processes that do with sockets what a test tells them (tests/helpers/puppet), read after lib.sh.

# shellcheck disable=SC2154 # scratch and lab_lock are lab.sh's
declare -A puppet_in puppet_out puppet_pid

# shellcheck disable=SC2154
puppet() { # NAME HOST: starts one, by $puppet_program if that is set
	local fifo=$scratch/$1 in out
	mkfifo "$fifo.to" "$fifo.from"
	# shellcheck disable=SC2086 # words
	nsenter --net="/run/netns/$(ns "$2")" -- ${puppet_program:-$tree/tests/helpers/puppet} \
		<"$fifo.to" >"$fifo.from" {lab_lock}>&- &
	helpers+=($!)
	disown
	exec {in}>"$fifo.to" {out}<"$fifo.from"
	puppet_in[$1]=$in puppet_out[$1]=$out
	puppet_answer "$1"
	puppet_pid[$1]=${answer#ready }
}

# As long as only a puppet that hangs would take: one answer missed shifts all that follow.
answer=''
puppet_answer() { # NAME: its next line, in $answer
	answer='no answer'
	IFS= read -r -t 120 answer <&"${puppet_out[$1]}" || true
}

tell() { # NAME COMMAND...: what it answers, in $answer
	echo "${*:2}" >&"${puppet_in[$1]}"
	puppet_answer "$1"
}

# An answer may be late in an emulated machine, and is waited for; elsewhere the first packet must do.
late=()
[[ ! ${HOSTISO_VM:-} ]] || late=(within "$((late_ms / 1000))")
say_open() { # DESCRIPTION NAME COMMAND...
	tell "$2" "${late[@]}" "${@:3}"
	is "$answer" open "$1"
}

# Refused is not shut: the packet went there, and its refusal came back.
say_shut() { # DESCRIPTION NAME COMMAND...
	tell "${@:2}"
	like "$answer" '^shut (timeout|EPERM|unreachable)' "$1"
}

# All of what `each` says, or what several puppets say by commas.
all_shut() { # ANSWERS DESCRIPTION
	like "$1" '^(shut (timeout|EPERM|unreachable)(,|$))+$' "$2"
}
all_open() { # ANSWERS DESCRIPTION
	like "$1" '^(open(,|$))+$' "$2"
}
say_each_shut() { # DESCRIPTION NAME COMMAND / COMMAND...
	tell "$2" each "${@:3}"
	all_shut "$answer" "$1"
}
say_each_open() { # DESCRIPTION NAME COMMAND / COMMAND...
	tell "$2" "${late[@]}" each "${@:3}"
	all_open "$answer" "$1"
}

# A child of a puppet that lives on, as a puppet of its own.
# shellcheck disable=SC2154
puppet_child() { # NAME PARENT
	local fifo=$scratch/$1 in out
	mkfifo "$fifo.in" "$fifo.out"
	tell "$2" child "$fifo"
	puppet_pid[$1]=${answer#pid }
	exec {in}>"$fifo.in" {out}<"$fifo.out"
	puppet_in[$1]=$in puppet_out[$1]=$out
}

# Two puppets at once: one serves while the other asks. $answer is what ASKER says, $served the other's.
meet() { # SERVER COMMAND -- ASKER COMMAND...
	local server=$1 command=()
	shift
	while [[ $1 != -- ]]; do
		command+=("$1")
		shift
	done
	shift
	echo "${command[*]}" >&"${puppet_in[$server]}"
	tell "$@"
	local asked=$answer
	puppet_answer "$server"
	served=$answer answer=$asked
}

# Killed, since perl closes its files before it exits.
puppet_ends() { # NAME
	local pid=${puppet_pid[$1]}
	kill -9 "$pid"
	eventually 5 bash -c '[[ ! -e /proc/$1 || $(</proc/$1/stat) == *") Z "* ]]' - "$pid"
}
