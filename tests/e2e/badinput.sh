#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# tries no kernel: our own words
# Bad input: exit 2, one line that says what is wrong, and nothing changed.
. "$(dirname "$0")/lib.sh"

lab_default
ok "isolate, so that there is something to change" hostiso isolate --allow 10.77.0.5 --allow fd00:77::5
state=$(kernel_state host)
entries=$(hostiso list --json)

inputs=0
# Exit code, silence on stdout, exactly one line on stderr, and a word that it must contain.
bad() { # STATUS WORD DESCRIPTION COMMAND...
	local want=$1 word=$2 text=$3 got=0 problem=''
	shift 3
	"$@" >"$scratch/out" 2>"$scratch/err" </dev/null || got=$?
	[[ $got == "$want" ]] || problem+=" exit code $got, not $want;"
	[[ ! -s $scratch/out ]] || problem+=" prints on stdout;"
	[[ $(grep -c '' "$scratch/err" || true) == 1 ]] || problem+=" not one line on stderr;"
	grep -qi -- "$word" "$scratch/err" || problem+=" the line lacks '$word';"
	! grep -q $'[\x01-\x08\x0b-\x1f\x7f]' "$scratch/err" || problem+=" prints control bytes;"
	# Slow machines look at the kernel after every tenth, and all at the end.
	((++inputs % ${HOSTISO_LOOK_EVERY:-1})) || [[ $(kernel_state host) == "$state" ]] || problem+=" something changed in the kernel;"
	if [[ $problem ]]; then
		report 1 "$text"
		diag "$*:$problem" "$(head -c 2000 "$scratch/out" "$scratch/err" | tr -d '\000')"
	else
		report 0 "$text"
	fi
}

# Each address at each verb that takes one.
for entry in 10.0.0.5/33 fd00::/129 10.0.0.256 10.0.0 10.0.0.5/8 010.0.0.1 10.0.0.5: 10.0.0.5:0 10.0.0.5:65536 \
	10.0.0.5:90-80 10.0.0.5:80/xyz 10.0.0.5:80/tcp/udp '[fd00::5' 'fd00::5]:80' '[fd00::5]80' ::ffff:10.0.0.5 \
	in: out: in:out:10.0.0.5 10.0.0.5/ 10.0.0.5/-1 10.0.0.5/8.0 '10.0.0.5 ' '' 'fe80::1%eth0' $'10.0.0.5\e[31m' \
	-x 'no_such_host!' "$(printf 'a%.0s' {1..300})"; do
	bad 2 . "allow '${entry:0:40}'" hostiso allow "$entry"
done
bad 2 10.0.0.5/33 "deny 10.0.0.5/33" hostiso deny 10.0.0.5/33
bad 2 10.0.0.5/33 "isolate --allow 10.0.0.5/33" hostiso isolate --allow 10.0.0.5/33
bad 2 10.0.0.5/33 "a bad one among good ones: none is taken" hostiso allow 10.77.0.66 10.0.0.5/33
bad 2 no-such-host.invalid "a host name that does not resolve" hostiso allow no-such-host.invalid
bad 2 no-such-host.invalid "and so at isolate" hostiso isolate --allow no-such-host.invalid

for duration in '' 0 -1 1.5h 1h\ 2m 1m1h 99999999999999999999 4x h 11y; do
	bad 2 . "isolate --for '$duration'" hostiso isolate --for "$duration"
	bad 2 . "isolate --confirm '$duration'" hostiso isolate --confirm "$duration"
	bad 2 . "allow --for '$duration'" hostiso allow --for "$duration" 10.77.0.66
done

bad 2 nosuch0 "isolate --dev of a device that is not there" hostiso isolate --dev nosuch0
bad 2 . "isolate --dev ''" hostiso isolate --dev ''
bad 2 . "isolate --dev of a name too long for a device" hostiso isolate --dev 0123456789abcdefg
bad 2 . "isolate --xdp with a word it does not know" hostiso isolate --xdp maybe
bad 2 . "isolate --backend with a word it does not know" hostiso isolate --backend iptables
bad 2 . "an unknown option" hostiso isolate --frobnicate
bad 2 . "an option without its value" hostiso isolate --allow
bad 2 . "isolate with a word too many" hostiso isolate 10.77.0.5
for word in now - "-- now" "-- -x" "-v now" "--json -" "-v -- now"; do
	# shellcheck disable=SC2086 # words
	bad 2 "left over" "confirm and a word too many: '$word'" hostiso confirm $word
