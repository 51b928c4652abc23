#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# --for, --confirm and confirm: a deadline that the programs keep themselves.
. "$(dirname "$0")/lib.sh"

lab_default
before=$(kernel_state host)
# Long enough to look at the host before it ends.
short=${HOSTISO_DEADLINE:-2}
allow=(--allow 10.77.0.5 --allow fd00:77::5)

ok "isolate --for" hostiso isolate "${allow[@]}" --for "${short}s"
is "$(host_state)" isolated "isolates now"
is "$(ip netns pids "$(ns host)")" "" "no process stays alive for it"
sleep "$short"
is "$(host_state)" open "and opens when its time is over, with nobody there"
exits 3 "status then exits 3" hostiso status
ok "release tidies up" hostiso release
is "$(kernel_state host)" "$before" "and leaves no trace"

ok "isolate --confirm" hostiso isolate "${allow[@]}" --confirm "${short}s"
is "$(host_state)" isolated "isolates now"
sleep "$short"
is "$(host_state)" open "and opens when nobody confirms"
ok "isolate --confirm once more" hostiso isolate "${allow[@]}" --confirm "${short}s"
ok "confirm in time" hostiso confirm
sleep "$short"
is "$(host_state)" isolated "keeps the isolation"
ok "confirm again is no error" hostiso confirm
ok "release" hostiso release
exits 1 "confirm without an isolation fails" hostiso confirm

ok "isolate --for --confirm 1h" hostiso isolate "${allow[@]}" --for "${short}s" --confirm 1h
ok "confirm" hostiso confirm
is "$(host_state)" isolated "isolated"
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
