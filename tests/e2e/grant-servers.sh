#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# timeout: 300
# Real servers and clients: a threaded one, one that forks for each connection, an epoll server with a
# thousand connections, clients of several runtimes, and a flood beside them that is granted nothing.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/../../tools/lab/puppets.sh"

lab_default
before=$(kernel_state host)
server=$build/tests/helpers/server
many=${HOSTISO_CROWD:-1000} few=200
in_ns switch bash -c 'echo 4096 >/proc/sys/net/core/somaxconn' 2>/dev/null || true
# More than a thousand neighbours' worth of connections at once, from one address.
for name in host attacker; do
	in_ns "$name" bash -c 'echo 4096 >/proc/sys/net/core/somaxconn; echo 4096 >/proc/sys/net/ipv4/tcp_max_syn_backlog'
done

serving() { # MAKE PORT: a server on the host, in $!
	start nsenter --net="/run/netns/$(ns host)" -- "$server" "$1" "$2"
}

for make in thread fork epoll; do
	case $make in thread) port=2001 ;; fork) port=2002 ;; epoll) port=2003 ;; esac
	serving "$make" "$port"
	pid[port]=${line#ready }
done
serving epoll 2004
puppet_program="$server crowd 10.77.0.1 2003 $few" puppet crowd attacker
tell crowd say
is "$answer" "$few" "$few connections, before the isolation"
hostiso isolate >/dev/null
tell crowd say 500
is "$answer" 0 "which ends them all"
ok_shut "and new ones" attacker,tcp,10.77.0.1,2001 attacker,tcp,10.77.0.1,2002 attacker,tcp,fd00:77::1,2003
ok "allow --pid of the three" hostiso allow --pid "${pid[2001]}" --pid "${pid[2002]}" --pid "${pid[2003]}" --tree
ok_open "the threaded server is reached" attacker,tcp,10.77.0.1,2001 attacker,tcp,fd00:77::1,2001
ok_open "the forking one" attacker,tcp,10.77.0.1,2002 attacker,tcp,fd00:77::1,2002
ok_open "the epoll one" attacker,tcp,10.77.0.1,2003 attacker,tcp,fd00:77::1,2003
ok_shut "a server that was not granted is not" attacker,tcp,10.77.0.1,2004 attacker,tcp,fd00:77::1,2004
puppet_program="$server crowd fd00:77::1 2003 $many" puppet another attacker
tell another say
is "$answer" "$many" "a thousand new connections to the epoll server"

# The old ones: what was lost meanwhile is sent again, with pauses that doubled.
live=0
for try in 1 2 3 4 5 6 7 8 9 10; do
	tell crowd say 1000
	live=$answer
	((live < few)) || break
done
is "$live" "$few" "the old connections live on, all of them"

# Someone floods with connections and datagrams of an ungranted process.
puppet_program="$server crowd 10.77.0.66 7 2000" puppet flood host
tell flood say 500
is "$answer" 0 "a flood of an ungranted process reaches nobody"
tell another say
is "$answer" "$many" "and the granted connections live on"
is "$(json '.grant_flows_lost + .grant_tasks_lost + .grant_sockets_lost' status)" 0 "nothing of theirs was pushed out"

puppet_program="$tree/tests/helpers/puppet" puppet parent host
ok "a granted tree" hostiso allow --pid "${puppet_pid[parent]}" --tree

# MPTCP: the TCP sockets below it are of the kernel's own making.
if serving mptcp 2005 2>/dev/null; then
	pid[2005]=${line#ready }
	tell parent run "$server" mptcp 2006
	ok "an MPTCP server that a granted process starts listens" \
		eventually 3 bash -c 'grep -q ":07D6 " <(nsenter --net="$1" cat /proc/net/tcp6)' - "/run/netns/$(ns host)"
	ok_open "and is reached" attacker,tcp,10.77.0.1,2006
	ok_shut "another one is not" attacker,tcp,10.77.0.1,2005
	ok "allow --pid" hostiso allow --pid "${pid[2005]}"
	# bpf_skc_to_mptcp_sock()
	if printf '5.19\n%s\n' "$(uname -r)" | sort -CV; then
		ok_open "until it is granted, with the port it had open" attacker,tcp,10.77.0.1,2005 attacker,tcp,fd00:77::1,2005
	else
		skip "an MPTCP server that listened before" "this kernel's filter cannot tell MPTCP sockets"
	fi
else
	skip "an MPTCP server" "this kernel has no MPTCP"
fi

# Clients of several makes, children of what is granted: they connect and want their echo.
client() { # NAME PROGRAM COMMAND...
	local name=$1
	if ! command -v "$2" >/dev/null; then
		skip "a client in $name" "there is no $2 here"
		return
	fi
	printf '%q ' "${@:2}" >"$scratch/$name.sh"
	echo ">$scratch/$name.out 2>&1" >>"$scratch/$name.sh"
	tell parent run bash "$scratch/$name.sh"
	ok "a client in $name" bash -c 'until grep -q hello "$1"; do ((SECONDS < 20)) || { cat "$1" && exit 1; }; sleep 0.02; done' - "$scratch/$name.out"
}
ok_shut "what is not granted reaches nobody" host,tcp,10.77.0.66,7 host,udp,fd00:77::66,7
client bash bash -c 'exec 3<>/dev/tcp/10.77.0.66/7; echo hello >&3; read -r -t 5 got <&3; echo "$got"'
# sleep: the end of its child interrupts socat's connect().
client socat socat -t3 'SYSTEM:echo hello; sleep 2'!!STDOUT TCP:10.77.0.66:7
client socat6 socat -T3 'SYSTEM:echo hello; cat >&2' 'TCP6:[fd00:77::66]:7'
client perl perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new("10.77.0.66:7") or die; print $s "hello\n"; $_ = <$s>; print'
client python python3 -c 'import socket; s = socket.create_connection(("fd00:77::66", 7), 5); s.sendall(b"hello\n"); print(s.recv(99).decode())'
client asyncio python3 -c '
import asyncio
async def main():
    r, w = await asyncio.open_connection("10.77.0.66", 7)
    w.write(b"hello\n"); await w.drain(); print((await r.readline()).decode())
asyncio.run(main())'
client node node -e 'const s = require("net").connect(7, "10.77.0.66", () => s.write("hello\n")); s.on("data", d => { console.log(d.toString()); process.exit() })'
client nodeudp node -e 'const s = require("dgram").createSocket("udp6"); s.on("message", m => { console.log(m.toString()); process.exit() }); s.send("hello", 7, "fd00:77::66")'
echo 'set s [socket 10.77.0.66 7]; puts $s hello; flush $s; puts [gets $s]' >"$scratch/client.tcl"
client tclsh tclsh "$scratch/client.tcl"

ok "release" hostiso release
is "$(kernel_state host)" "$before" "release leaves the devices as they were"
done_testing
