#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# --dns admits exactly the resolvers of resolv.conf; without it there is no hole for port 53.
. "$(dirname "$0")/lib.sh"
need dnsmasq setpriv unshare

lab_switch switch
lab_host host peer attacker dns switch
serve -t 7 -u 7 host peer attacker dns
serve_names dns
name_server=$!
serve -u 53 -t 53 attacker
printf 'nameserver 10.77.0.53\nnameserver fd00:77::53\n' >"$scratch/resolv.conf"

# resolv.conf is a file of the machine: this host sees another one in its place.
on_host() {
	in_ns host unshare -m bash -c 'mount --bind "$1" "$(readlink -f /etc/resolv.conf)" && shift && exec "$@"' \
		on_host "$scratch/resolv.conf" "$@"
}
free() { # PORT: on the name server
	[[ ! $(in_ns dns ss -Hltun "sport = :$1") ]]
}
[[ -e /etc/resolv.conf ]] || skip_all "no /etc/resolv.conf here that could be replaced"

ok_open "the name server answers" host-dns:dns
ok "isolate without --dns" on_host "$HOSTISO" isolate --allow 10.77.0.5
ok_shut "shuts name resolution" host-dns host-dns:dns
ok "isolate --dns" on_host "$HOSTISO" isolate --dns
ok_open "opens it, by UDP" host-dns:dns
ok "and TCP" in_ns host timeout 2 bash -c 'exec 3<>/dev/tcp/10.77.0.53/53'
ok_open "and what was allowed stays so" host,tcp,10.77.0.5,7
ok_shut "the name server's other ports stay shut" host-dns dns-host
ok_shut "and so does everybody else's port 53" host,udp,10.77.0.66,53 host,tcp,10.77.0.66,53 attacker,udp,10.77.0.1,7,53
ok "allow a name while isolated" on_host "$HOSTISO" allow anything.test
like "$(hostiso list)" '10\.77\.0\.99' "resolves it through the admitted name server"
kill "$name_server"
ok "the name server's port is free" eventually 20 free 53
ok_shut "its port 53 may answer, but not ask" dns,udp,10.77.0.1,7,53 dns,tcp,10.77.0.1,7,53
ok "release" hostiso release
done_testing
