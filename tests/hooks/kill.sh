#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# The kill hook: every door, by every way that this kernel takes, under every action: how the victim
# ended, and the file's mode afterwards. A rule that enforces is here always one for the processes of
# the runner of tests/lib/kill.sh, in this test's own folder.
# timeout: 900
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"
# shellcheck source=tests/lib/kill.sh
. "$(dirname "$0")/../lib/kill.sh"

all_doors=(chmod fchmod fchmodat fchmodat2 relative opath emptypath handle compat acl uringacl creat mknod uring rename)

# Doors that this kernel and file system have.
there=()
victim "$doors" each "$file" 755 "${all_doors[@]}"
while read -r door status mode; do
	if [[ $status == 77 ]]; then
		skip "the door $door" "this kernel or file system has none"
	else
		is "$status $mode" "0 755" "$door gives a file its mode, with no rule"
		there+=("$door")
	fi
done <<<"$said"

# What `kill list` says of a door's group.
group_of() { # DOOR
	case $1 in
	acl | uringacl) echo acl ;;
	creat | mknod | uring) echo created ;;
	rename) echo none ;;
	*) echo chmod ;;
	esac
}

try_doors() { # WAY COVERED STATUS MODE WHAT: a MODE of old is the one before
	local way=$1 covered=$2 want=$3 left=$4 what=$5 door status mode group
	victim "$doors" each "$file" 755 "${there[@]}"
	while read -r door status mode; do
		group=$(group_of "$door")
		if [[ ! $covered =~ (^|,)$group(,|$) || ($way == syscall && $door =~ ^(uring|compat)) ]]; then
			is "$status $mode" "0 755" "$way, $what: $door is not covered, as README says"
		elif [[ $left == old && $group == created ]]; then
			is "$status $mode" "$want none" "$way, $what: $door"
		else
			is "$status $mode" "$want ${left/old/644}" "$way, $what: $door"
		fi
	done <<<"$said"
}

ways=()
for way in syscall fexit fmod_ret lsm; do # the best one last: its programs stay for what follows
	[[ ! ${ways[*]} ]] || kill_ clear >/dev/null
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
	syscall) unseen='rename|uring|uringacl|compat' ;;
	fexit) unseen='rename|acl|uringacl|creat|mknod|uring' ;;
	*) unseen=rename ;;
	esac
	unseen=$(printf '%s\n' "${there[@]}" | grep -cE "^($unseen)\$" || true)
	is "$(counts '[.matched, .audited, .signalled, .refused]' | tr -d '\n')" \
		"[$((${#there[@]} - unseen)),$((${#there[@]} - unseen)),0,0]" "$way, audit: counted, nobody touched"
	kill_ remove "$rule" >/dev/null

	[[ $refuses == true ]] && left=old || left=755
	arm --adds x --enforce "${born[@]}"
	try_doors "$way" "$covered" 137 "$left" enforce
	kill_ remove "$rule" >/dev/null
	arm --adds x --enforce --signal TERM "${born[@]}"
	try_doors "$way" "$covered" 143 "$left" "signal TERM"
	kill_ remove "$rule" >/dev/null
	arm --adds x --enforce --thread "${born[@]}"
	try_doors "$way" "$covered" 137 "$left" thread
	kill_ remove "$rule" >/dev/null
	if [[ $refuses == true ]]; then
		arm --adds x --enforce --deny-only "${born[@]}"
		try_doors "$way" "$covered" 1 old deny-only
		kill_ remove "$rule" >/dev/null
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
	kill_ remove "$rule" >/dev/null

	arm --enforce
	chmod 700 "$dir/deep/er/file"
	victim chmod -R 700 "$dir/deep/er/file"
	is "$status" 0 "$way: … nor for a rule that takes every change"
	victim chmod 400 "$dir/deep/er/file"
	is "$status" 137 "$way: … which any change is"
	kill_ remove "$rule" >/dev/null

	# Putting the mode back.
	arm --provider "$way" --adds x --enforce --revert 2>"$scratch/err"
	if [[ $(kill_ list --json | jq .refuses) == true ]]; then
		like "$(<"$scratch/err")" "$way refuses" "$way: --revert says that nothing will be there to put back"
	else
		like "$(<"$scratch/err")" 'no mode is put back yet' "$way: --revert says that nobody watches"
		like "$(kill_ list)" 'puts no mode back' "… and so does list"
		fresh
		victim "$doors" chmod "$file" 755
		is "$status $(mode)" "137 755" "… and then nobody puts it back"
		watch_matches
		ok "--revert: watch puts it back, also of a match before" eventually 20 eval '[[ $(mode) == 644 ]]'
		fresh
		victim "$doors" chmod "$file" 755
		ok "… and of one while it runs" eventually 20 eval '[[ $(mode) == 644 ]]'
		exits 1 "… a second watch is refused" kill_ watch
		kill_ remove "$rule" >/dev/null
		arm --adds x --enforce --revert 2>"$scratch/err"
		is "$(<"$scratch/err")" '' "… and arming has nothing to say"
		watch_no_more
		like "$(<"$scratch/events")" '"effect":"completed".*KILL_REVERT.*"done"' "… which says both"
	fi
	kill_ remove "$rule" >/dev/null

	# The first rule still there, and another on the same path.
	arm --adds x --enforce
	second=$rule
	fresh
	victim chmod 4755 "$file"
	is "$status" 137 "$way: two rules on one path: the one that enforces acts"
	rule=$first
	is "$(counts .matched)" 2 "$way: … and both count"
	kill_ remove "$second" >/dev/null
