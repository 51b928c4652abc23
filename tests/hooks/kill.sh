#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# The kill hook: every door, by every way that this kernel takes, under every action: how the victim
# ended, and the file's mode afterwards; then what a rule can ask. A rule that enforces is here always
# one for the processes of the runner of tests/lib/kill.sh, in this test's own folder. Each rule has a
# folder of its own below, so that many are armed at once and one victim tries them all.
# timeout: 400
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"
# shellcheck source=tests/lib/kill.sh
. "$(dirname "$0")/../lib/kill.sh"

all_doors=(chmod fchmod fchmodat fchmodat2 relative opath emptypath handle procfs longlink compat x32
	acl uringacl creat defacl mknod procmknod uring rename)

# Doors that this kernel and file system have.
there=()
victim "$doors" each 755 "$file" -- "${all_doors[@]}"
while read -r _ door status mode; do
	if [[ $status == 77 ]]; then
		skip "the door $door" "this kernel or file system has none"
	else
		is "$status $mode" "0 755" "$door gives a file its mode, with no rule"
		there+=("$door")
	fi
done <<<"$said"

declare -A group=([acl]=acl [uringacl]=acl [creat]=created [defacl]=created [mknod]=created [procmknod]=created
	[uring]=created [rename]=none) # what `kill list` calls a door, if not chmod

# The doors that a way does not cover.
beyond() { # WAY
	case $1 in
	fexit) echo 'rename|acl|uringacl|creat|defacl|mknod|procmknod|uring' ;;
	syscall) echo "rename|uring|uringacl$([[ ${told[told_file]} == true ]] || echo '|procfs|procmknod|longlink')" ;;
	*) echo rename ;;
	esac
}

# How the victims of each action end, and the mode they leave; old is the one before, or no file at all.
expect() { # ACTION: to $want
	case $1 in
	audit) want='0 755' ;;
	enforce | thread) want="137 $left" ;;
	term) want="143 $left" ;;
	deny) want='1 old' ;;
	esac
}

try_way() { # WAY
	local way=$1 folder left=755 unseen born=() files=() i missed matched audited seen got wants texts right=()
	[[ ${told[refuses]} == true ]] && left=old
	[[ ${told[doors.created]} == true ]] && born=(--created)
	unseen=$(beyond "$way")
	arm_in enforce --adds x --enforce "${born[@]}"
	enforcing=$rule
	arm_in term --adds x --enforce --signal TERM "${born[@]}"
	arm_in thread --adds x --enforce --thread "${born[@]}"
	if [[ ${told[refuses]} == true ]]; then
		arm_in deny --adds x --enforce --deny-only "${born[@]}"
	else
		exits 1 "$way: --deny-only is not possible" kill_ chmod "${mine[@]}" --enforce --deny-only
		like "$output" 'cannot refuse' "… and it says so"
	fi
	arm_in audit --adds x "${born[@]}"
	for folder in audit enforce term thread ${told[refuses]/false/}; do
		files+=("$dir/${folder/true/deny}/file")
	done
	# A kernel that can be preempted leaves out runs, as README says, and counts them.
	look
	for _ in {1..20}; do
		try_doors
		left_out || break
		diag "$way: not all as it should be, and the kernel left out $missed runs: again"
	done
	for i in "${!got[@]}"; do
		is "${got[i]}" "${wants[i]}" "${texts[i]}"
	done
}

# Of try_way(), whose variables they share: all doors in all folders once, to $got, $wants and $texts.
try_doors() {
	local folder door status mode want text
	missed=${told[missed]} matched=$(of matched) audited=$(of audited) seen=0 got=() wants=() texts=()
	victim "$doors" each 755 "${files[@]}" -- "${there[@]}"
	while read -r folder door status mode; do
		expect "$folder"
		text="$way, $folder: $door"
		if [[ $door =~ ^($unseen)$ ]]; then
			want='0 755' text+=' is not covered, as README says'
		else
			[[ ${group[$door]:-} == created ]] && want=${want/old/none}
			[[ $folder != audit ]] || ((seen += 1))
		fi
		got+=("$status $mode") wants+=("${want/old/644}") texts+=("$text")
	done <<<"$said"
	look
	missed=$((told[missed] - missed)) matched=$(($(of matched) - matched)) audited=$(($(of audited) - audited))
	got+=("$matched $audited $(of signalled) $(of refused)")
	wants+=("$seen $seen 0 0") texts+=("$way, audit: counted, nobody touched")
}

