#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Whom the kill hook spares, and where it stops: guards, package managers at work, loads, --max-kills,
# --for. By the best way that this kernel takes.
# timeout: 300
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"
# shellcheck source=tests/lib/kill.sh
. "$(dirname "$0")/../lib/kill.sh"

need jq
arm --adds s 2>"$scratch/err" || skip_all "$(<"$scratch/err")"
look
way=${told[provider]} refuses=${told[refuses]} armed=()

# ---- guards ----

fresh
arm --adds x --enforce
if victim unshare --pid --fork true && [[ $status == 0 ]]; then
	victim unshare --pid --fork "$doors" chmod "$file" 755
	[[ $refuses == true ]] && want='1 644' || want='0 755'
	is "$status $(mode)" "$want" "the pid 1 of a container is not killed, but refused where that can be"
	look
	is "$(of spared.container-init) $(of signalled)" "1 0" "… and counted as spared"
	disarm
	arm --adds x --enforce --container-inits
	fresh
	victim unshare --pid --fork "$doors" chmod "$file" 755
	is "$((status != 0)) $(counts .signalled)" "1 1" "… unless --container-inits"
else
	skip "the pid 1 of a container is spared" "no pid namespaces here"
fi
disarm

fresh
victim perl -e "'system(qw($build/hostiso kill chmod --pin-dir $pins --tree $runner_pid --path $dir --adds x --enforce)) and die; chmod 0755, qq($file) or die'"
look
rule=${listed[-1]} armed=("${listed[-1]}")
is "$status $(mode)" "0 755" "who armed the rule is spared"
is "$(of spared.responder)" 1 "… as the responder"
cp "$doors" "$scratch/manager"
fresh
victim "$scratch/manager" chmod "$file" 755
is "$status" 137 "a program that is on no list is killed"
kill_ spare --add "$scratch/manager" >/dev/null
fresh
victim "$scratch/manager" chmod "$file" 755
is "$status $(mode)" "0 755" "a program put on the list is spared"
is "$(counts .spared.listed)" 1 "… as listed"
chmod 711 "$scratch"
fresh
chown 65534 "$file"
victim setpriv --reuid 65534 --clear-groups "$scratch/manager" chmod "$file" 755
is "$status" 137 "… but not as run by a user who is not named"
kill_ spare --add "$scratch/manager" --uid 65534 >/dev/null
fresh
chown 65534 "$file"
victim setpriv --reuid 65534 --clear-groups "$scratch/manager" chmod "$file" 755
is "$status $(mode)" "0 755" "… until that one is"
exits 2 "… a user who is none" kill_ spare --add "$scratch/manager" --uid nobody
cp "$(command -v bash)" "$scratch/shell"
kill_ spare --add "$scratch/shell" >/dev/null
fresh
victim "$scratch/shell" -c "'$doors chmod $file 755; exit \$?'"
is "$status $(mode)" "0 755" "… and what such a one starts"
kill_ spare --remove "$scratch/shell" >/dev/null
kill_ spare --remove "$scratch/manager" >/dev/null
fresh
victim "$scratch/manager" chmod "$file" 755
is "$status" 137 "… until it is taken off"

if command -v dpkg-deb >/dev/null && [[ ! $(readlink -f "$(command -v dpkg)") =~ busybox ]]; then
	mkdir -p "$scratch/package/DEBIAN" "$scratch/package/usr/bin" "$dir/root/var/lib/dpkg/"{info,updates}
	: >"$dir/root/var/lib/dpkg/status"
	printf 'Package: hi-none\nVersion: 1\nArchitecture: all\nMaintainer: none <none@example.org>\nDescription: none\n' \
		>"$scratch/package/DEBIAN/control"
	printf '#!/bin/sh\n' >"$scratch/package/usr/bin/hi-none"
	chmod 4755 "$scratch/package/usr/bin/hi-none"
	printf '#!/bin/sh\nchmod 755 "$DPKG_ROOT/usr/bin/hi-none"\nchmod 4755 "$DPKG_ROOT/usr/bin/hi-none"\n' \
		>"$scratch/package/DEBIAN/postinst"
	chmod 755 "$scratch/package/DEBIAN/postinst"
	dpkg-deb --root-owner-group -b "$scratch/package" "$scratch/none.deb" >/dev/null
	victim dpkg --root="$dir/root" --force-script-chrootless --force-bad-path --log="$scratch/log" -i "$scratch/none.deb"
	is "$status $(stat -c %a "$dir/root/usr/bin/hi-none" 2>/dev/null)" "0 4755" \
		"dpkg installs a package in the very folder, its script and all"
	[[ $status == 0 ]] || diag "$said"
