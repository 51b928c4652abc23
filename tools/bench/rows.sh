# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# The rows of tools/bench/run, which reads this: one function each, writing samples. Those of the time that verbs
# take are in verbs.sh.

baseline=$build/tools/bench/baseline.bpf.o
stranger=10.77.0.66

sample() { # ROW VARIANT VALUE
	if [[ ! $3 ]]; then
		echo "no value for $1, $2" >&2
		return 1
	fi
	printf '%s\t%s\t%s\n' "$1" "$2" "$3" >>"$samples"
}

# A command's wall clock, in milliseconds.
timed() { # COMMAND...
	local since=${EPOCHREALTIME/./}
	"$@" >/dev/null || return
	local till=${EPOCHREALTIME/./}
	ms=$(((till - since) / 1000)).$(printf %03d $(((till - since) % 1000)))
}

# isolate as on a kernel without nftables: it isolates, and exits 3 because there is no backstop.
isolate_alone() { # OPTION...
	in_ns host "$build/tests/helpers/without_nft" "$HOSTISO" isolate "$@" 2>/dev/null || (($? == 3))
}

# The host and its peer on one cable; the peer has a second address, which is nobody's friend.
bench_lab() {
	lab_ns host peer
	lab_cable host eth0 peer eth0
	ip -n "$(ns host)" addr add 10.77.0.1/24 dev eth0
	ip -n "$(ns peer)" addr add 10.77.0.5/24 dev eth0
	ip -n "$(ns peer)" addr add $stranger/24 dev eth0
}

bench_unlab() {
	local name pid
	for pid in "${helpers[@]}"; do
		kill "$pid" 2>/dev/null || true
	done
	helpers=()
	for name in host peer; do
		ip netns pids "$(ns $name)" 2>/dev/null | xargs -r kill -9 2>/dev/null || true
		ip netns del "$(ns $name)"
	done
	rm -rf "$HOSTISO_PIN_DIR"
}

# What a runbook does today: established connections and one set of peers, all else drops.
nft_inet() { # [ELEMENTS]
	cat <<-EOF
		table inet bench {
			set peers { type ipv4_addr; elements = { ${1:-10.77.0.5} } }
			chain input {
				type filter hook input priority 0; policy drop;
				iif lo accept
				ct state established,related accept
				ip saddr @peers accept
			}
			chain output {
				type filter hook output priority 0; policy drop;
				oif lo accept
				ct state established,related accept
				ip daddr @peers accept
			}
		}
	EOF
}

# The least that nft can do, where it does it first.
nft_netdev() { # [ELEMENTS]
	cat <<-EOF
		table netdev bench {
			set peers { type ipv4_addr; elements = { ${1:-10.77.0.5} } }
			chain in {
				type filter hook ingress device eth0 priority 0; policy drop;
				ip saddr @peers accept
				ether type arp accept
			}
		}
	EOF
}

# ip-link(8) makes folders and links for pins in the bpffs that it finds: in one that goes with it.
xdp_program() { # NAME
	# shellcheck disable=SC2016 # for the shell inside
	in_ns host unshare -m bash -ec 'mount -t bpf bpf /sys/fs/bpf
		exec ip link set eth0 xdpdrv object "$1" program "$2"' - "$baseline" "$1"
}

kernel_mib() { # CGROUP: of version 1 or 2
	{ cat "$1/memory.kmem.usage_in_bytes" 2>/dev/null || sed -n 's/^kernel //p' "$1/memory.stat"; } | jq '. / 1048576'
}

# The kernel's memory on a command's account, in MiB, behind it: in a cgroup of its own, so that others have no part.
charged() { # VARIANT COMMAND...
	local row root group=''
	row="allowlist of $(wc -l <"$scratch/entries"), kernel memory"
	for root in /sys/fs/cgroup/memory /sys/fs/cgroup; do
		[[ $group || ! -e $root/memory.stat ]] || group=$root/${lab_ns_prefix}memory
	done
	if [[ ! $group ]] || ! mkdir "$group" 2>/dev/null; then
		sample "$row" skipped "no cgroup with a memory controller here"
		"${@:2}"
		return
	fi
	(echo 0 >"$group/cgroup.procs" && "${@:2}")
	sample "$row" "$1" "$(kernel_mib "$group")"
	rmdir "$group"
}

load_nft_set() {
	nft_netdev "$(paste -sd, "$scratch/entries")" | in_ns host nft -f -
}

load_hostiso_set() {
	hostiso_in host isolate --limit 2000000 --allow-file "$scratch/entries" --xdp off >/dev/null
}

