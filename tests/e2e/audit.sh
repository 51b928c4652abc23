#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# --audit counts and reports what would drop, and drops nothing.
. "$(dirname "$0")/lib.sh"

lab_default
before=$(kernel_state host)
ok "isolate --audit" hostiso isolate --audit --allow 10.77.0.5 --allow fd00:77::5
ok_open "drops nothing" host-attacker attacker-host host-peer peer-host
exits 3 "status says that the host is not isolated" hostiso status
like "$output" '[Aa]udit' "but audited"
like "$output" 'not-allowed' "and what would have dropped"
would=$(json '[.counters[] | select(.reason == "not-allowed" and .verdict == "would-drop") | .packets] | add' status)
ok "as many packets as were sent, at least" test "${would:-0}" -ge 12

ok "isolate turns an audit into an isolation" hostiso isolate --allow 10.77.0.5 --allow fd00:77::5
is "$(host_state)" isolated "without a gap in what is attached"
ok "status exits 0" hostiso status
ok "isolate --audit turns it back" hostiso isolate --audit
is "$(host_state)" open "and drops nothing"
ok "release" hostiso release
is "$(kernel_state host)" "$before" "leaves no trace"
done_testing