done

[[ ${ways[*]} ]] || skip_all "no way to a chmod on this kernel"
if [[ $(kill_ list --json | jq .provider) == '"none"' ]]; then # the last ones were refused
	arm --provider "${ways[-1]}" --adds s
	first=$rule
fi

# ---- dimensions ----

holds() { # STATUS WHAT OPTIONS...
	local want=$1 what=$2
	shift 2
	arm --enforce "$@"
	fresh
	victim "$doors" chmod "$file" 4757
	is "$status" "$want" "$what"
	kill_ remove "$rule" >/dev/null
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
holds 137 "--type of files and folders" --type fd
holds 137 "--owner, --type, --uid and --exe at once" --owner 0 --type f --uid 0 --exe "$doors"
holds 0 "… of which one is another's" --owner 0 --type f --uid 0 --exe /bin/bash
holds 137 "--comm and --exe of two, one of them right" --exe /bin/bash --exe "$doors"
holds 137 "--path of the file itself" --path "$dir/file"
holds 137 "--path with slashes behind" --path "$dir///"
ln -sfn "$dir" "$scratch/alias"
holds 137 "--path by a link" --path "$scratch/alias/."
mkdir -p "$dir/folder"
arm --type d --adds w --enforce
victim chmod 777 "$dir/folder"
is "$status" 137 "--type d: a folder"
kill_ remove "$rule" >/dev/null

cgroups=$(sed -nE 's/^([^ ]+ ){4}([^ ]+) .* - cgroup2 .*/\2/p' /proc/self/mountinfo | head -n1)
cgroup=$cgroups/hi-$lab_name
if [[ $cgroups ]] && mkdir -p "$cgroup/inner" 2>/dev/null; then
	arm --enforce --cgroup "$cgroup"
	fresh
	victim "$doors" chmod "$file" 755
	is "$status" 0 "--cgroup: who is in another"
	fresh
	victim bash -c "'echo \$\$ >$cgroup/inner/cgroup.procs; exec $doors chmod $file 755'"
	is "$status" 137 "--cgroup: who is in it, or below"
	kill_ remove "$rule" >/dev/null
	exits 2 "--cgroup of none" kill_ chmod --cgroup "/hi-$lab_name/none"
	eventually 5 rmdir "$cgroup/inner" "$cgroup" || diag "$cgroup stays"
else
	skip "--cgroup" "no cgroup v2 to make one in"
fi


# ---- what it says, what it leaves ----

exits 2 "an empty rule is refused" kill_ chmod --enforce
like "$output" 'empty rule' "… and it says why"
exits 2 "--audit and --enforce" kill_ chmod --path "$dir" --audit --enforce
exits 2 "--signal without --enforce" kill_ chmod --path "$dir" --signal TERM
exits 2 "a path that is not there" kill_ chmod --path "$scratch/none"
exits 2 "no such rule" kill_ remove 4711
exits 2 "a rule's number that is none" kill_ remove 1x
for ((i = 2; i <= 15; i++)); do
	arm --adds x
done
exits 1 "more rules than there is room" kill_ chmod "${mine[@]}" --adds x
like "$output" 'there are 15 rules already; remove one' "… and it says so"
is "$(kill_ list --json | jq '.rules | length')" 15 "… with the others as they were"
exits 0 "release leaves kill rules" "$build/hostiso" release --pin-dir "$pins"
like "$output" 'kill rules' "… and says so"
rule=$first
is "$(counts .rule)" "$first" "… and they are there"
map=$(bpftool -j map show pinned "$pins/maps/kill_rules" | jq .id)
had=$(bpftool -j prog list | jq --argjson map "$map" '[.[] | select(.map_ids // [] | index($map))] | length')
watch_matches
ok "release --all" "$build/hostiso" release --all --pin-dir "$pins"
code=0
wait "$watcher" || code=$?
is "$code" 0 "… ends watch"
watcher=''
is "$([[ ! -e $pins ]] || echo there)" '' "… takes them away, too"
loaded() { # one of ours, not of a test beside this one
	bpftool -j prog list | jq -e --argjson map "$map" '.[] | select(.map_ids // [] | index($map))' >/dev/null
}
ok "… whose programs were there" test "$had" -gt 0
gone() {
	! loaded
}
ok "… and no program stays" eventually 20 gone

done_testing
