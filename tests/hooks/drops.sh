#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# trace --drops and --pcap: what an isolated host tries to reach, who tries it, and how often; and
# the verdict in NETWORK events.
# timeout: 240
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"
need jq tcpdump

lab_default
out=$scratch/out pcap=$scratch/drops.pcapng tracer='' code=''

listen() { # OPTIONS...
	: >"$out"
	"$build/tools/lab/within" "/run/netns/$(ns host)" "$HOSTISO" trace -i "$@" >"$out" 2>"$scratch/err" &
	tracer=$!
	eventually 60 test -s "$out" || diag "$(<"$scratch/err")"
}

ended() {
	kill -INT "$tracer"
	code=0
	wait "$tracer" || code=$?
}

drops() { # FILTER
	jq -c "select(.event_type == \"NETWORK_DROPPED\") | $1" "$out"
}

told() { # FILTER: some drop is like that
	[[ $(drops "select($1)") ]]
}

# What says who tried: a shell of this name, whose sockets are its own.
tries() { # bash with /dev/tcp and /dev/udp
	in_ns host "$scratch/suspect" -c "$1" 2>/dev/null || true
}
cp "$(command -v bash)" "$scratch/suspect"

ok "isolate" hostiso isolate --allow 10.77.0.5
listen --drops --pcap "$pcap"
exits 1 "a second --drops is refused" in_ns host timeout 20 "$HOSTISO" trace --drops
like "$output" 'another' "… and says why"

tries 'echo one >/dev/udp/10.77.0.66/7000'
tries 'timeout 1 "$0" -c "exec 3<>/dev/tcp/10.77.0.66/7001"'
tries 'echo six >/dev/udp/fd00:77::66/7002'
in_ns attacker bash -c 'echo in >/dev/udp/10.77.0.1/7003'
in_ns host ping -c 1 -W 1 10.77.0.66 >/dev/null || true
in_ns host bash -c 'exec 3<>/dev/udp/10.77.0.66/7004; for ((i = 0; i < 50; i++)); do echo $i >&3; done' || true
ended # at once: what was counted and not yet told comes with the end
is "$code" 0 "it ends with 0 on SIGINT"
ok "every line is JSON" jq -e . "$out"
is "$(drops 'select(.peer_port == 7000) | [.peer, .local, .protocol, .direction, .reason, .verdict, .count, .interface, .comm]')" \
	'["10.77.0.66","10.77.0.1","udp","out","not-allowed","dropped",1,"eth0","suspect"]' "UDP: peer, reason, and who it was"
is "$(drops 'select(.peer_port == 7001) | [.peer, .protocol, .direction, .comm, .exe]' | head -n1)" \
	"[\"10.77.0.66\",\"tcp\",\"out\",\"suspect\",\"$scratch/suspect\"]" "TCP: with the program's file"
is "$(drops 'select(.peer_port == 7002) | [.peer, .local, .protocol]')" '["fd00:77::66","fd00:77::1","udp"]' "IPv6"
is "$(drops 'select(.local_port == 7003) | [.peer, .direction, .pid]')" '["10.77.0.66","in",null]' "inwards: nobody's socket"
is "$(drops 'select(.protocol == "icmp" and .direction == "out") | [.peer, .peer_port, .comm]' | head -n1)" '["10.77.0.66",null,"ping"]' \
	"ICMP has no ports"
is "$(drops 'select(.peer_port == 7004) | .count' | jq -s add)" 50 "fifty packets of one flow are counted"
many=$(drops 'select(.peer_port == 7004) | .seq' | wc -l)
ok "in few records: $many" test "$many" -le 3
is "$(drops 'select(.peer == "10.77.0.5") | .seq')" '' "of the allowed peer nothing drops"
is "$(drops 'select((.ts | test("^20[0-9-]+T[0-9:]+[.][0-9]{9}Z$") | not) or (.ts_boot_ns | type) != "number") | .seq')" '' "all have times"

