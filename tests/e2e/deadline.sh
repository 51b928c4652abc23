#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# --for, --confirm and confirm: a deadline that the programs keep themselves.
. "$(dirname "$0")/lib.sh"

lab_default
before=$(kernel_state host)
short=${HOSTISO_DEADLINE:-2}
allow=(--allow 10.77.0.5 --allow fd00:77::5)

# In ARGUMENTS, TIME is the deadline: long enough to look at the host before it ends, which a busy machine
# may do late. When it was too late to tell, again with twice the time.
lasts() { # NAME [confirmed] ARGUMENTS...
	local name=$1 confirmed='' state='' begun
	shift
	[[ $1 != confirmed ]] || { confirmed=1 && shift; }
	for (( ; ; short *= 2)); do
		begun=$SECONDS
		hostiso isolate "${allow[@]}" "${@//TIME/${short}s}" >/dev/null || break
		[[ ! $confirmed ]] || hostiso confirm >/dev/null || [[ $((SECONDS - begun)) -ge short ]] || break
		state=$(host_state)
		[[ $state != isolated && $((SECONDS - begun)) -ge short && short -lt 100 ]] || break
		hostiso release >/dev/null
	done
	is "$state" isolated "$name"
}

lasts "isolate --for isolates now" --for TIME
is "$(ip netns pids "$(ns host)")" "" "no process stays alive for it"
sleep "$short"
is "$(host_state)" open "and opens when its time is over, with nobody there"
exits 3 "status then exits 3" hostiso status
ok "release tidies up" hostiso release
is "$(kernel_state host)" "$before" "and leaves no trace"

lasts "isolate --confirm isolates now" --confirm TIME
sleep "$short"
is "$(host_state)" open "and opens when nobody confirms"
lasts "isolate --confirm once more, confirmed in time" confirmed --confirm TIME
sleep "$short"
is "$(host_state)" isolated "keeps the isolation"
ok "confirm again is no error" hostiso confirm
ok "release" hostiso release
exits 1 "confirm without an isolation fails" hostiso confirm

lasts "isolate --for --confirm 1h, confirmed" confirmed --for TIME --confirm 1h
sleep "$short"
is "$(host_state)" open "a confirmed isolation still ends at its --for"

ok "isolate without a deadline" hostiso isolate "${allow[@]}"
is "$(host_state)" isolated "after an ended one isolates again"
sleep "$short"
is "$(host_state)" isolated "and goes on"
ok "isolate --for on top" hostiso isolate --for "${short}s"
sleep "$short"
is "$(host_state)" open "applies the deadline"
ok "release at the end" hostiso release
is "$(kernel_state host)" "$before" "leaves no trace"
done_testing
