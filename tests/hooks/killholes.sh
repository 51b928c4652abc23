#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Ways around a rule of the kill hook: other names and mounts, other namespaces, races, handles; and
# what may go on beside it: the tracer, an isolation, arming that is killed halfway.
# timeout: 400
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"
# shellcheck source=tests/lib/kill.sh
. "$(dirname "$0")/../lib/kill.sh"

arm --adds s 2>"$scratch/err" || skip_all "$(<"$scratch/err")"
look
way=${told[provider]} refuses=${told[refuses]} armed=()
[[ $refuses == true ]] && after='137 644' || after='137 755'

# ---- other names for what is below --path ----

# A mount namespace for mounts; the rule is armed in it, as a responder's would be in the host's.
unshare --mount --propagation private sleep 600 &
space=$!
helpers+=("$space")
eventually 5 eval '[[ $(readlink "/proc/$space/ns/mnt") != $(readlink /proc/self/ns/mnt) ]]'
enter=(nsenter "--mount=/proc/$space/ns/mnt" --)
elsewhere=$scratch/elsewhere
mkdir -p "$dir/mounted" "$dir/a b" "$elsewhere" "$scratch/moved" "$scratch/"{lower,upper,work,merged}
"${enter[@]}" mount -t tmpfs hi-none "$dir/mounted"
"${enter[@]}" mount -t tmpfs hi-none "$dir/a b"
: >"$scratch/lower/file"
overlay=''
! "${enter[@]}" mount -t overlay -o "lowerdir=$scratch/lower,upperdir=$scratch/upper,workdir=$scratch/work" \
	hi-none "$scratch/merged" 2>"$scratch/err" || overlay=1