done
bad 2 "left over" "release with a word too many" hostiso release now
bad 2 . "an unknown verb" hostiso frobnicate
bad 2 . "one that would steer the terminal" hostiso $'\e[31mred'
bad 2 . "and so at kill" hostiso kill $'\e[31mred'
exits 2 "no verb" hostiso
bad 2 . "allow without an entry" hostiso allow
bad 2 . "deny without an entry" hostiso deny
bad 2 . "a case too long to keep" hostiso isolate --case "$(printf 'x%.0s' {1..100})"
bad 2 . "a comment too long to keep" hostiso isolate --comment "$(printf 'x%.0s' {1..1000})"

# Files.
file() { # NAME TEXT
	printf '%b' "$2" >"$scratch/$1"
	echo "$scratch/$1"
}
bad 2 . "an empty file name" hostiso allow -f ''
bad 2 . "an empty file name at isolate" hostiso isolate --allow-file ''
bad 2 "$scratch/none" "a file that is not there" hostiso allow -f "$scratch/none"
bad 2 "$scratch" "a directory" hostiso allow -f "$scratch"
bad 2 :3 "a bad line: the message has its number" hostiso allow -f "$(file list '10.77.0.66\n# x\n10.0.0.5/33\n')"
bad 2 :2 "and at isolate" hostiso isolate --allow-file "$(file list '10.77.0.66\n10.0.0.5:99999\n')"
bad 2 binary "a binary file" hostiso allow -f "$(file binary '\x7fELF\x02\x01\0\0\0\0')"
bad 2 binary "the command itself as a list" hostiso isolate --allow-file "$HOSTISO"
bad 2 . "a line too long" hostiso allow -f "$(file long "$(printf '1%.0s' {1..5000})")"
truncate -s 1G "$scratch/huge"
began=$SECONDS
bad 2 huge "a file of 1 GB" hostiso allow -f "$scratch/huge"
ok "is refused before it is read" test $((SECONDS - began)) -lt 3
bad 2 /dev/zero "a device that never ends" in_ns host timeout 10 "$HOSTISO" allow -f /dev/zero

# What the machine lacks.
as_nobody() {
	in_ns host setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
}
install -m 755 "$HOSTISO" "$scratch/hostiso"
chmod 755 "$scratch"
bad 2 root "isolate without root" as_nobody "$scratch/hostiso" isolate
bad 2 root "release without root" as_nobody "$scratch/hostiso" release
bad 2 root "allow without root" as_nobody "$scratch/hostiso" allow 10.77.0.66
bad 2 . "a pin folder that is not on a bpffs" in_ns host "$HOSTISO" isolate --pin-dir "$scratch/pins"
mkdir -p "$scratch/plain/maps" && echo kept >"$scratch/plain/file" && echo kept >"$scratch/plain/maps/file"
for verb in release status list confirm "allow 10.77.0.66" "deny 10.77.0.66"; do
	# shellcheck disable=SC2086 # a verb and its entry
	bad 2 "BPF file system" "$verb with a plain folder for pins" in_ns host "$HOSTISO" $verb --pin-dir "$scratch/plain"
done
is "$(cat "$scratch/plain/file" "$scratch/plain/maps/file" 2>&1)" kept$'\n'kept "and what lies in that folder stays"
if command -v strace >/dev/null; then
	bad 2 BPF "a kernel that refuses BPF" in_ns host strace -qq -o /dev/null -e trace=bpf -e inject=bpf:error=EPERM \
		"$HOSTISO" isolate --allow 10.77.0.66
else
	skip "a kernel that refuses BPF" "no strace here"
fi

is "$(kernel_state host)" "$state" "after all this the kernel lists what it listed"
is "$(hostiso list --json)" "$entries" "and the allowlist is what it was"
is "$(host_state)" isolated "and the host still isolated"
ok "release" hostiso release

# A missing bpffs is mounted for the user. The mount namespace keeps it away from everybody else.
status=0
in_ns host unshare -m bash -c 'umount /sys/fs/bpf && "$0" isolate --allow 10.77.0.5 --allow fd00:77::5 &&
	"$0" status >/dev/null && "$0" release' "$HOSTISO" >"$scratch/out" 2>&1 || status=$?
if [[ $status == 0 ]]; then
	report 0 "a missing bpffs is mounted"
else
	like "$(cat "$scratch/out")" 'mount -t bpf' "a missing bpffs: the line says how to mount it"
fi
done_testing