else
	skip "dpkg installs a package" "no dpkg here"
fi
mkdir -p "$scratch/tree/a" && touch "$scratch/tree/a/"{x,y} && chmod 755 "$scratch/tree/a/x"
victim tar -C "$scratch" -cf "$scratch/tree.tar" tree
mkdir -p "$scratch/unpacked"
victim tar -C "$scratch/unpacked" -xpf "$scratch/tree.tar"
is "$status" 0 "tar unpacks outside the path"
if command -v git >/dev/null; then
	victim git init -q "$scratch/repo"
	cp -a "$scratch/tree" "$scratch/repo/"
	victim git -C "$scratch/repo" add -A
	victim git -C "$scratch/repo" -c user.name=n -c user.email=n@example.org commit -qm one
	rm -rf "$scratch/repo/tree"
	victim git -C "$scratch/repo" checkout -q -- .
	is "$status" 0 "git checks out outside the path"
else
	skip "git checks out outside the path" "no git here"
fi
disarm

# ---- loads, limits, deadlines ----

mkdir -p "$dir/storm"
arm --adds x
storm=$rule
arm_in none --adds x --enforce # of which nothing there may die
watch_matches
victim "$doors" storm "$dir/storm" 8 1250
is "$status" 0 "10,000 chmods by 8 processes, and none is killed by another folder's rule"
# Missed are also calls that would not have matched: every second one here.
rule=$storm
look
missed=${told[missed]} matched=$(of matched)
is "$((matched == 10000 || (missed && matched < 10000 && matched + missed >= 10000))) $(of audited)" "1 $matched" \
	"… and every one is a match, or counted as missed by the kernel ($missed)"
is "${told[unresolved]} ${told[calls_lost]}" "0 0" "… and none past the room, or with a file not found"
[[ $way == fmod_ret ]] || is "$missed" 0 "… which by $way none is"
watch_no_more
look
is $(($(grep -c "\"rule\":$rule," "$scratch/events") + told[events_lost])) "$matched" \
	"… told, or counted as not told"
what=$(jq -cn --argjson rule "$rule" \
	'[inputs | select(.rule == $rule) | [.effect, .old_mode, .requested_mode, .path[:(.path | rindex("/"))]]] | unique[]' \
	"$scratch/events" 2>&1)
is "$what" "[\"$([[ $refuses == true ]] && echo attempted || echo completed)\",100644,755,\"$dir/storm\"]" \
	"… each line JSON, with effect, modes and path"
disarm
arm --adds x --enforce --max-kills 0
victim "$doors" mass "$dir/storm" 200 755
look
missed=$((told[missed] - missed))
is "$said $(of signalled)" "$(of matched) $(of matched)" "200 at once: every match is signalled"
is "$((said + missed >= 200))" 1 "… and all match, but for $missed that the kernel missed"
victim "$doors" mass "$dir/storm" 50 600
is "$said" 0 "… and none that matches not"
disarm
arm --adds x --enforce --max-kills 5/second
victim "$doors" mass "$dir/storm" 60 755
is "$((said >= 5 && said <= 12))" 1 "--max-kills: past it nobody more is killed ($said were)"
like "$(counts .state)" 'audit \(fell back\)' "… and list says that it audits now"
disarm

# Two ends, so that the machine need not be quick: one that is far, and one that is waited for.
arm --adds x --enforce
fresh
victim "$doors" chmod "$file" 755
is "$status" 137 "--for: until then the rule holds"
disarm
arm --adds x --enforce --for 1s
# shellcheck disable=SC2317
expired() {
	look
	[[ $(of state) == expired ]]
}
ok "… and list says when it is over" eventually 20 expired
fresh
victim "$doors" chmod "$file" 755
is "$status $(mode)" "0 755" "… which it is in the kernel"
disarm
done_testing
