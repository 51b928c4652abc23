#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# tries no kernel: our own words
# Asking for help does nothing but help: a --help that is overlooked and goes on would cut the host.
. "$(dirname "$0")/lib.sh"

lab_default
before=$(kernel_state host)
for verb in isolate release unisolate allow deny list status confirm verify watch; do
	for flag in --help --usage '-?'; do
		hostiso "$verb" "$flag" >"$scratch/help" 2>&1 && status=0 || status=$?
		is "$status $(grep -c '^Usage: hostiso ' "$scratch/help")" "0 1" "$verb $flag prints the usage"
	done
	hostiso "$verb" --no-such-option >"$scratch/help" 2>&1 && status=0 || status=$?
	is "$status $(wc -l <"$scratch/help")" "2 1" "$verb --no-such-option is misuse, told in one line"
done
is "$(host_state)" open "nobody is cut off"
is "$(kernel_state host)" "$before" "and nothing was changed"
done_testing
