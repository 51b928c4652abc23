#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# allow, deny and list: the grammar on real traffic, and what is said of each entry.
. "$(dirname "$0")/lib.sh"

lab_default
serve -t 8 -u 8 -t 9 -u 9 host peer attacker
before=$(kernel_state host)

ok "allow before isolate" hostiso allow --comment "before the cut" 10.77.0.5
ok_open "cuts nobody off" host-peer host-attacker attacker-host
exits 3 "and is no isolation" hostiso status
ok "isolate without entries" hostiso isolate
ok_open "finds the entry waiting" host,tcp,10.77.0.5,7 peer,tcp,10.77.0.1,7 peer,icmp,10.77.0.1
ok_shut "and nothing else" host-attacker attacker-host host,tcp,fd00:77::5,7

ok "allow a prefix" hostiso allow fd00:77::/64
ok_open "opens it" host,tcp,fd00:77::5,7 host,udp,fd00:77::66,7 attacker,icmp,fd00:77::1
ok "allow the same again is no error" hostiso allow fd00:77::/64
ok "deny it" hostiso deny fd00:77::/64
ok_shut "shuts it" host,tcp,fd00:77::5,7 host,udp,fd00:77::66,7 attacker,icmp,fd00:77::1
ok "deny what is not there is no error" hostiso deny fd00:77::/64

# Ports: without a prefix, we connect to theirs.
ok "allow ADDR:PORT/tcp" hostiso allow 10.77.0.66:8/tcp
ok_open "we connect to that port" host,tcp,10.77.0.66,8
ok_shut "not to another, nor by UDP, nor they to us" host,tcp,10.77.0.66,7 host,udp,10.77.0.66,8 \
	host,icmp,10.77.0.66 attacker,tcp,10.77.0.1,8 attacker,tcp,10.77.0.1,7,8 attacker,udp,10.77.0.1,8
ok "deny the whole address leaves the port entry" hostiso deny 10.77.0.66
ok_open "which still admits" host,tcp,10.77.0.66,8
ok "deny the port entry" hostiso deny 10.77.0.66:8/tcp
ok_shut "shuts it" host,tcp,10.77.0.66,8

ok "allow in:[ADDR6]:PORT-PORT" hostiso allow 'in:[fd00:77::66]:8-9'
ok_open "they connect to those ports of ours" attacker,tcp,fd00:77::1,8 attacker,udp,fd00:77::1,9
ok_shut "not to others, nor we to theirs" attacker,tcp,fd00:77::1,7 host,tcp,fd00:77::66,8 \
	host,udp,fd00:77::66,9 host,icmp,fd00:77::66 host,udp,fd00:77::66,7,8
ok "allow out:ADDR:PORT/udp" hostiso allow out:10.77.0.66:9/udp
ok_open "we ask, and the answer comes back" host,udp,10.77.0.66,9
ok_shut "they do not ask" attacker,udp,10.77.0.1,9 attacker,udp,10.77.0.1,7,9 host,tcp,10.77.0.66,9

# A union: a narrower entry takes nothing away from a wider one.
ok "allow a wider prefix around a port entry" hostiso allow 10.77.0.0/24
ok_open "it admits all of it" host,udp,10.77.0.66,7 host,udp,10.77.0.66,9 attacker,icmp,10.77.0.1 host,tcp,10.77.0.53,7
ok "deny the wider one" hostiso deny 10.77.0.0/24
ok_open "the narrower ones stay" host,udp,10.77.0.66,9 host,tcp,10.77.0.5,7
ok_shut "and admit no more than they did" host,udp,10.77.0.66,7 attacker,icmp,10.77.0.1 host,tcp,10.77.0.53,7

# Files, all or nothing.
cat >"$scratch/list" <<-'LIST'
	# the team

	10.77.0.53          # the name server
	[fd00:77::53]:7/tcp
LIST
ok "allow -f FILE" hostiso allow -f "$scratch/list"
ok_open "admits what it names" host,icmp,10.77.0.53 host,tcp,fd00:77::53,7
ok_shut "and no more" host,udp,fd00:77::53,7
ok "deny -f FILE" hostiso deny -f "$scratch/list"
ok_shut "takes it off again" host,icmp,10.77.0.53 host,tcp,fd00:77::53,7
ok "allow -f - reads standard input" hostiso allow -f - <<<10.77.0.53
ok_open "and admits it" host,icmp,10.77.0.53
ok "deny -f reads a pipe like a file" hostiso deny -f <(echo 10.77.0.53)
ok_shut "and denies it" host,icmp,10.77.0.53

# Entries that end by themselves.
short=${HOSTISO_DEADLINE:-2}
ok "allow --for" hostiso allow --for "${short}s" 10.77.0.53
ok_open "admits now" host,udp,10.77.0.53,7
sleep "$short"
ok_shut "and no longer when its time is over" host,udp,10.77.0.53,7

listing=$(hostiso list)
like "$listing" '10\.77\.0\.5[^0-9].*before the cut' "list shows an entry with its comment"
unlike "$listing" '10\.77\.0\.53 +[0-9]+ +[0-9]+ +[^e]' "list shows what has expired as expired, or not at all"
ok "list --json is JSON" bash -c 'jq -e . >/dev/null <<<"$1"' - "$(hostiso list --json)"
like "$(hostiso list --json)" 'out:10\.77\.0\.66:9/udp|10\.77\.0\.66:9/udp' "which names an entry as it is written"

reach host,icmp,10.77.0.5 >/dev/null
is "$(json '.[] | select(.entry == "10.77.0.5") | .packets > 0' list)" true "packets of an entry are counted"
ok "release" hostiso release
is "$(kernel_state host)" "$before" "release takes waiting entries along"
done_testing