on() { # VARIANT
	case $1 in
	none) ;;
	count | read | pass | hash) xdp_program "$1_xdp" ;;
	count-tc) start nsenter --net="/run/netns/$(ns host)" -- "$build/tools/bench/tcx" eth0 count_tc ;;
	pass-tc) start nsenter --net="/run/netns/$(ns host)" -- "$build/tools/bench/tcx" eth0 empty_tc ;;
	nft-netdev) nft_netdev | in_ns host nft -f - ;;
	nft-inet) nft_inet | in_ns host nft -f - ;;
	hostiso) hostiso_in host isolate --allow 10.77.0.5 --xdp off >/dev/null ;;
	hostiso-alone) # without the nftables backstop
		hostiso_in host isolate --allow 10.77.0.5 --xdp off >/dev/null
		in_ns host nft flush ruleset
		;;
	hostiso-xdp) hostiso_in host isolate --allow 10.77.0.5 --xdp native >/dev/null ;;
	nft-set | hostiso-set) charged "$1" "load_${1//-/_}" ;;
	esac
}

off() { # VARIANT
	case $1 in
	count | read | pass | hash) in_ns host ip link set eth0 xdpdrv off ;;
	nft-*) in_ns host nft flush ruleset ;;
	hostiso*) hostiso_in host release >/dev/null ;;
	esac
}

# ---- per packet: BPF_PROG_TEST_RUN, attached to nothing ----

row_packets() {
	"$build/tools/bench/packets" -n "$rounds" -r "$repeat" >>"$samples"
}

# Each variant has a lab of its own, and keeps it: one sample follows the other's in a second, which
# is what makes them comparable on a machine that does other things as well.
of_variant() { # VARIANT COMMAND...
	local lab_ns_prefix=${lab_ns_prefix}${1//-/}
	local -x HOSTISO_PIN_DIR=$HOSTISO_PIN_DIR+$1
	shift
	"$@"
}

side_by_side() { # SERVER SAMPLES ROUNDS VARIANT...: SERVER once, SAMPLES VARIANT each round, for each
	local server=$1 samples_of=$2 rounds_of=$3 round variant variants
	shift 3
	variants=("$@")
	for variant in "${variants[@]}"; do
		of_variant "$variant" bench_lab
		of_variant "$variant" "$server"
		of_variant "$variant" on "$variant"
	done
	for ((round = 0; round < rounds_of; round++)); do
		"$samples_of" "${variants[@]}"
		variants=("${variants[@]:1}" "${variants[0]}") # nobody is always the first
	done
	for variant in "${variants[@]}"; do
		of_variant "$variant" off "$variant"
		of_variant "$variant" bench_unlab
	done
}

# ---- a flood of 64-byte frames from a stranger, as they arrive ----

received() {
	ip -n "$(ns host)" -j -s link show eth0 | jq '.[0].stats64.rx.packets'
}

flood_once() { # ROW VARIANT
	local before ns_each mac
	mac=$(ip -n "$(ns host)" -j link show eth0 | jq -r '.[0].address')
	before=$(received)
	ns_each=$(in_ns peer "$build/tools/bench/livemode" eth0 $stranger 10.77.0.1 "$mac" "$live_frames")
	# Of what was sent, what arrived: a full ring drops before any filter sees it.
	sample "$1" "$2" "$(jq -n "($(received) - $before) / $live_frames / $ns_each * 1000")"
}

take_frames() {
	in_ns host ethtool -K eth0 gro on # a veth takes redirected frames only with NAPI
}

sample_flood() { # ROW VARIANT...
	local row=$1 variant
	shift
	for variant; do
		of_variant "$variant" flood_once "$row" "$variant"
	done
}

sample_flood_xdp() { # VARIANT...
	sample_flood "flood, XDP" "$@"
}

sample_flood_tc() { # VARIANT...
	sample_flood "flood, TC" "$@"
}

row_flood() {
	side_by_side take_frames sample_flood_xdp "$flood_rounds" count read hash hostiso-xdp
	side_by_side take_frames sample_flood_tc "$flood_rounds" count-tc hostiso hostiso-alone nft-netdev nft-inet none
}

# ---- through an allowed peer ----

# A fixed time would be whole seconds: the first run of each kind says how much goes through in 0.3.
declare -A amount=()

iperf() { # STREAMS [-u]: Gbit/s that arrived
	local streams=$1 args=() filter='.end.sum_received.bits_per_second / 1e9'
	local how_much=${amount[$*]:--n 50M}
	[[ $quick || $* != 4 ]] || how_much='-t 1' # four TCP streams do not share an amount evenly
	shift
	if [[ ${1:-} == -u ]]; then
		args=(-u -b 0 -l 1400)
		filter='.end.sum | (.packets - .lost_packets) * 1400 * 8 / .seconds / 1e9'
	fi
	# shellcheck disable=SC2086 # an option and its value
	in_ns host timeout 20 iperf3 -c 10.77.0.5 -J $how_much -P "$streams" "${args[@]}" | jq "$filter"
}

set_amounts() { # VARIANT
	local streams kind
	for streams in 1 4; do
		for kind in '' ' -u'; do
			# shellcheck disable=SC2086 # one or two words
			amount[$streams$kind]="-n $(jq -n "$(of_variant "$1" iperf $streams $kind) * ${iperf_seconds} * 1e9 / 8 | floor")"
		done
	done
}

serve_iperf() {
	# What it prints goes nowhere: nobody reads the pipe, and a server that waits for one answers nobody.
	start nsenter --net="/run/netns/$(ns peer)" -- bash -c 'echo ready; exec iperf3 -s >/dev/null 2>&1'
	sleep 0.5
}

sample_throughput() { # VARIANT...
	local streams variant
	[[ ${amount[*]} ]] || set_amounts none
	for streams in 1 4; do
		for variant; do
			sample "throughput, TCP, $streams" "$variant" "$(of_variant "$variant" iperf "$streams")"
		done
		for variant; do
			sample "throughput, UDP, $streams" "$variant" "$(of_variant "$variant" iperf "$streams" -u)"
		done
	done
}

row_throughput() {
	local floors=(pass-tc hostiso-alone) # what no bar asks for
	[[ ! $quick ]] || floors=()
	side_by_side serve_iperf sample_throughput "$slow_rounds" none nft-inet hostiso pass hostiso-xdp "${floors[@]}"
}

serve_echo() {
	serve -u 7 peer
}

sample_latency() { # VARIANT...
	local variant p50 p99
	for variant; do
		read -r p50 p99 < <(of_variant "$variant" in_ns host "$build/tools/bench/rr" 10.77.0.5 7 "$requests")
		sample "latency, p50" "$variant" "$p50"
		sample "latency, p99" "$variant" "$p99"
	done
}

row_latency() {
	side_by_side serve_echo sample_latency "$latency_rounds" none pass-tc nft-inet hostiso hostiso-alone
}

# ---- the allowlist's size ----

# A frame of an allowed peer, to a MAC that is not ours: every filter passes it, and the IP stack drops it first
# thing, which `none` measures.
frame_once() { # ROW VARIANT
	sample "$1" "$2" "$(in_ns peer "$build/tools/bench/livemode" eth0 11.0.0.0 10.77.0.1 02:00:00:00:00:99 "$live_frames")"
}

sample_frames() { # VARIANT...
	local variant
	for variant; do
		of_variant "$variant" frame_once "allowlist of $n, a frame" "$variant"
	done
}

entries() { # COUNT
	perl -e 'for my $i (0 .. $ARGV[0] - 1) { my $a = 0x0b000000 + $i * 7;
		print join(".", $a >> 24, $a >> 16 & 255, $a >> 8 & 255, $a & 255), "\n" }' "$1" >"$scratch/entries"
}

