# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# Rows of tools/bench/run, as rows.sh: how long isolate takes, and watch.
# shellcheck disable=SC2154 # scratch, slow_rounds, stranger

# ---- the time to isolate ----

# From the command's start to the last packet that should not have left: sent all the while, and
# seen by the neighbour.
last_packet() { # VARIANT COMMAND...
	local variant=$1 log=$scratch/last flood watch since last
	shift
	start "$build/tools/lab/watch" -o "$log" -p "$(ns peer),eth0"
	watch=$!
	start "$build/tools/lab/flood" -r 10000 "$(ns host),$stranger,9"
	flood=$!
	sleep 0.05
	since=${EPOCHREALTIME/./}
	"$@" >/dev/null
	sleep 0.05
	kill "$flood" "$watch"
	wait "$flood" "$watch" 2>/dev/null || true
	helpers=()
	last=$(awk '$1 ~ /^[0-9]+$/ && $1 > n { n = $1 } END { printf "%.0f", n }' "$log")
	sample "isolate, last packet" "$variant" "$(jq -n "[($last - $since) / 1000, 0] | max")"
}

more_devices() { # COUNT: in all
	local i
	for ((i = 1; i < $1; i++)); do
		echo "link add x$i type veth peer name x$i netns $(ns peer)"
		echo "link set x$i up"
		echo "netns exec $(ns peer) true" >/dev/null
	done | ip -n "$(ns host)" -batch -
	for ((i = 1; i < $1; i++)); do
		echo "link set x$i up"
	done | ip -n "$(ns peer)" -batch -
}

row_isolate() {
	local round devices ms
	nft_inet >"$scratch/ruleset"
	for devices in 1 10 100; do
		bench_lab
		more_devices $devices
		for ((round = 0; round < slow_rounds; round++)); do
			timed in_ns host nft -f "$scratch/ruleset"
			sample "isolate, $devices" nft-inet "$ms"
			off nft-inet
			timed hostiso_in host isolate --allow 10.77.0.5
			sample "isolate, $devices" hostiso "$ms"
			off hostiso
			((devices == 1)) || continue
			timed isolate_alone --allow 10.77.0.5
			sample "isolate, $devices" hostiso-alone "$ms"
			off hostiso
			last_packet nft-inet in_ns host nft -f "$scratch/ruleset"
			off nft-inet
			last_packet hostiso hostiso_in host isolate --allow 10.77.0.5
			off hostiso
			timed in_ns host true
			sample "isolate, $devices" nothing "$ms"
		done
		bench_unlab
	done
}

# ---- a device that comes later, with hostiso watch running ----

# What the kernel announces, with its time, of both ends of a pair: when they come, and when they have programs,
# XDP last. Milliseconds from the first to the last.
announced() { # ROUND
	awk -v name=" [wy]$1@" '$0 ~ name && match($0, /T[0-9:.]+\]/) {
		split(substr($0, RSTART + 1, RLENGTH - 2), t, ":")
		last = ((t[1] * 60 + t[2]) * 60 + t[3]) * 1000
		if (!first) first = last
		if (/xdp/) whole = last
	} END { if (whole) print whole - first }' "$scratch/links"
}

row_watch() {
	local round
	bench_lab
	on hostiso-xdp
	start "$build/tools/lab/within" "/run/netns/$(ns host)" "$HOSTISO" watch
	in_ns host stdbuf -oL ip -ts monitor link >"$scratch/links" &
	helpers+=($!)
	sleep 0.5
	for ((round = 0; round < slow_rounds; round++)); do
		in_ns host ip link add "w$round" type veth peer name "y$round"
		sleep 0.5
		sample 'watch, two devices' hostiso "$(announced "$round")"
	done
	off hostiso-xdp
	bench_unlab
}