# Is what is wrong no more than what was let pass while the kernel left out runs? What was right once is then.
left_out() {
	local i again=1
	for i in "${!got[@]}"; do
		[[ ${got[i]} != "${wants[i]}" ]] || right[i]=1
		[[ ${got[i]} == "${wants[i]}" || ${got[i]} == '0 755' || ${got[i]} == "$matched $audited 0 0" ]] || return 1
	done
	[[ $missed -gt 0 && $matched -le $seen ]] || return 1
	for i in "${!got[@]}"; do
		[[ ${right[i]:-} ]] && got[i]=${wants[i]} || again=0
	done
	return "$again"
}

# With the rule of try_way() that enforces.
try_no_match() { # WAY
	local way=$1 here=$dir/enforce file=$dir/enforce/file
	rm -rf "$here/deep"
	fresh
	chmod 755 "$file"
	victim chmod -R 755 "$here"
	is "$status" 0 "$way: chmod -R that changes nothing is no match"
	victim chmod 600 "$file"
	is "$status $(mode)" "0 600" "$way: taking bits away is no match"
	: >"$scratch/outside"
	victim chmod 755 "$scratch/outside"
	is "$status" 0 "$way: a file outside --path is no match"
	chmod 755 "$file"
	is "$(mode)" 755 "$way: a process outside --tree is no match"
	mkdir -p "$here/deep/er"
	mv "$file" "$here/deep/er/file"
	victim chmod 4755 "$here/deep/er/file"
	is "$status" 0 "$way: a bit that was there is not added"
	chmod 600 "$here/deep/er/file"
	ln -sfn "$here/deep" "$scratch/link"
	victim chmod 700 "$scratch/link/../deep//er/./file"
	is "$status" 137 "$way: a path by way of a link, .. and . is followed"
	arm_in every --enforce
	file=$dir/every/file
	fresh
	victim chmod -R 644 "$file"
	is "$status" 0 "$way: … nor for a rule that takes every change"
	victim chmod 400 "$file"
	is "$status" 137 "$way: … which any change is"
}

try_revert() { # WAY: with its last rule still there
	local way=$1
	arm --adds x --enforce --revert 2>"$scratch/err"
	if [[ ${told[refuses]} == true ]]; then
		like "$(<"$scratch/err")" "$way refuses" "$way: --revert says that nothing will be there to put back"
		return
	fi
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
	disarm
	arm --adds x --enforce --revert 2>"$scratch/err"
	is "$(<"$scratch/err")" '' "… and arming has nothing to say"
	watch_no_more
	like "$(<"$scratch/events")" '"effect":"completed".*KILL_REVERT.*"done"' "… which says both"
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
	first=$rule armed=()
	look
	is "${told[provider]}" "$way" "$way: list says how it is armed"
	case $way in
	fexit) want='true false false' ;;
	*) want='true true true' ;;
	esac
	is "${told[doors.chmod]} ${told[doors.acl]} ${told[doors.created]}" "$want" "$way sees these doors"
	try_way "$way"
	try_no_match "$way"
	rule=$enforcing
	disarm
	try_revert "$way"
	disarm

	# The first rule still there, and others on the same path.
	[[ ${told[refuses]} != true ]] || arm --adds x --enforce --deny-only
	arm --adds x --enforce --signal TERM
	arm --adds x --enforce
	fresh
	victim chmod 4755 "$file"
	is "$status" 137 "$way: more rules on one path: the one that does the most acts"
	rule=$first
	is "$(counts .matched)" 2 "$way: … and all count"
	disarm
done

[[ ${ways[*]} ]] || skip_all "no way to a chmod on this kernel"
look
if [[ ${told[provider]} == none ]]; then # the last ones were refused
	arm --provider "${ways[-1]}" --adds s
	first=$rule armed=()
fi

# ---- dimensions ----