row_sizes() {
	local n round sizes=(1 1000 100000 1000000) ms
	"$build/tools/bench/sizes" -n "$rounds" -r "$((repeat / 50))" "${sizes[@]}" >>"$samples"
	for n in "${sizes[@]}"; do
		if [[ $quick && $n -gt 1000 ]]; then
			sample "allowlist of $n, load and frames" skipped "not with --quick: it takes more than a minute"
			continue
		fi
		entries "$n"
		load_rounds "$n"
		side_by_side take_frames sample_frames "$rounds" none nft-set hostiso-set
	done
}

load_rounds() { # ENTRIES
	local ms
	bench_lab
	nft_inet "$(paste -sd, "$scratch/entries")" >"$scratch/ruleset"
	for ((round = 0; round < slow_rounds; round++)); do
		timed in_ns host nft -f "$scratch/ruleset"
		sample "allowlist of $1, load" nft-inet "$ms"
		off nft-inet
		timed hostiso_in host isolate --limit 2000000 --allow-file "$scratch/entries"
		sample "allowlist of $1, load" hostiso "$ms"
		off hostiso
		# Only to see where the time goes: not where it is seconds.
		(($1 <= 100000)) || continue
		timed isolate_alone --limit 2000000 --allow-file "$scratch/entries"
		sample "allowlist of $1, load" hostiso-alone "$ms"
		off hostiso
	done
	bench_unlab
}

# ---- the tracer and the kill hook, in a machine of vm/ ----

row_tracer() {
	local kernel=6.12 why with=()
	if ! "$tree/vm/fetch" $kernel >"$scratch/fetch" 2>&1; then
		sample tracer skipped "no kernel for vm/ here: $(tail -n 1 "$scratch/fetch")"
		return
	fi
	if [[ $quick ]]; then
		sample 'tracer against bpftrace' skipped "not with --quick: it takes more than a minute"
	elif ! command -v bpftrace >/dev/null; then
		sample 'tracer against bpftrace' skipped "no bpftrace here"
	else
		mkdir "$scratch/with"
		cp -L "$(command -v bpftrace)" "$scratch/with/"
		with=(--with "$scratch/with")
	fi
	if ! "$tree/vm/run" $kernel --timeout 300 "${with[@]}" -- tools/bench/tracer "$slow_rounds" "${quick:+quick}" >"$scratch/tracer" 2>&1; then
		why=$(tail -n 1 "$scratch/tracer")
		sample tracer skipped "the machine of vm/ failed: $why"
		return
	fi
	grep -P '^(tracer[^\t]*|kill)\t' "$scratch/tracer" >>"$samples"
}

# ---- the tracer's lines ----

row_writer() {
	"$build/tools/bench/writer" -n "$slow_rounds" -r "$repeat" -f "$scratch/lines" >>"$samples"
}
