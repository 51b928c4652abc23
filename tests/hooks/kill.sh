#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# The kill hook: every door, by every way that this kernel takes, under every action: how the victim
# ended, and the file's mode afterwards. A rule that enforces is here always one for the processes of
# the runner below, in this test's own folder; wider ones are tried in the machines of vm/ only.
# timeout: 900
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"
need jq

doors=$build/tests/helpers/chmod_doors
dir=$scratch/place pins=/sys/fs/bpf/hi-$lab_name
export ELSEWHERE=$scratch/other
mkdir -p "$dir"
file=$dir/file

kill_() { # WORD...: hostiso kill with our own pins
	local word=$1
	shift
	"$build/hostiso" kill "$word" --pin-dir "$pins" "$@"
}
kill_ clear >/dev/null # of a run that was killed
# shellcheck disable=SC2317
after() {
	kill_ clear >/dev/null 2>&1 || true
	[[ ! ${runner_pid:-} ]] || kill "$runner_pid" 2>/dev/null || true
	finish
}
trap after EXIT

# The runner: a process that does what it is told, and tells how that ended. All victims are its
# children.
# shellcheck disable=SC2094
mkfifo "$scratch/tell" "$scratch/ended"
(
	trap - EXIT ERR
	set +eE
	while read -r words; do
		(eval "exec $words") >"$scratch/said" 2>&1
		echo $?
	done <"$scratch/tell" >"$scratch/ended"
) 2>/dev/null &
runner_pid=$!
exec 8>"$scratch/tell" 9<"$scratch/ended"
status=''
victim() { # WORDS...: to $status, what it printed to $said
	echo "$*" >&8
	read -r -u 9 status
	said=$(<"$scratch/said")
}

fresh() {
	rm -f "$file"
	(umask 077 && : >"$file")
	chmod 644 "$file"
}
mode() {
	stat -c %a "$file" 2>/dev/null || echo none
}
mine=(--tree "$runner_pid" --path "$dir")
rule=''
arm() { # OPTIONS...: the rule's number to $rule
	rule=$(kill_ chmod "${mine[@]}" --for 10m --json "$@" | jq .rule) && [[ $rule ]]
}
counts() { # FILTER: of $rule
	kill_ list --json | jq -c ".rules[] | select(.rule == $rule) | $1"
}

# Doors that this kernel and file system have.
there=()
for door in chmod fchmod fchmodat fchmodat2 relative opath emptypath handle acl creat mknod uring rename; do
	fresh
	victim "$doors" "$door" "$file" 755
	if [[ $status == 77 ]]; then
		skip "the door $door" "this kernel or file system has none"
	else
		is "$status $(mode)" "0 755" "$door gives a file its mode, with no rule"
		there+=("$door")
	fi
done

# What `kill list` says of a door's group.
group_of() { # DOOR
	case $1 in
	acl) echo acl ;;
	creat | mknod | uring) echo created ;;
	rename) echo none ;;
	*) echo chmod ;;
	esac
}

try_doors() { # WAY COVERED STATUS MODE WHAT
	local way=$1 covered=$2 want=$3 door group
	for door in "${there[@]}"; do
		group=$(group_of "$door")
		fresh
		victim "$doors" "$door" "$file" 755
		case $group-$door in
		created-*)
			[[ $4 == 755 ]] || set -- "$1" "$2" "$3" none "$5"
			;;
		*) [[ $4 == 755 ]] || set -- "$1" "$2" "$3" 644 "$5" ;;
		esac
		if [[ ! $covered =~ (^|,)$group(,|$) || ($way == syscall && $door == uring) ]]; then
			is "$status $(mode)" "0 755" "$way, $5: $door is not covered, as README says"
		else
			is "$status $(mode)" "$want $4" "$way, $5: $door"
		fi
	done
}

