#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# tries no kernel: our own scripts
# tests/run itself: a test that crashes, hangs, prints no plan or a wrong one is a failure.
. "$(dirname "$0")/lib.sh"

mkdir -p "$scratch/tree/tests/e2e" "$scratch/tree/build/tests/unit"
cp "$tree"/tests/{run,bounded} "$scratch/tree/tests/"
unset B

# A tree with one test of the given text; prints what the runner said last, and its exit code.
run_one() { # TEXT [OPTION...]
	local status=0
	printf '#!/bin/bash\n%s\n' "$1" >"$scratch/tree/tests/e2e/one.sh"
	chmod +x "$scratch/tree/tests/e2e/one.sh"
	shift
	"$scratch/tree/tests/run" "$@" >"$scratch/out" 2>&1 || status=$?
	echo "$(tail -n1 "$scratch/out"), exit $status"
}

is "$(run_one 'echo 1..2; echo ok 1 - a; echo ok 2 - b')" "2 passed, 0 failed, 0 skipped, exit 0" "a good test"
is "$(run_one 'echo 1..2; echo ok 1 - a; echo not ok 2 - b; echo "# why"')" "1 passed, 1 failed, 0 skipped, exit 1" "a failure"
is "$(sed -n 's,^     | ,,p' "$scratch/out")" $'1..2\nnot ok 2 - b\n# why' "shows what the test printed, but what passed"
is "$(run_one 'echo 1..1; echo ok 1 - a; kill -SEGV $$')" "1 passed, 1 failed, 0 skipped, exit 1" "a crash"
is "$(run_one 'echo ok 1 - a')" "1 passed, 1 failed, 0 skipped, exit 1" "no plan"
is "$(run_one 'echo 1..3; echo ok 1 - a')" "1 passed, 1 failed, 0 skipped, exit 1" "a wrong plan"
is "$(run_one 'echo 1..1; echo ok 1 - a; exit 3')" "1 passed, 1 failed, 0 skipped, exit 1" "an exit code"
is "$(run_one ':')" "0 passed, 1 failed, 0 skipped, exit 1" "a test that prints nothing"
is "$(run_one 'echo "1..0 # SKIP no such kernel"')" "0 passed, 0 failed, 1 skipped, exit 0" "a skip"
ok "is listed with its reason" grep -q '^# skip no such kernel' "$scratch/out"
is "$(run_one 'echo 1..1; echo "ok 1 - a # SKIP"')" "0 passed, 1 failed, 0 skipped, exit 1" "a skip without a reason"
is "$(run_one 'echo 1..1; echo "# no hooks"; echo "not ok 1 # SKIP a"')" "0 passed, 0 failed, 1 skipped, exit 0" "a skip of cmocka's"
ok "has the comment before it as its reason" grep -q '^# skip no hooks' "$scratch/out"
is "$(run_one 'echo 1..1; echo ok 1 - a; sleep 987 & sleep 987' --timeout 1)" "1 passed, 1 failed, 0 skipped, exit 1" "a hang"
is "$(pgrep -fx 'sleep 987' || true)" "" "is ended with all that it started"
is "$(run_one 'echo 1..1; echo ok 1 - a; sleep 986 &')" "1 passed, 0 failed, 0 skipped, exit 0" "what a test leaves running"
is "$(pgrep -fx 'sleep 986' || true)" "" "is ended, and not waited for"
is "$(run_one $'# tries no kernel: words\necho 1..1; echo ok 1 - a' --kernel | tail -c 7)" "exit 2" "--kernel leaves out what tries none"
is "$(run_one $'# tries no kernel: words\necho 1..1; echo ok 1 - a')" "1 passed, 0 failed, 0 skipped, exit 0" "which else runs"
rm "$scratch/tree/tests/e2e/one.sh"
exits 2 "no tests at all" "$scratch/tree/tests/run"

# tools/lab/lab.sh's: no verb ever runs in the network of the machine.
lab_ns host
ok "a verb may run in a namespace of the lab" in_ns host true
is "$(in_ns host readlink /proc/self/ns/net)" "$(nsenter --net="/run/netns/$(ns host)" readlink /proc/self/ns/net)" "and does"
exits 99 "but not in one of another name" "$build/tools/lab/within" /run/netns/other-host true
exits 99 "nor in the one that it comes from" in_ns host "$build/tools/lab/within" "/run/netns/$(ns host)" true
nobody=(setpriv --reuid=65534 --clear-groups)
if "${nobody[@]}" test -r "$tree/tests/run"; then
	exits 2 "without root" "${nobody[@]}" "$tree/tests/run" harness
else
	skip "without root" "this tree is nobody else's to read"
fi
done_testing
