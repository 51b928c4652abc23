#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# From an SSH session whose peer is not allowed, isolate refuses, and says the two ways on. With
# a real SSH server and client.
. "$(dirname "$0")/lib.sh"
need dropbear dbclient dropbearkey setpriv unshare

lab_default
before=$(kernel_state host)
allow=(--allow 10.77.0.53)

refuses() { # DESCRIPTION OUTPUT STATUS
	ok "$1: refused" test "$3" -ne 0 -a "$3" -ne 99
	like "$2" '--keep-ssh' "$1: names --keep-ssh"
	like "$2" '--cut-ssh' "$1: names --cut-ssh"
	is "$(kernel_state host)" "$before" "$1: nothing changed"
}


mkdir -p "$scratch/home/.ssh"
dropbearkey -t ed25519 -f "$scratch/host_key" >/dev/null 2>&1
dropbearkey -t ed25519 -f "$scratch/key" 2>/dev/null | grep '^ssh-' >"$scratch/home/.ssh/authorized_keys"
chmod -R go= "$scratch/home"
# To the server root's home is another one, so that the machine's own stays as it is (and is seen: this tree may lie in it).
sed -E "s,^(root:([^:]*:){4})[^:]*,\1$scratch/home," /etc/passwd >"$scratch/passwd"
in_ns host setpriv --pdeathsig TERM unshare -m bash -c '
	mount --bind "$1/passwd" /etc/passwd && exec dropbear -F -E -s -r "$1/host_key" -p 22 -P ""' server "$scratch" \
	>"$scratch/server" 2>&1 &
helpers+=($!)
listens() {
	in_ns peer bash -c 'exec 3<>/dev/tcp/10.77.0.1/22' 2>/dev/null
}
ok "the SSH server listens" eventually 60 listens

session() { # ADDRESS COMMAND
	HOME=$scratch in_ns peer timeout "${patience:-20}" dbclient -y -y -T -i "$scratch/key" "root@$1" \
		"export HOSTISO_PIN_DIR=$HOSTISO_PIN_DIR; $2" 2>>"$scratch/client"
}
is "$(session 10.77.0.1 'echo hello')" hello "a session over IPv4"
[[ $tap_failed == 0 ]] || diag "$(tail -n 20 "$scratch/client" "$scratch/server")"
is "$(session fd00:77::1 'echo hello')" hello "and over IPv6"

for address in 10.77.0.1 fd00:77::1; do
	output=$(session $address "$HOSTISO isolate ${allow[*]} 2>&1; echo exit \$?")
	refuses "from a session to $address" "$output" "${output##*exit }"
done
output=$(session 10.77.0.1 "env -i HOSTISO_PIN_DIR=$HOSTISO_PIN_DIR setsid $HOSTISO isolate ${allow[*]} 2>&1; echo exit \$?")
refuses "with an empty environment, as below sudo," "$output" "${output##*exit }"

# Allowed: no question.
output=$(session 10.77.0.1 "$HOSTISO isolate --allow 10.77.0.5 >/dev/null && sleep 0.5 && echo alive")
is "$output" alive "a session from an allowed peer isolates, and lives"
hostiso release >/dev/null
output=$(session 10.77.0.1 "$HOSTISO isolate --allow in:10.77.0.5:22/tcp >/dev/null && sleep 0.5 && echo alive")
is "$output" alive "and so it does when only its port is allowed"
hostiso release >/dev/null

# --keep-ssh: that connection and no other of the same peer.
for address in 10.77.0.1 fd00:77::1; do
	output=$(session $address "$HOSTISO isolate ${allow[*]} --keep-ssh >/dev/null && sleep 1 && echo alive && $HOSTISO status")
	like "$output" ^alive "--keep-ssh: the session to $address lives"
	like "$output" kept "--keep-ssh: and status tells of it"
	ok_shut "--keep-ssh: its peer has no other way in" peer-host host-peer
	is "$(patience=3 session $address 'echo in')" "" "--keep-ssh: nor a second session"
	ok "release" hostiso release
done
is "$(kernel_state host)" "$before" "release leaves no trace"

# --cut-ssh: as it says.
patience=60 session 10.77.0.1 "$HOSTISO isolate ${allow[*]} --cut-ssh >/dev/null; sleep 1; echo alive" >"$scratch/cut" &
cut=$!
isolated() {
	hostiso status >/dev/null 2>&1
}
ok "--cut-ssh: isolates" eventually 60 isolated
sleep 2
is "$(cat "$scratch/cut")" "" "--cut-ssh: the session is cut"
ok_shut "--cut-ssh: and its peer" peer-host host-peer
hostiso release >/dev/null
wait "$cut" || true

# From a console, the guard has nothing to say, whatever somebody's environment claims.
ok "a stale SSH_CONNECTION is no session" in_ns host env SSH_CONNECTION="10.77.0.66 4242 10.77.0.1 22" \
	"$HOSTISO" isolate "${allow[@]}"
ok "release at the end" hostiso release
done_testing
