#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# --for, --confirm and confirm: a deadline that the programs keep themselves.
. "$(dirname "$0")/lib.sh"

lab_default
before=$(kernel_state host)
allow=(--allow 10.77.0.5 --allow fd00:77::5)

ok "isolate --for 2s" hostiso isolate "${allow[@]}" --for 2s
is "$(host_state)" isolated "isolates now"
is "$(ip netns pids "$(ns host)")" "" "no process stays alive for it"
sleep 2
is "$(host_state)" open "and opens two seconds later, with nobody there"
exits 3 "status then exits 3" hostiso status
ok "release tidies up" hostiso release
is "$(kernel_state host)" "$before" "and leaves no trace"

ok "isolate --confirm 2s" hostiso isolate "${allow[@]}" --confirm 2s
is "$(host_state)" isolated "isolates now"
sleep 2
is "$(host_state)" open "and opens when nobody confirms"
ok "isolate --confirm 2s once more" hostiso isolate "${allow[@]}" --confirm 2s
ok "confirm in time" hostiso confirm
sleep 2
is "$(host_state)" isolated "keeps the isolation"
ok "confirm again is no error" hostiso confirm
ok "release" hostiso release
exits 1 "confirm without an isolation fails" hostiso confirm

ok "isolate --for 3s --confirm 1h" hostiso isolate "${allow[@]}" --for 3s --confirm 1h
ok "confirm" hostiso confirm
is "$(host_state)" isolated "isolated"
sleep 3
is "$(host_state)" open "a confirmed isolation still ends at its --for"

ok "isolate without a deadline" hostiso isolate "${allow[@]}"
is "$(host_state)" isolated "after an ended one isolates again"
sleep 1.5
is "$(host_state)" isolated "and goes on"
ok "isolate --for 2s on top" hostiso isolate --for 2s
sleep 2
is "$(host_state)" open "applies the deadline"
ok "release at the end" hostiso release
is "$(kernel_state host)" "$before" "leaves no trace"
done_testing
