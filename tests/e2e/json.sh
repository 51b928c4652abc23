#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# tries no kernel: our own words
# What --json prints is JSON, and says what the kernel says.
. "$(dirname "$0")/lib.sh"
need jq

lab_default
is "$(json type status)" '"object"' "status --json of an open host is one object"
is "$(json .state isolate --allow 10.77.0.5 --allow fd00:77::5 --case 'IR-1 "quoted"' --comment $'tab\tand \x1b[31m')" \
	'"isolated"' "isolate --json says how it is now"
is "$(json type status)" '"object"' "status --json of an isolated host is one object"
like "$(json . status)" 'IR-1 \\"quoted\\"' "with the case, quoted"
unlike "$(hostiso status)" $'\x1b' "status prints no terminal escapes of a comment"
reach host-attacker >/dev/null
like "$(json '[.. | objects | select(.reason? == "not-allowed")] | length' status)" '^[1-9]' "with counters by reason"
like "$(json . status)" '"eth0"' "and the device"
like "$(json 'map(.) | length' list)" '^[1-9]' "list --json has entries"
is "$(json .state release)" '"not isolated"' "and so does release --json"
done_testing
