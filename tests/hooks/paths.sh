#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Paths as the process sees them: across overlayfs, in a chroot, of files that have no name any more
# or lie outside its root, and longer than any system call takes. Each mark, and none where none is due.
# timeout: 400
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"
# shellcheck source=tests/lib/trace.sh
. "$(dirname "$0")/../lib/trace.sh"

acts=$build/tests/helpers/trace_acts
place=$scratch/place
mkdir "$place"
mount -t tmpfs none "$place"
trap '{ umount "$place/merged" || true; umount "$place" || true; } 2>/dev/null; finish' EXIT

# The path of these events and the marks it has, without that of a path in the process's own words. The
# lines of long paths are megabytes, which an emulated machine reads for minutes: they are asked apart.
marked() { # FILTER
	jq -c "select(.event_type and ($1)) | [.event_type, .path // .new_path] +
		[(to_entries[] | select(.value == true and (.key | startswith(\"path_\")))).key]" "$out.short" | tr -d '\n'
}
created() { # REGEX FILTER: of the last FILE_CREATE whose line is so
	grep '"FILE_CREATE"' "$out" | grep -E "$1" | tail -n1 | jq -c "$2"
}

trace_kinds paths
for kind in "${kinds[@]}"; do
	by="by $kind"
	rm -rf "${place:?}"/*
	mkdir "$place"/{lower,upper,work,merged,plain,long,longer}
	echo below >"$place/lower/old"
	overlay=1
	mount -t overlay overlay -o "lowerdir=$place/lower,upperdir=$place/upper,workdir=$place/work" \
		"$place/merged" 2>"$scratch/why" || overlay=''

	trace_begin --provider "$kind,tracepoint" --comm trace_acts --file-create --file-delete --file-rename --file-modify || true
	[[ ! $overlay ]] || "$acts" files "$place/merged"
	"$acts" deleted "$place/plain"
	"$acts" chroot "$place/plain"
	"$acts" deep "$place/long" 25
	"$acts" deep "$place/longer" 110
	trace_end
	awk 'length < 4000' "$out" >"$out.short"

	merged=$place/merged
	if [[ $overlay ]]; then
		is "$(marked ".path | startswith(\"$merged\")?" | grep -o '"FILE_[A-Z]*","[^"]*"' | sort | uniq -c | sed 's/^ *//')" \
			"1 \"FILE_CREATE\",\"$merged/foo\"
1 \"FILE_DELETE\",\"$merged/bar\"
6 \"FILE_MODIFY\",\"$merged/bar\"" "$by: on overlayfs each once, by the name in the overlay"
		is "$(marked ".new_path == \"$merged/bar\"")" "[\"FILE_RENAME\",\"$merged/bar\"]" "$by: … and the new name"
		is "$(jq -c "select(.path // .new_path // \"\" | test(\"/(upper|work|lower)/\"))" "$out.short")" '' \
			"$by: … nothing of the layers below"
		umount "$merged"
	else
		skip "$by: overlayfs" "$(<"$scratch/why")"
	fi
	is "$(marked '.path | endswith("/gone/file")?')" "[\"FILE_CREATE\",\"$place/plain/gone/file\"][\"FILE_DELETE\",\"$place/plain/gone/file\"]$(
		)[\"FILE_MODIFY\",\"$place/plain/gone/file\",\"path_deleted\"][\"FILE_MODIFY\",\"$place/plain/gone/file\",\"path_deleted\"]" \
		"$by: changes of an unlinked file are marked, its creation and deletion are not"
	is "$(marked '.path == "/inside"')" '["FILE_CREATE","/inside"]' "$by: in a chroot the path begins at its root"
	is "$(marked '.path | endswith("/outside")?')" "[\"FILE_CREATE\",\"$place/plain/outside\",\"path_unreachable\"]" \
		"$by: what lies outside the process's root is marked"
	is "$(created '/long/[^"]*/end"' '[(.path | length), .path_truncated]')" \
		"[$((${#place} + 5 + 25 * 201 + 4)),null]" "$by: a path of over 5000 bytes is whole"
	is "$(created '"path_truncated":' '[(.path | endswith("/end")), (.path | length > 4096)]')" \
		'[true,true]' "$by: one of 22000 bytes is marked, and its end is there"
done
done_testing