ways=()
for way in lsm fmod_ret fexit syscall; do
	# This one keeps the programs there from rule to rule.
	if ! arm --provider "$way" --adds s 2>"$scratch/err"; then
		skip "rules by $way" "this kernel refuses it: $(sed 's/.*(//; s/)$//' "$scratch/err")"
		continue
	fi
	ways+=("$way")
	first=$rule
	is "$(kill_ list --json | jq -r .provider)" "$way" "$way: list says how it is armed"
	covered=$(kill_ list --json | jq -r '[.doors | to_entries[] | select(.value) | .key] | join(",")')
	case $way in
	fexit) is "$covered" chmod "$way sees chmod only" ;;
	*) is "$covered" chmod,acl,created "$way sees all doors" ;;
	esac
	refuses=$(kill_ list --json | jq .refuses)
	born=(--created)
	[[ $covered == *created* ]] || born=()

	arm --adds x "${born[@]}"
	try_doors "$way" "$covered" 0 755 audit
	case $way in
	syscall) unseen='rename|uring' ;;
	fexit) unseen='rename|acl|creat|mknod|uring' ;;
	*) unseen=rename ;;
	esac
	unseen=$(printf '%s\n' "${there[@]}" | grep -cE "^($unseen)\$" || true)
	is "$(counts '[.matched, .audited, .signalled, .refused]' | tr -d '\n')" \
		"[$((${#there[@]} - unseen)),$((${#there[@]} - unseen)),0,0]" "$way, audit: counted, nobody touched"
	kill_ remove "$rule"

	[[ $refuses == true ]] && left=old || left=755
	arm --adds x --enforce "${born[@]}"
	try_doors "$way" "$covered" 137 "$left" enforce
	kill_ remove "$rule"
	arm --adds x --enforce --signal TERM "${born[@]}"
	try_doors "$way" "$covered" 143 "$left" "signal TERM"
	kill_ remove "$rule"
	arm --adds x --enforce --thread "${born[@]}"
	try_doors "$way" "$covered" 137 "$left" thread
	kill_ remove "$rule"
	if [[ $refuses == true ]]; then
		arm --adds x --enforce --deny-only "${born[@]}"
		try_doors "$way" "$covered" 1 old deny-only
		kill_ remove "$rule"
	else
		exits 1 "$way: --deny-only is not possible" kill_ chmod "${mine[@]}" --enforce --deny-only
		like "$output" 'cannot refuse' "… and it says so"
	fi

	# What is no match.
	arm --adds x --enforce
	rm -rf "${dir:?}/deep"
	fresh
	chmod 755 "$file"
	victim chmod -R 755 "$dir"
	is "$status" 0 "$way: chmod -R that changes nothing is no match"
	victim chmod 600 "$file"
	is "$status $(mode)" "0 600" "$way: taking bits away is no match"
	victim chmod 644 "$scratch/other" 2>/dev/null || true
	: >"$scratch/outside"
	victim chmod 755 "$scratch/outside"
	is "$status" 0 "$way: a file outside --path is no match"
	fresh
	chmod 755 "$file"
	is "$(mode)" 755 "$way: a process outside --tree is no match"
	mkdir -p "$dir/deep/er"
	mv "$file" "$dir/deep/er/file"
	victim chmod 4755 "$dir/deep/er/file"
	is "$status" 0 "$way: a bit that was there is not added"
	chmod 600 "$dir/deep/er/file"
	ln -sfn "$dir/deep" "$scratch/link"
	victim chmod 700 "$scratch/link/../deep//er/./file"
	is "$status" 137 "$way: a path by way of a link, .. and . is followed"
	kill_ remove "$rule"

	arm --enforce
	chmod 700 "$dir/deep/er/file"
	victim chmod -R 700 "$dir/deep/er/file"
	is "$status" 0 "$way: … nor for a rule that takes every change"
	victim chmod 400 "$dir/deep/er/file"
	is "$status" 137 "$way: … which any change is"
	kill_ remove "$rule"

	# The first rule still there, and another on the same path.
	arm --adds x --enforce
	second=$rule
	fresh
	victim chmod 4755 "$file"
	is "$status" 137 "$way: two rules on one path: the one that enforces acts"
	rule=$first
	is "$(counts .matched)" 2 "$way: … and both count"
	kill_ remove "$second"
	kill_ clear >/dev/null
done

[[ ${ways[*]} ]] || skip_all "no way to a chmod on this kernel"
way=${ways[0]}
arm --provider "$way" --adds s
first=$rule
refuses=$(kill_ list --json | jq .refuses)

# ---- guards ----

fresh
arm --adds x --enforce
if victim unshare --pid --fork true && [[ $status == 0 ]]; then
	victim unshare --pid --fork "$doors" chmod "$file" 755
	[[ $refuses == true ]] && want='1 644' || want='0 755'
	is "$status $(mode)" "$want" "the pid 1 of a container is not killed, but refused where that can be"
	is "$(counts '[.spared["container-init"], .signalled]')" '[1,0]' "… and counted as spared"
	kill_ remove "$rule"
	arm --adds x --enforce --container-inits
	fresh
	victim unshare --pid --fork "$doors" chmod "$file" 755
	is "$((status != 0)) $(counts .signalled)" "1 1" "… unless --container-inits"
else
	skip "the pid 1 of a container is spared" "no pid namespaces here"
fi
kill_ remove "$rule"

fresh
victim perl -e "'system(qw($build/hostiso kill chmod --pin-dir $pins --tree $runner_pid --path $dir --adds x --enforce)) and die; chmod 0755, qq($file) or die'"
rule=$(kill_ list --json | jq '.rules[-1].rule')
is "$status $(mode)" "0 755" "who armed the rule is spared"
is "$(counts .spared.responder)" 1 "… as the responder"
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
	victim dpkg --root="$dir/root" --force-script-chrootless --force-not-root --log="$scratch/log" -i "$scratch/none.deb"
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
kill_ remove "$rule"

# ---- loads, limits, deadlines ----

mkdir -p "$dir/storm"
arm --adds x
"$build/hostiso" kill watch --pin-dir "$pins" >"$scratch/events" 2>/dev/null {lab_lock}>&- &
watcher=$!
sleep 0.3
victim "$doors" storm "$dir/storm" 8 1250
is "$status" 0 "10,000 chmods by 8 processes"
# Missed are also calls that would not have matched: every second one here.
missed=$(kill_ list --json | jq .missed)
matched=$(counts .matched)
is "$((matched == 10000 || (missed && matched < 10000 && matched + missed >= 10000))) $(counts .audited)" "1 $matched" \
	"… and every one is a match, or counted as missed by the kernel ($missed)"