# The file is made anew in the namespace; a path of another name may be given for the chmod.
try() { # WHAT WANT FILE NAME [COMMAND...]
	local what=$1 want=$2 at=$3 name=$4
	shift 4
	"${enter[@]}" bash -c "rm -f '$at'; umask 022; : >'$at'"
	victim "${enter[@]}" "$@" "$doors" chmod "'$name'" 755
	is "$status $("${enter[@]}" stat -c %a "$at")" "$want" "$what"
	[[ $status == "${want% *}" ]] || diag "$said"
}
arm_there() { # OPTIONS...
	rule=$("${enter[@]}" "$build/hostiso" kill chmod --pin-dir "$pins" --tree "$runner_pid" --for 10m --json "$@") &&
		rule=${rule#*: } && rule=${rule%%,*} && [[ $rule ]] && armed+=("$rule")
}
arm_there --path "$dir" --adds x --enforce
try "a file on what is mounted below" "$after" "$dir/mounted/file" "$dir/mounted/file"
"${enter[@]}" mount --bind "$dir/mounted" "$elsewhere"
try "… by a bind mount of that" "$after" "$dir/mounted/file" "$elsewhere/file"
"${enter[@]}" mount --bind "$dir/a b" "$elsewhere"
try "… whose name has a blank" "$after" "$dir/a b/file" "$elsewhere/file"
"${enter[@]}" umount "$elsewhere"
"${enter[@]}" mount --bind "$dir" "$elsewhere"
try "a bind mount of the folder" "$after" "$dir/file" "$elsewhere/file"
mkdir -p "$scratch/below/proc"
if victim "${enter[@]}" unshare --user --map-root-user --mount true && [[ $status == 0 ]]; then
	try "a bind mount in a user namespace" "$after" "$dir/mounted/file" "$scratch/moved/file" \
		unshare --user --map-root-user --mount bash -c "'mount --bind $dir/mounted $scratch/moved && exec \"\$@\"'" -
	victim "${enter[@]}" unshare --user --map-root-user --mount bash -c \
		"'mkdir -p $dir/deeper && mount -t tmpfs n $dir/deeper && : >$dir/deeper/file && exec $doors chmod $dir/deeper/file 755'"
	is "$status" 137 "… a tmpfs mounted in one"
else
	skip "a bind mount in a user namespace" "no user namespaces here"
fi
"${enter[@]}" mount --move "$dir/mounted" "$scratch/moved"
try "what was mounted below and was moved away" "$after" "$scratch/moved/file" "$scratch/moved/file"
"${enter[@]}" umount -l "$elsewhere"
disarm

if [[ $overlay ]]; then
	arm_there --path "$scratch/merged" --adds x --enforce
	try "a file of an overlay" "$after" "$scratch/merged/new" "$scratch/merged/new"
	victim "${enter[@]}" "$doors" acl "$scratch/merged/file" 755
	is "$status" 137 "… one that is copied up for it, by an ACL"
	is "$(counts .matched)" 2 "… each is judged once"
	"${enter[@]}" chmod 644 "$scratch/merged/file"
	arm_there --path "$scratch/merged/file" --type f --adds x --enforce
	victim "${enter[@]}" "$doors" chmod "$scratch/merged/file" 755
	is "$status" 137 "… and by itself"
	disarm
else
	skip "a file of an overlay" "no overlay here: $(<"$scratch/err")"
fi

# "/" is everything, also what has no way up to it.
arm_there --path / --adds x --enforce
try "--path /" "$after" "$scratch/anywhere" "$scratch/anywhere"
disarm

long=$dir
for ((i = 0; i < 14; i++)); do
	long+=/$(printf 'n%.0s' {1..120})
done
mkdir -p "$long"
arm --path "$long" --adds x --enforce
touch "$long/file"
victim "$doors" chmod "$long/file" 755
is "$status" 137 "a path of ${#long} bytes"
like "$(counts .options)" '--path /' "… is listed, cut"
disarm

# A file by its handle, of which no name is in the cache: it has no folder then.
image=$scratch/image
if command -v mkfs.ext4 >/dev/null && truncate -s 8M "$image" && mkfs.ext4 -q "$image" 2>/dev/null &&
	mkdir -p "$scratch/disk" && "${enter[@]}" mount -o loop "$image" "$scratch/disk" 2>/dev/null; then
	"${enter[@]}" bash -c "mkdir $scratch/disk/folder && : >$scratch/disk/folder/file && chmod 644 $scratch/disk/folder/file"
	HANDLE=$scratch/handle "${enter[@]}" "$doors" save "$scratch/disk/folder/file" 0
	"${enter[@]}" umount "$scratch/disk"
	"${enter[@]}" mount -o loop "$image" "$scratch/disk"
	arm_there --path "$scratch/disk/folder" --adds x --enforce
	victim "${enter[@]}" env "HANDLE=$scratch/handle" "$doors" saved "$scratch/disk/any" 755
	is "$status $("${enter[@]}" stat -c %a "$scratch/disk/folder/file")" "$after" "a handle, with no name in the cache"
	disarm
	"${enter[@]}" umount "$scratch/disk"
else
	skip "a handle, with no name in the cache" "no file system here that forgets names"
fi

# ---- races ----

if [[ $refuses == true ]]; then
	times=${HOSTISO_VM:+500}
	arm --adds x --enforce --deny-only
	for race in swap switch flicker; do
		fresh
		other=$scratch/other
		: >"$other"
		chmod 644 "$other"
		[[ $race != flicker ]] || other=0640
		victim "$doors" "$race" "$file" "$other" 755 "${times:-20000}"
		is "$status" 0 "$race: nothing gets past while another process changes the path, or the mode"
		[[ $status == 0 ]] || diag "$said"
	done
	disarm
elif [[ ${told[told_file]} == true ]]; then
	arm --adds x
	for race in swap switch flicker; do
		fresh
		other=$scratch/other
		: >"$other"
		[[ $race != flicker ]] || other=0640
		victim "$doors" "$race" "$file" "$other" 755 2000
		look
		is "$(($(of matched) > 0)) ${told[unresolved]}" "1 0" \
			"$race: each chmod is judged while another process changes the path, or the mode"
		diag "$said, $(of matched) matched"
	done
	disarm
else
	skip "races" "$way cannot refuse, and this kernel does not tell which file was changed"
fi

# ---- beside the tracer and an isolation ----

"$build/hostiso" trace -i --file-modify --comm chmod_doors >"$scratch/traced" 2>"$scratch/err" {lab_lock}>&- &
tracer=$!
helpers+=("$tracer")
eventually 100 test -s "$scratch/traced" || diag "$(<"$scratch/err")"
arm --adds x
watch_matches
fresh
victim "$doors" chmod "$file" 755
is "$status" 0 "a rule that audits, and the tracer"
ok "… the tracer tells it" eventually 10 grep -qE "PERMISSIONS.*\"$file\"" "$scratch/traced"
ok "… and so does the rule" eventually 10 grep -q '"action":"audit".*"requested_mode":755' "$scratch/events"
disarm
arm --adds x --enforce
fresh
victim "$doors" chmod "$file" 711
is "$status" 137 "a rule that enforces, and the tracer"
ok "… the rule tells it" eventually 10 grep -q '"signal_result":"sent".*"requested_mode":711' "$scratch/events"
if [[ $refuses != true ]]; then
	ok "… and so does the tracer" eventually 10 grep -qE 'PERMISSIONS.*100711' "$scratch/traced"
else
	unlike "$(<"$scratch/traced")" 100711 "… and the tracer nothing, for nothing was changed"
fi
kill -INT "$tracer"
wait "$tracer" || true
fresh
victim "$doors" chmod "$file" 755
is "$status $(mode)" "$after" "… which goes, and the rule stays"
watch_no_more

lab_switch switch
lab_host host switch
ok "isolate, with rules armed" hostiso isolate
fresh
victim "$doors" chmod "$file" 755
is "$status $(mode)" "$after" "… they hold while isolated"
ok "kill clear" kill_ clear
is "$(json .state status)" '"isolated"' "… leaves the isolation"

# ---- arming, killed; the first time it is not ----

arming=("$build/hostiso" kill chmod --pin-dir "$pins" "${mine[@]}" --adds x --enforce)
[[ $refuses != true ]] || arming+=(--provider fexit) # the quickest to load where that is slow
if command -v strace >/dev/null && strace -qq -e trace=bpf -o "$scratch/calls" "${arming[@]}" >/dev/null; then
	calls=$(grep -c '^bpf(' "$scratch/calls")
	points=(1 2 $((calls / 2)) $((calls - 20)) $((calls - 8)) $((calls - 3)) $((calls - 1)) "$calls")
	[[ ! ${HOSTISO_VM:-} ]] || points=(1 $((calls - 8)) "$calls") # each is a load, which is slow there
else
	points=()
	skip "arming, killed" "no strace here"
	"${arming[@]}" >/dev/null
fi
ok "release" hostiso release
fresh
victim "$doors" chmod "$file" 755
is "$status" 137 "… leaves the rules"
for at in "${points[@]}"; do
	kill_ clear >/dev/null
	{ strace -qq -e trace=bpf -e "inject=bpf:signal=KILL:when=$at" -o /dev/null "${arming[@]}" || true; } >/dev/null 2>&1
	exits 0 "killed at call $at of $calls: list works" kill_ list
	unlike "$output" 'rule .* enforce .*NOT ARMED' "… and says of no rule that it is in force when it is not"
	look
	states=''
	for rule in "${listed[@]}"; do
		states+=$(of state)
	done
	fresh
	victim "$doors" chmod "$file" 755
	case $states in
	enforce) is "$status" 137 "… a rule in force" ;;
	*) is "$status" 0 "… no rule in force, which list says (${states:-none})" ;;
	esac
done
ok "arming again works" "${arming[@]}"
fresh
victim "$doors" chmod "$file" 755
is "$status" 137 "… and holds"
kill_ clear >/dev/null
is "$([[ ! -e $pins ]] || ls -R "$pins")" '' "… and clear takes all away"
done_testing
