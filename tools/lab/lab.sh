# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# A lab of network namespaces, for the demo and the end-to-end tests. Whoever reads this sets
# lab_name first: namespaces are called hi-$lab_name-HOST, the pin folder /sys/fs/bpf/hi-$lab_name.
# lab_begin cleans up after an earlier run that was killed; lab_end takes everything away again.
#
# It never touches the machine's own network: devices are made in the namespaces, and hostiso runs
# behind a guard that wants to find itself in a namespace of the lab.

tree=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=${B:-build}
[[ $build == /* ]] || build=$tree/$build
HOSTISO=${HOSTISO:-$build/hostiso}
lab_ns_prefix=hi-${lab_name:?}-
export HOSTISO_PIN_DIR=/sys/fs/bpf/hi-$lab_name
# The session this runs in is not the suspect's.
unset SSH_CONNECTION SSH_CLIENT SSH_TTY

scratch='' line='' helpers=()

# The last part of each host's addresses.
declare -A lab_number=([host]=1 [suspect]=1 [peer]=5 [responder]=5 [dns]=53 [attacker]=66)

addr4() { # HOST
	echo "10.77.0.${lab_number[$1]}"
}

addr6() { # HOST
	echo "fd00:77::${lab_number[$1]}"
}

ns() { # HOST: its namespace's full name
	echo "$lab_ns_prefix$1"
}

in_ns() { # HOST COMMAND...
	local host=$1
	shift
	nsenter --net="/run/netns/$lab_ns_prefix$host" -- "$@"
}

# A mistake here would cut off the machine that the lab runs on, so the last thing before a verb is
# to look whether this is a namespace of the lab.
lab_guard='[[ $1 == /run/netns/hi-* && /proc/self/ns/net -ef $1 ]] || { echo "refused: not in $1" >&2; exit 99; }
shift
exec "$@"'

guarded() { # HOST COMMAND...
	local host=$1
	shift
	in_ns "$host" bash -c "$lab_guard" guard "/run/netns/$lab_ns_prefix$host" "$@"
}

hostiso_in() { # HOST VERB...
	local host=$1
	shift
	guarded "$host" "$HOSTISO" "$@"
}

# ---- making it ----

lab_ns() { # HOST...
	local host
	for host; do
		ip netns add "$(ns "$host")"
		# Addresses are there at once: nobody else's duplicates are to be detected.
		in_ns "$host" bash -c 'for f in all default; do echo 0 >/proc/sys/net/ipv6/conf/$f/accept_dad; done'
		ip -n "$(ns "$host")" link set lo up
	done
}

# A cable between two hosts.
lab_cable() { # HOST DEVICE HOST DEVICE
	ip -n "$(ns "$1")" link add "$2" type veth peer name "$4" netns "$(ns "$3")"
	ip -n "$(ns "$1")" link set "$2" up
	ip -n "$(ns "$3")" link set "$4" up
}

lab_switch() { # SWITCH
	lab_ns "$1"
	# A bridge in a new namespace passes frames through iptables unless told otherwise.
	in_ns "$1" bash -c 'for f in /proc/sys/net/bridge/bridge-nf-call-*; do [[ ! -e $f ]] || echo 0 >"$f"; done'
	ip -n "$(ns "$1")" link add br0 type bridge mcast_snooping 0
	ip -n "$(ns "$1")" link set br0 up
}

# A host with eth0 on the switch, and its two addresses.
lab_host() { # HOST SWITCH
	lab_ns "$1"
	lab_cable "$1" eth0 "$2" "$1"
	ip -n "$(ns "$2")" link set "$1" master br0
	ip -n "$(ns "$1")" addr add "$(addr4 "$1")/24" dev eth0
	ip -n "$(ns "$1")" addr add "$(addr6 "$1")/64" dev eth0 nodad
}

# Runs a helper in the background until the lab ends, once its first line of output has come: that
# line is $line, and $! is the helper.
start() { # COMMAND...
	local out
	exec {out}< <(exec "$@" {lab_lock}>&-)
	helpers+=($!)
	if ! IFS= read -r -t 10 line <&"$out"; then
		echo "# $1 did not start" >&2
		return 1
	fi
}

# Echoes TCP (-t) and UDP (-u) in all the hosts named.
serve() { # [-t PORT | -u PORT]... HOST...
	local args=() host
	while [[ $1 == -* ]]; do
		args+=("$1" "$2")
		shift 2
	done
	for host; do
		args+=("$(ns "$host")")
	done
	start "$build/tools/lab/serve" "${args[@]}"
}

# A name server that answers every name below .test with 10.77.0.99.
serve_names() { # HOST
	start nsenter --net="/run/netns/$(ns "$1")" -- setpriv --pdeathsig TERM dnsmasq -k --user=root --conf-file=/dev/null \
		--pid-file= --no-resolv --no-hosts --log-facility=/dev/stdout --address=/test/10.77.0.99
}

# ---- who reaches whom ----

# A probe as the program takes it, or FROM-TO[:PROTO]: TCP, UDP and ICMP (or just PROTO), each over
# IPv4 and IPv6.
probes() { # PROBE...
	local probe from to proto port
	for probe; do
		if [[ $probe == *,* ]]; then
			echo "$probe"
			continue
		fi
		from=${probe%%-*} to=${probe#*-}
		proto='tcp udp icmp'
		[[ $to != *:* ]] || proto=${to#*:} to=${to%:*}
		for proto in $proto; do
			case $proto in
			tcp | udp) port=,7 ;;
			dns) port=,53 ;;
			*) port= ;;
			esac
			printf '%s\n' "$from,$proto,$(addr4 "$to")$port" "$from,$proto,$(addr6 "$to")$port"
		done
	done
}

# One line for each probe: `open MILLISECONDS PROBE` or `shut WHY PROBE`.
reach() { # [-w MILLISECONDS] PROBE...
	local wait=${HOSTISO_PROBE_MS:-300} list
	if [[ $1 == -w ]]; then
		wait=$2
		shift 2
	fi
	mapfile -t list < <(probes "$@")
	"$build/tools/lab/reach" -w "$wait" "${list[@]/#/$lab_ns_prefix}" | sed "s/ $lab_ns_prefix/ /"
}

# ---- beginning and end ----

# What the kernel lists of a host, for before and after. What only counts is left out.
kernel_state() { # HOST
	in_ns "$1" bash -c '
		ip -d link | sed -E "s/ (state|mode) [A-Z]+//g"
		for dev in $(ip -o link | sed -E "s/^[0-9]+: ([^:@]+).*/\1/"); do
			echo "== $dev"
			tc qdisc show dev "$dev"
			tc filter show dev "$dev" ingress 2>/dev/null
			tc filter show dev "$dev" egress 2>/dev/null
		done
		bpftool net
		nft list ruleset' | sed -E 's/ (Sent|installed|used|expires) .*//'
	find "$HOSTISO_PIN_DIR" 2>/dev/null | sort || true
}

lab_clean() {
	local pid name
	for pid in "${helpers[@]}"; do
		kill "$pid" 2>/dev/null || true
	done
	helpers=()
	for name in $(ip netns list | sed -nE "s/^(${lab_ns_prefix}[a-z0-9]+)( .*)?\$/\1/p"); do
		ip netns pids "$name" 2>/dev/null | xargs -r kill -9 2>/dev/null || true
	done
	# A pin that goes takes its link along; a namespace its devices, qdiscs, filters and rules.
	rm -rf "$HOSTISO_PIN_DIR" "$HOSTISO_PIN_DIR"+*
	for name in $(ip netns list | sed -nE "s/^(${lab_ns_prefix}[a-z0-9]+)( .*)?\$/\1/p"); do
		ip netns del "$name" || true
	done
	[[ ! $scratch ]] || rm -rf "$scratch"
	scratch=''
}

# Two runs of one lab, by two people, take turns. 1, with a line on stderr, when it cannot be.
lab_begin() {
	local program mounting
	for program in reach serve; do
		[[ -x $build/tools/lab/$program ]] && continue
		echo "no $build/tools/lab/$program: run make test-programs" >&2
		return 1
	done
	mkdir -p /run/lock
	exec {lab_lock}>"/run/lock/hostiso-lab-$lab_name"
	if ! flock -w "${HOSTISO_LAB_WAIT:-100}" "$lab_lock"; then
		echo "the lab $lab_name is in use by another run of this" >&2
		return 1
	fi
	exec {mounting}>/run/lock/hostiso-lab-mount
	flock "$mounting"
	[[ $(stat -f -c %T /sys/fs/bpf) == bpf_fs ]] || mount -t bpf bpf /sys/fs/bpf
	exec {mounting}>&-
	lab_clean
	scratch=$(mktemp -d "${TMPDIR:-/tmp}/hi-$lab_name.XXXXXX")
}