[[ $way == fmod_ret ]] || is "$missed" 0 "… which by $way none is"
sleep 1
kill "$watcher"
wait "$watcher" || true
is $(($(grep -c "\"rule\":$rule," "$scratch/events") + $(kill_ list --json | jq .events_lost))) "$matched" \
	"… told, or counted as not told"
ok "… each line JSON" jq -e . "$scratch/events"
is "$(jq -c "select(.rule == $rule) | "'[.effect, .old_mode, .requested_mode, .path]' "$scratch/events" | sed 's/[0-9]*"\]$/N"]/' | sort -u)" \
	"[\"$([[ $(kill_ list --json | jq .refuses) == true ]] && echo attempted || echo completed)\",100644,755,\"$dir/storm/N\"]" \
	"… with effect, modes and path"
kill_ remove "$rule"
arm --adds x --enforce --max-kills 0
victim "$doors" mass "$dir/storm" 200 755
missed=$(($(kill_ list --json | jq .missed) - missed))
is "$said $(counts .signalled)" "$(counts .matched) $(counts .matched)" "200 at once: every match is signalled"
is "$((said + missed >= 200))" 1 "… and all match, but for $missed that the kernel missed"
victim "$doors" mass "$dir/storm" 50 600
is "$said" 0 "… and none that matches not"
kill_ remove "$rule"
arm --adds x --enforce --max-kills 5/second
victim "$doors" mass "$dir/storm" 60 755
is "$((said >= 5 && said <= 12))" 1 "--max-kills: past it nobody more is killed ($said were)"
like "$(counts .state)" 'audit \(fell back\)' "… and list says that it audits now"
kill_ remove "$rule"

arm --adds x --enforce --for 3s
fresh
victim "$doors" chmod "$file" 755
is "$status" 137 "--for: until then the rule holds"
sleep 3.2
fresh
victim "$doors" chmod "$file" 755
is "$status $(mode)" "0 755" "… and ends in the kernel"
is "$(counts .state)" '"expired"' "… and list says so"
kill_ remove "$rule"

# ---- dimensions ----

holds() { # STATUS WHAT OPTIONS...
	local want=$1 what=$2
	shift 2
	arm --enforce "$@"
	fresh
	victim "$doors" chmod "$file" 4757
	is "$status" "$want" "$what"
	kill_ remove "$rule"
}
holds 137 "--adds w" --adds w
holds 137 "--adds s" --adds s
holds 137 "--mode 4000" --mode 4000
holds 0 "--mode 2000: not added" --mode 2000
holds 137 "--uid 0" --uid 0
holds 0 "--uid of another" --uid 4242
holds 137 "--owner 0" --owner 0
holds 0 "--owner of another" --owner 4242
holds 137 "--exe" --exe "$doors"
holds 0 "--exe of another" --exe /bin/bash
holds 137 "--comm" --comm chmod_doors
holds 0 "--comm of another" --comm chmod
holds 0 "--type d" --type d
holds 137 "--path of the file itself" --path "$dir/file"

# ---- what it says, what it leaves ----

exits 2 "an empty rule is refused" kill_ chmod --enforce
like "$output" 'empty rule' "… and it says why"
exits 2 "--audit and --enforce" kill_ chmod --path "$dir" --audit --enforce
exits 2 "--signal without --enforce" kill_ chmod --path "$dir" --signal TERM
exits 2 "a path that is not there" kill_ chmod --path "$scratch/none"
exits 2 "no such rule" kill_ remove 4711
exits 0 "release leaves kill rules" "$build/hostiso" release --pin-dir "$pins"
like "$output" 'kill rules' "… and says so"
rule=$first
is "$(counts .rule)" "$first" "… and they are there"
ok "release --all" "$build/hostiso" release --all --pin-dir "$pins"
is "$([[ ! -e $pins ]] || echo there)" '' "… takes them away, too"
loaded() {
	bpftool -j prog list | jq -e '.[] | select(.name // "" | test("^kill_"))' >/dev/null
}
gone() {
	! loaded
}
ok "… and no program stays" eventually 20 gone

if [[ " ${ways[*]} " == *' syscall '* ]]; then
	arm --provider syscall --adds x --enforce --revert
	"$build/hostiso" kill watch --pin-dir "$pins" >"$scratch/events" 2>/dev/null {lab_lock}>&- &
	watcher=$!
	sleep 0.3
	fresh
	victim "$doors" chmod "$file" 755
	ok "--revert: watch puts the mode back" eventually 5 eval '[[ $(mode) == 644 ]]'
	kill "$watcher"
	wait "$watcher" || true
	like "$(<"$scratch/events")" '"effect":"completed".*KILL_REVERT.*"done"' "… and says both"
	kill_ clear >/dev/null
fi
done_testing