wanted=() about=()
holds() { # STATUS WHAT OPTIONS...: PATH in them is the rule's own folder
	local at=$dir/${#wanted[@]}
	mkdir -p "$at"
	wanted+=("$1") about+=("$2")
	set -- "${@:3}"
	[[ $* == *--path* ]] || set -- --path PATH "$@"
	arm_for --enforce "${@/PATH/"$at"}"
}
try_holds() {
	local files=() i folder
	for i in "${!wanted[@]}"; do
		files+=("$dir/$i/file")
	done
	victim "$doors" each 4757 "${files[@]}" -- chmod
	while read -r folder _ status _; do
		is "$status" "${wanted[$folder]}" "${about[$folder]}"
	done <<<"$said"
	disarm
	wanted=() about=()
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
exits 1 "more rules than there is room" kill_ chmod "${mine[@]}" --adds x
like "$output" 'there are 15 rules already; remove one' "… and it says so"
look
is "${#listed[@]}" 15 "… with the others as they were"
try_holds

holds 137 "--owner, --type, --uid and --exe at once" --owner 0 --type f --uid 0 --exe "$doors"
holds 0 "… of which one is another's" --owner 0 --type f --uid 0 --exe /bin/bash
holds 137 "--comm and --exe of two, one of them right" --exe /bin/bash --exe "$doors"
holds 137 "--path with slashes behind" --path PATH///
ln -sfn "$dir/${#wanted[@]}" "$scratch/alias"
holds 137 "--path by a link" --path "$scratch/alias/."
mkdir -p "$dir/folder"
arm_in folder --type d --adds w --enforce
cgroups=$(sed -nE 's/^([^ ]+ ){4}([^ ]+) .* - cgroup2 .*/\2/p' /proc/self/mountinfo | head -n1)
cgroup=$cgroups/hi-$lab_name
if [[ $cgroups ]] && mkdir -p "$cgroup/inner" 2>/dev/null; then
	holds 0 "--cgroup: who is in another" --cgroup "$cgroup"
	in_group=$dir/$((${#wanted[@]} - 1))/file
else
	skip "--cgroup" "no cgroup v2 to make one in"
	cgroup=''
fi
file=$dir/itself/file
mkdir -p "$dir/itself"
fresh
arm_for --path "$file" --enforce
victim "$doors" chmod "$file" 755
is "$status" 137 "--path of the file itself"
victim chmod 777 "$dir/folder"
is "$status" 137 "--type d: a folder"
if [[ $cgroup ]]; then
	: >"$in_group"
	victim bash -c "'echo \$\$ >$cgroup/inner/cgroup.procs; exec $doors chmod $in_group 755'"
	is "$status" 137 "--cgroup: who is in it, or below"
	exits 2 "--cgroup of none" kill_ chmod --cgroup "/hi-$lab_name/none"
	eventually 5 rmdir "$cgroup/inner" "$cgroup" || diag "$cgroup stays"
fi
try_holds

# Whose parent is gone is a child of pid 1, where no other process takes it on.
file=$dir/file
fresh
arm --any
victim "$doors" chmod "$file" 755
is "$status $(counts .matched)" "0 1" "--any: everybody"
fresh
victim bash -c "'(while read -r _ _ _ p _ </proc/\$BASHPID/stat && [[ \$p == \$\$ ]]; do :; done; echo \$p >$scratch/parent; exec chmod 755 $file) & exit 0'"
ok "… and a process whose parent exited" eventually 20 eval '[[ $(mode) == 755 ]]'
if [[ $(<"$scratch/parent") == 1 ]]; then
	is "$(counts .matched)" 1 "… which is a child of pid 1, and spared"
else
	skip "… which is a child of pid 1, and spared" "here process $(<"$scratch/parent") takes it on"
fi
disarm

# ---- what it says, what it leaves ----

exits 2 "an empty rule is refused" kill_ chmod --enforce
like "$output" 'empty rule' "… and it says why"
exits 2 "--audit and --enforce" kill_ chmod --path "$dir" --audit --enforce
exits 2 "--signal without --enforce" kill_ chmod --path "$dir" --signal TERM
exits 2 "a path that is not there" kill_ chmod --path "$scratch/none"
exits 2 "no such rule" kill_ remove 4711
exits 2 "a rule's number that is none" kill_ remove 1x
exits 0 "release leaves kill rules" "$build/hostiso" release --pin-dir "$pins"
like "$output" 'kill rules' "… and says so"
rule=$first
is "$(counts .rule)" "$first" "… and they are there"
map=$(bpftool -j map show pinned "$pins/maps/kill_rules")
[[ $map =~ \"id\":([0-9]+) ]] && map=${BASH_REMATCH[1]}
ours() { # programs with our map: not those of a test beside this one
	bpftool -j prog list | grep -oE '"map_ids":\[[0-9,]*\]' | grep -cE "[[,]${map}[],]" || true
}
had=$(ours)
watch_matches
ok "release --all" "$build/hostiso" release --all --pin-dir "$pins"
code=0
wait "$watcher" || code=$?
is "$code" 0 "… ends watch"
watcher=''
is "$([[ ! -e $pins ]] || echo there)" '' "… takes them away, too"
ok "… whose programs were there" test "$had" -gt 0
ok "… and no program stays" eventually 20 eval '[[ $(ours) == 0 ]]'

done_testing
