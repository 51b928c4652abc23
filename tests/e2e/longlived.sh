#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Long-lived connections are cut at once, allowed ones go on, and all go on after release.
. "$(dirname "$0")/lib.sh"

lab_default
declare -A held=([out4]="host 10.77.0.66" [out6]="host fd00:77::66" [in4]="attacker 10.77.0.1" [in6]="attacker fd00:77::1"
	[kept4]="host 10.77.0.5" [kept6]="peer fd00:77::1")
for name in "${!held[@]}"; do
	read -r from to <<<"${held[$name]}"
	hold "$name" "$from" "$to"
done

echoes() { # FILE FROM-TIME TO-TIME: bytes sent and echoed between the two
	awk -v a="$2" -v b="$3" '$1 >= a && $2 <= b' "$scratch/$1" | wc -l
}

begun=$(now)
sleep 0.5
ok "isolate" hostiso isolate --allow 10.77.0.5 --allow fd00:77::5
cut=$(now)
sleep 1.5
freed=$(now)
ok "release" hostiso release
opened=$(now)

for name in out4 out6 in4 in6; do
	ok "$name was alive before" test "$(echoes "$name" "$begun" "$cut")" -ge 5
	is "$(echoes "$name" "$cut" "$freed")" 0 "$name: no byte sent after the cut was answered before release"
	more() { # one sent after release came back
		[[ $(echoes "$name" "$opened" 9999999999999999) -gt 0 ]]
	}
	ok "$name goes on after release" eventually 120 more
done
for name in kept4 kept6; do
	ok "$name, an allowed peer's, never stopped" test "$(echoes "$name" "$cut" "$freed")" -ge 15
	repeated=$(awk 'NF == 3 { n = $3 } END { print n }' "$scratch/$name")
	ok "$name: no segment was lost (sent again: $repeated)" test "$repeated" -le "${HOSTISO_REPEATED:-0}"
done

# An isolated host that allows one of them again: the same connection goes on.
ok "isolate again" hostiso isolate --allow 10.77.0.5
cut=$(now)
sleep 0.5
is "$(echoes out4 "$cut" "$(now)")" 0 "out4 is cut again"
ok "allow its peer" hostiso allow 10.77.0.66
name=out4 opened=$(now)
ok "out4 goes on" eventually 120 more
ok "deny it" hostiso deny 10.77.0.66
cut=$(now)
sleep 0.5
is "$(echoes out4 "$cut" "$(now)")" 0 "out4 is cut by deny, too"
ok "release at the end" hostiso release
done_testing