read_pcap() { # FILTER
	tcpdump -Z root -nr "$pcap" "$@" 2>/dev/null
}
is "$(read_pcap udp dst port 7004 | wc -l)" 50 "--pcap: every packet, of each flow"
like "$(read_pcap -X udp dst port 7000)" 'one' "… with its bytes"
is "$(read_pcap src host 10.77.0.5 or dst host 10.77.0.5 | wc -l)" 0 "… only of what dropped"
ok "… with the reason as comment" grep -aq 'dropped: not-allowed (out), pid [0-9]* (suspect)' "$pcap"
ok "… readable by their owner only" test "$(stat -c %a "$pcap")" == 600
if command -v tshark >/dev/null; then
	like "$(tshark -r "$pcap" -Y 'udp.dstport == 7000' -T fields -e frame.comment -e frame.interface_name 2>/dev/null)" \
		'not-allowed.*eth0' "… as tshark reads it"
else
	skip "… as tshark reads it" "no tshark here"
fi

# ---- verdicts ----

connect() { # ADDRESS PORT
	in_ns host timeout 2 bash -c "exec 3<>/dev/tcp/$1/$2" 2>/dev/null || true
}
attempts() { # one to a peer that is allowed and one to another; both calls are over then
	connect 10.77.0.5 7
	in_ns host "$build/tools/lab/reach" -w 300 "$(ns host),tcp,10.77.0.66,7" >/dev/null || true
}
verdict() { # EVENT ADDRESS: the host's own, for others test beside us
	jq -c --argjson ns "$(stat -Lc %i "/run/netns/$(ns host)")" "select(.event_type == \"NETWORK_CONNECTION_$1\" and
		.net.destination_address == \"$2\" and .net.network_namespace == \$ns) | [.verdict, .verdict_reason]" "$out" | head -n1
}
listen --net-conn-attempt --net-conn-close --net-conn-accept
attempts
connect 127.0.0.1 7
ended
is "$(verdict ATTEMPTED 10.77.0.5)" '["allowed","allowed"]' "an attempt to the allowed peer: allowed"
is "$(verdict ATTEMPTED 10.77.0.66)" '["dropped","not-allowed"]' "to another: dropped, and why"
is "$(verdict ATTEMPTED 127.0.0.1)" '["allowed","loopback"]' "on lo there is no filter"

# More single addresses than the trie takes: they lie in the hash map.
crowd=(10.77.1.{1..40})
ok "a crowd is allowed" hostiso allow "${crowd[@]}"
listen --net-conn-attempt
attempts
ended
is "$(verdict ATTEMPTED 10.77.0.5)" '["allowed","allowed"]' "one of many allowed peers: allowed"
is "$(verdict ATTEMPTED 10.77.0.66)" '["dropped","not-allowed"]' "to another: dropped"
ok "the crowd goes" hostiso deny "${crowd[@]}"

# ---- the isolation comes and goes: which the tracer looks for once a second ----

# shellcheck disable=SC2317
tried_and_told() { # WORD PORT
	tries "echo $1 >/dev/udp/10.77.0.66/$2; sleep 0.3"
	told ".peer_port == $2"
}

ok "release" hostiso release
listen --drops
eventually 20 test -s "$scratch/err" || true
like "$(<"$scratch/err")" 'not isolated' "without an isolation it says so, and waits"
ok "isolate" hostiso isolate --audit
eventually 20 tried_and_told audit 7005 || true
ok "isolate again, from nothing" hostiso release
ok "…" hostiso isolate --allow 10.77.0.5
eventually 20 tried_and_told again 7006 || true
before=$(json '[.counters[] | select(.reason == "not-allowed")] | length' status)
like "$before" '^[0-9]+$' "status is not disturbed"
kill -KILL "$tracer"
wait "$tracer" 2>/dev/null || true
is "$(drops 'select(.peer_port == 7005) | .verdict' | sort -u)" '"would-drop"' "--audit: would drop"
is "$(drops 'select(.peer_port == 7006) | .verdict' | sort -u)" '"dropped"' "the next isolation is found"
sleep 3.5
tries 'echo unheard >/dev/udp/10.77.0.66/7007'
listen --drops
ended
is "$(drops .peer_port)" '' "after SIGKILL nobody listens: nothing waits for the next one"
tries 'true'
ok "release" hostiso release

exits 1 "--pcap into nowhere" in_ns host timeout 20 "$HOSTISO" trace --drops --pcap "$scratch/none/x"
like "$output" 'none/x: No such file' "… says so"
exits 1 "--pcap on a full disk" in_ns host timeout 20 "$HOSTISO" trace --drops --pcap /dev/full
like "$output" 'No space left' "… says so"
exits 2 "--pcap without a name" "$HOSTISO" trace --pcap ''
done_testing
