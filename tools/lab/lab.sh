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

# A mistake here would cut off the machine that the lab runs on: within refuses whatever is not a
# namespace of a lab.
in_ns() { # HOST COMMAND...
	"$build/tools/lab/within" "/run/netns/$lab_ns_prefix$1" "${@:2}"
}

hostiso_in() { # HOST VERB...
	in_ns "$1" "$HOSTISO" "${@:2}"
}

# ---- making it ----
#
# In an emulated machine a process costs tens of milliseconds, so ip gets its commands in batches.

lab_ip() { # HOST: commands on stdin
	ip -n "$lab_ns_prefix$1" -batch -
}

lab_ns() { # HOST...
	local host
	printf "netns add $lab_ns_prefix%s\n" "$@" | ip -batch -
	for host; do
		# Addresses are there at once: nobody else's duplicates are to be detected.
		in_ns "$host" -w /proc/sys/net/ipv6/conf/all/accept_dad=0 -w /proc/sys/net/ipv6/conf/default/accept_dad=0
		ip -n "$lab_ns_prefix$host" link set lo up
	done
}

# A cable between two hosts.
lab_cable() { # HOST DEVICE HOST DEVICE
	lab_ip "$1" <<-END
		link add $2 type veth peer name $4 netns $lab_ns_prefix$3
		link set $2 up
	END
	ip -n "$lab_ns_prefix$3" link set "$4" up
}

lab_switch() { # SWITCH
	local file off=()
	lab_ns "$1"
	# A bridge in a new namespace passes frames through iptables unless told otherwise.
	for file in /proc/sys/net/bridge/bridge-nf-call-{ip,ip6,arp}tables; do
		[[ ! -e $file ]] || off+=(-w "$file=0")
	done
	[[ ! ${off[*]} ]] || in_ns "$1" "${off[@]}"
	lab_ip "$1" <<-END
		link add br0 type bridge mcast_snooping 0
		link set br0 up
	END
}

# Hosts with eth0 on the switch, and their two addresses each.
lab_host() { # HOST... SWITCH
	local switch=${*: -1} host hosts=("${@:1:$#-1}") number
	lab_ns "${hosts[@]}"
	for host in "${hosts[@]}"; do
		number=${lab_number[$host]}
		lab_ip "$host" <<-END
			link add eth0 type veth peer name $host netns $lab_ns_prefix$switch
			link set eth0 up
			addr add 10.77.0.$number/24 dev eth0
			addr add fd00:77::$number/64 dev eth0 nodad
		END
	done
	printf 'link set %s master br0 up\n' "${hosts[@]}" | lab_ip "$switch"
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
# IPv4 and IPv6. Without subshells, as a test asks this often.
probes() { # PROBE...: into $probe_list
	local probe from to proto protos port
	probe_list=()
	for probe; do
		if [[ $probe == *,* ]]; then
			probe_list+=("$lab_ns_prefix$probe")
			continue
		fi
		from=${probe%%-*} to=${probe#*-} protos='tcp udp icmp'
		[[ $to != *:* ]] || protos=${to#*:} to=${to%:*}
		for proto in $protos; do
			case $proto in
			tcp | udp) port=,7 ;;
			dns) port=,53 ;;
			*) port= ;;
			esac
			probe_list+=("$lab_ns_prefix$from,$proto,10.77.0.${lab_number[$to]}$port"
				"$lab_ns_prefix$from,$proto,fd00:77::${lab_number[$to]}$port")
		done
	done
}

# One line for each probe: `open MILLISECONDS PROBE` or `shut WHY PROBE`.
reach() { # [-w MILLISECONDS] PROBE...
	local wait=${HOSTISO_PROBE_MS:-300} found probe_list status=0
	if [[ $1 == -w ]]; then
		wait=$2
		shift 2
	fi
	probes "$@"
	found=$("$build/tools/lab/reach" -w "$wait" "${probe_list[@]}") || status=$?
	[[ ! $found ]] || echo "${found// $lab_ns_prefix/ }"
	return "$status"
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
	local pid path names=()
	for pid in "${helpers[@]}"; do
		kill "$pid" 2>/dev/null || true
	done
	helpers=()
	# Not those of the lab hi-a-b, when this is hi-a.
	for path in /run/netns/"$lab_ns_prefix"*; do
		[[ ! -e $path || ${path#/run/netns/"$lab_ns_prefix"} == *-* ]] || names+=("${path##*/}")
	done
	# A pin that goes takes its link along; a namespace its devices, qdiscs, filters and rules.
	[[ ! ${names[*]} ]] || printf 'netns pids %s\n' "${names[@]}" | ip -force -batch - 2>/dev/null |
		xargs -r kill -9 2>/dev/null || true
	rm -rf "$HOSTISO_PIN_DIR" "$HOSTISO_PIN_DIR"+* ${scratch:+"$scratch"}
	[[ ! ${names[*]} ]] || printf 'netns del %s\n' "${names[@]}" | ip -force -batch - || true
	scratch=''
}

# Two runs of one lab, by two people, take turns. 1, with a line on stderr, when it cannot be.
lab_begin() {
	local program mounting
	for program in reach serve within; do
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
