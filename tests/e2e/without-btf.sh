#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A kernel that shows no type information (BTF): isolation works and says what it cannot see; what needs it
# says so in one line and changes nothing.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/../../tools/lab/puppets.sh"
need unshare

lab_default
puppet one host
blind() { # VERB...
	in_ns host unshare -m bash -c 'mount -t tmpfs none /sys/kernel/btf && exec "$@"' - timeout 60 "$HOSTISO" "$@"
}
[[ -d /sys/kernel/btf ]] || skip_all "this kernel has none anyway"

ok "isolate" blind isolate --allow 10.77.0.5 --allow fd00:77::5
is "$(host_state)" isolated "isolates"
ok "status" blind status
like "$output" 'limit: frames that leave their checksum' "tells what is not seen"
like "$(hostiso status)" 'limit: frames that leave their checksum' "also when the types are there again: it asks the programs"
is "$("$build/tests/helpers/rawframe" forged "$(ns host)" eth0 "$(ns switch)" host 10.77.0.5)" open "which is true"
before=$(kernel_state host)
refused() { # DESCRIPTION VERB...
	exits "$@"
	like "$output" '^hostiso[^'$'\n'']*type information \(BTF\)[^'$'\n'']*$' "… in one line, with the reason"
}
refused 2 "allow --pid" blind allow --pid "${puppet_pid[one]}"
refused 2 "allow --exe" blind allow --exe "$(command -v perl)"
refused 1 "trace" blind trace --process-fork
refused 1 "trace --probe" blind trace --probe
refused 2 "kill chmod" blind kill chmod --pin-dir "$HOSTISO_PIN_DIR" --path "$scratch" --adds x
is "$(kernel_state host)" "$before" "none of them left anything"
ok "release" blind release
is "$(host_state)" open "opens the host"
done_testing
