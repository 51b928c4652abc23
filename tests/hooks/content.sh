#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# File changes that are no write(2), by each kind of hook: every one is told, once. On overlayfs, too,
# where the kernel does many of them twice.
# timeout: 300
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"
# shellcheck source=tests/lib/trace.sh
. "$(dirname "$0")/../lib/trace.sh"

helper=$build/tests/helpers/content_acts
place=$scratch/place
mkdir "$place"
mount -t tmpfs none "$place"
trap '{ umount "$place/merged" || true; umount "$place" || true; } 2>/dev/null; finish' EXIT

content=(sendfile copy_file_range splice fallocate truncate)
unseen=(mmap io_uring) # by system calls
xattrs=(setxattr fsetxattr removexattr acl)
nodes=(mkdir mknod symlink link)

# Each act in a directory of its own, so that its events are known by their paths.
declare -A could
act_all() { # DIR ACT...
	local act dir=$1 did
	shift
	for act; do
		mkdir -p "$dir/$act"
		head -c 8192 /dev/zero >"$dir/$act/it"
		echo "some bytes" >"$dir/$act/from"
		did=0
		[[ $act != removexattr ]] || "$helper" setxattr "$dir/$act" 2>/dev/null || true
		"$helper" "$act" "$dir/$act" 2>/dev/null || did=$?
		could[$dir/$act]=$did
	done
}

# What the acts' events say, by directory, one jq for all.
declare -A said
find_all() {
	local at what
	said=()
	while IFS=$'\t' read -r at what; do
		said[$at]+="$what "
	done < <(jq -r 'select(.path) | "\(.path | split("/")[:-1] | join("/"))\t\(
		if .xattr_name then [.change_type, .path, .xattr_name]
		elif .event_type == "FILE_CREATE" then [.path, .file_info.type]
		else [.change_type, .path] end)"' "$out")
}

one() { # DIR/ACT EXPECTED TEXT: what its events say, all of them
	if [[ ${could[$1]} == 77 ]]; then
		skip "$3" "this kernel or file system has no ${1##*/}"
		return
	fi
	is "${said[$1]:-}" "$2 " "$3"
}

trace_kinds changes
for kind in "${kinds[@]}"; do
	rm -rf "${place:?}"/*
	mkdir "$place"/{lower,upper,work,merged,plain}
	places=(plain)
	! mount -t overlay overlay -o "lowerdir=$place/lower,upperdir=$place/upper,workdir=$place/work" \
		"$place/merged" 2>"$scratch/why" || places+=(merged)
	acts=("${content[@]}" "${xattrs[@]}" "${nodes[@]}")
	[[ $kind == tracepoint ]] || acts+=("${unseen[@]}")

	trace_begin --provider "$kind,tracepoint" --comm content_acts --file-modify --file-create || true
	for dir in "${places[@]}"; do
		act_all "$place/$dir" "${acts[@]}"
	done
	trace_end 1
	find_all

	for dir in "${places[@]}"; do
		by="by $kind: $dir:" dir=$place/$dir
		for act in "${acts[@]}"; do
			it="\"$dir/$act/it\""
			case $act in
			setxattr | fsetxattr)
				one "$dir/$act" "[\"XATTRS\",$it,\"trusted.mark\"]" "$by $act" ;;
			removexattr)
				one "$dir/$act" "[\"XATTRS\",$it,\"trusted.mark\"] [\"XATTRS\",$it,\"trusted.mark\"]" "$by $act, after it was set" ;;
			acl) one "$dir/$act" "[\"XATTRS\",$it,\"system.posix_acl_access\"]" "$by an ACL" ;;
			mkdir) one "$dir/$act" "[\"$dir/$act/folder\",\"DIR\"]" "$by mkdir is CREATE" ;;
			mknod) one "$dir/$act" "[\"$dir/$act/node\",\"NAMED_PIPE\"]" "$by mknod is CREATE" ;;
			symlink) one "$dir/$act" "[\"$dir/$act/pointer\",\"SYMLINK\"]" "$by symlink is CREATE" ;;
			link) one "$dir/$act" "[\"$dir/$act/linked\",\"FILE\"]" "$by link is CREATE" ;;
			*) one "$dir/$act" "[\"CONTENT\",$it]" "$by $act is CONTENT, once" ;;
			esac
		done
	done
	umount "$place/merged" 2>/dev/null || true
	[[ ${#places[@]} == 2 ]] || skip "by $kind: overlayfs" "$(<"$scratch/why")"
done
done_testing
