#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# File changes that are no write(2), by each kind of hook: every one is told, once.
# timeout: 300
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"
# shellcheck source=tests/lib/trace.sh
. "$(dirname "$0")/../lib/trace.sh"

acts=$build/tests/helpers/content_acts
dir=$scratch/place
mkdir "$dir"
mount -t tmpfs none "$dir"
trap 'umount "$dir" 2>/dev/null; finish' EXIT

# The events of acts, one after the other under one tracer; "skip" for what this place cannot do.
declare -A could
traced() { # KIND EVENTS ACT...
	local kind=$1 events=$2 act did
	shift 2
	rm -rf "${dir:?}"/*
	head -c 8192 /dev/zero >"$dir/it"
	echo "some bytes" >"$dir/from"
	# shellcheck disable=SC2086
	trace_begin --provider "$kind,tracepoint" --comm content_acts $events || true
	for act; do
		did=0
		"$acts" "$act" "$dir" 2>/dev/null || did=$?
		could[$act]=$did
	done
	trace_end 1
}

one() { # ACT EXPECTED FILTER TEXT: what the filter finds must be expected, once
	if [[ ${could[$1]} == 77 ]]; then
		skip "$4" "this kernel or file system has no $1"
		return
	fi
	is "$(jq -c "select(.event_type) | $3" "$out" | tr '\n' ' ')" "$2 " "$4"
}

trace_kinds changes --file-delete
for kind in "${kinds[@]}"; do
	for act in sendfile copy_file_range splice fallocate truncate mmap io_uring; do
		if [[ $kind == tracepoint && $act =~ mmap|io_uring ]]; then
			continue # no system call tells of it
		fi
		traced "$kind" --file-modify $act
		one $act "[\"CONTENT\",\"$dir/it\"]" '[.change_type, .path]' "by $kind: $act is CONTENT, once"
	done
	traced "$kind" --file-modify setxattr fsetxattr removexattr
	one setxattr "[\"XATTRS\",\"$dir/it\",\"trusted.mark\"] [\"XATTRS\",\"$dir/it\",\"trusted.mark\"] [\"XATTRS\",\"$dir/it\",\"trusted.mark\"]" \
		'[.change_type, .path, .xattr_name]' "by $kind: xattrs set, set by descriptor, removed"
	traced "$kind" --file-modify acl
	one acl "[\"XATTRS\",\"$dir/it\",\"system.posix_acl_access\"]" '[.change_type, .path, .xattr_name]' "by $kind: an ACL"
	traced "$kind" --file-create mkdir mknod symlink link
	one mkdir "[\"$dir/folder\",\"DIR\"] [\"$dir/node\",\"NAMED_PIPE\"] [\"$dir/pointer\",\"SYMLINK\"] [\"$dir/linked\",\"FILE\"]" \
		'[.path, .file_info.type]' "by $kind: mkdir, mknod, symlink, link are CREATE"
done
done_testing
