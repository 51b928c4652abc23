#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# tries no kernel: speed
# timeout: 300
# 100,000 entries of each family from a file: in time, exact, and never more than the limit.
. "$(dirname "$0")/lib.sh"

count=${HOSTISO_ENTRIES:-100000}
seconds=${HOSTISO_SCALE_SECONDS:-20}

# Processor seconds, not the wall clock: other tests run beside this one. Emulated ones mean nothing.
timed() { # DESCRIPTION COMMAND...
	local text=$1 spent
	shift
	{ spent=$(TIMEFORMAT='%U %S'; { time "$@" >"$scratch/timed" 2>&1; } 2>&1) && report 0 "$text"; } || report 1 "$text"
	spent=$(awk '{ printf "%d", ($1 + $2) * 1000 }' <<<"$spent")
	if [[ ${HOSTISO_VM:-} ]]; then
		skip "takes less than $seconds s ($spent ms)" "timing means nothing in an emulated machine"
	else
		ok "takes less than $seconds s ($spent ms)" test "$spent" -lt $((seconds * 1000))
	fi
}
lab_default
before=$(kernel_state host)

# Addresses of 100.64.0.0/10 and 2001:db8::/32, and the peer's in the middle.
entries() { # COUNT
	awk -v n="$1" 'BEGIN {
		for (i = 0; i < n - 1; i++) {
			if (i == int(n / 2)) print "10.77.0.5\nfd00:77::5"
			printf "100.%d.%d.%d\n", 64 + int(i / 65536), int(i / 256) % 256, i % 256
			printf "2001:db8:%x:%x::%x\n", int(i / 65536), i % 65536, i % 65536
		}
	}'
}
entries "$count" >"$scratch/list"
is "$(wc -l <"$scratch/list")" $((2 * count)) "a file of $count entries of each family"

timed "isolate --allow-file" hostiso isolate --allow-file "$scratch/list"
is "$(host_state)" isolated "and admits the one peer that is among them"
last=$((count - 2)) middle=$(printf %x $((count / 3)))
wanted=(100.64.0.0 "100.$((64 + last / 65536)).$((last / 256 % 256)).$((last % 256))" "2001:db8:0:$middle::$middle")
is "$(hostiso list --json | grep -oF "$(printf '"%s"\n' "${wanted[@]}")" | sort -u | wc -l)" 3 \
	"list has the first, the last and one in between (${wanted[*]})"

timed "deny one of them" hostiso deny 10.77.0.5
ok_shut "shuts it" host,tcp,10.77.0.5,7 peer,udp,10.77.0.1,7
ok_open "and no other" host,tcp,fd00:77::5,7
ok "allow it again" hostiso allow 10.77.0.5
is "$(host_state)" isolated "opens it"

# Past the limit: a clear line, and nothing changed.
entries $((count + 1000)) >"$scratch/more"
list_sum() {
	hostiso list --json | cksum
}
sum=$(list_sum)
ok "isolate with another limit" hostiso isolate --limit "$count"
status=0
said=$(hostiso allow -f "$scratch/more" 2>&1) || status=$?
ok "too many entries fail (exit code $status)" test "$status" -ne 0
like "$said" "$count|limit" "and the line names the limit: $said"
is "$(grep -c '' <<<"$said")" 1 "one line"
is "$(list_sum)" "$sum" "the allowlist is what it was"
is "$(host_state)" isolated "and so is the host"

ok "release" hostiso release
status=0
said=$(hostiso isolate --limit 10 --allow-file "$scratch/list" 2>&1) || status=$?
ok "isolate with more entries than its limit fails" test "$status" -ne 0
is "$(host_state)" open "and leaves the host open"
hostiso release >/dev/null
is "$(kernel_state host)" "$before" "release leaves no trace"
done_testing
