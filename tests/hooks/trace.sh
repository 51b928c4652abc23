#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Every event of the tracer, done by tests/helpers/trace_acts and looked for in what it prints: once
# for each kind of hook that this kernel takes.
# timeout: 600
# alone: it looks for programs that a tracer left behind
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"
# shellcheck source=tests/lib/trace.sh
. "$(dirname "$0")/../lib/trace.sh"

acts=$build/tests/helpers/trace_acts
dir=$scratch/place
mkdir -p "$dir"

# Runs the acts under a tracer with these options; the lines are in $out, its exit code in $code.
traced() { # OPTIONS... -- ACT
	local options=()
	while [[ $1 != -- ]]; do
		options+=("$1")
		shift
	done
	shift
	trace_begin "${options[@]}" || true
	act=$("$acts" "$1" "$dir") || true
	trace_end
}

# What jq finds in the lines of that event.
found() { # EVENT FILTER
	jq -c "select(.event_type == \"$1\") | $2" "$out"
}

trace_kinds events --file-delete --net-conn-attempt

for kind in "${kinds[@]}"; do
	by="by $kind"
	with=(--provider "$kind,tracepoint" --comm trace_acts)

	traced "${with[@]}" --all -- files
	is "$code" 0 "$by: ends with 0 on SIGINT"
	ok "$by: every line is JSON" jq -e . "$out"
	is "$(head -n1 "$out" | jq -c '[.probes_initialized, (.features | keys)]')" '[true,["bpf_tramp","ipv6"]]' \
		"$by: the first line says what is in use"
	is "$(found FILE_CREATE '[.path, .file_info.type, .file_info.mode, .file_info.size, .file_info.uid]')" \
		"[\"$dir/foo\",\"FILE\",100644,0,0]" "$by: FILE_CREATE"
	is "$(found FILE_RENAME '[.old_path, .new_path]')" "[\"$dir/foo\",\"$dir/bar\"]" "$by: FILE_RENAME"
	is "$(found FILE_MODIFY 'select(.path_source != "user") | [.change_type, .file_info.mode, .file_info.size]' | head -n5 | tr -d '\n')" \
		'["PERMISSIONS",100777,0]["CONTENT",100777,4]["CONTENT",100777,14]["CONTENT",100777,0]["OWNER",100777,0]' \
		"$by: FILE_MODIFY: each change once, in order, with the size after it"
	is "$(found FILE_MODIFY .path | sort -u)" "\"$dir/bar\"" "$by: FILE_MODIFY: the path"
	is "$(found FILE_DELETE .path)" "\"$dir/bar\"" "$by: FILE_DELETE"
	is "$(found FILE_CREATE '.pids.tid == .pids.tgid and .pids.start_time_ns > 0')" true "$by: the process is told"
	is "$(jq -c 'select(.event_type) | .seq' "$out" | head -n3 | tr '\n' ' ')" '0 1 2 ' "$by: lines are numbered"
	if [[ $kind != tracepoint ]]; then
		is "$(found FILE_MODIFY 'select(.change_type == "PERMISSIONS") | [.old_mode, .new_mode]' | tr -d '\n')" \
			'[100644,100777][100777,100600]' "$by: chmod tells the mode before and after"
		is "$(found FILE_DELETE '[.file_info.type, .file_info.mode]')" '["FILE",100600]' "$by: FILE_DELETE tells what it was"
	fi

	traced "${with[@]}" --file-create --file-delete -- deep
	is "$(found FILE_CREATE 'select(.file_info.type == "FILE") | .path | length')" "$((${#dir} + 15 * 201 + 4))" \
		"$by: a path of 3000 bytes is whole"
	is "$(found FILE_CREATE .path | wc -l) $(found FILE_DELETE .path | wc -l)" '16 16' "$by: mkdir creates, rmdir deletes"

	traced "${with[@]}" --file-create -- odd
	is "$(found FILE_CREATE .path_b64 | tr -d '"' | base64 -d | tail -c 12 | od -An -tx1 | tr -d ' \n')" \
		"$(printf 'a"\\\n\033[31m\377 z' | od -An -tx1 | tr -d ' \n')" "$by: a name that is no text is there as base64"
	is "$(tr -cd '\033\377' <"$out" | wc -c)" 0 "$by: no escape character is printed raw"

	traced "${with[@]}" --process-exit -- processes
	is "$(found PROCESS_EXIT '[.exit_code, .signal, .core_dumped]' | sort | tr -d '\n')" \
		'[0,0,false][0,9,false]' "$by: SIGKILL is not exit code 0"
	traced "${with[@]}" --process-fork -- processes
	is "$(found PROCESS_FORK '.child_pids.ppid == .parent_pids.tgid and .child_pids.sid == .parent_pids.sid')" \
		$'true\ntrue' "$by: PROCESS_FORK"

	traced --provider "$kind,tracepoint" --tree $$ --process-exec -- processes
	is "$(found PROCESS_EXEC 'select(.argv[1] == "-c") | [.argv[0:4], .argv_b64[3], .filename]')" \
		'[["sh","-c","exit 7","� odd"],"/yBvZGQ=","/bin/sh"]' "$by: PROCESS_EXEC tells the arguments"

	if command -v readelf >/dev/null; then
		traced "${with[@]}" --process-exec --build-id -- ptrace
		is "$(found PROCESS_EXEC .exe_build_id)" \
			"\"$(readelf -n "$acts" | sed -nE 's/.*Build ID: //p')\"" "$by: --build-id tells the program's own"
	else
		skip "$by: --build-id" "no readelf here"
	fi

	traced "${with[@]}" --process-setsid --process-setuid --process-setgid -- ids
	is "$(found PROCESS_SETSID '.pids.tgid == .pids.tid')" true "$by: PROCESS_SETSID"
	is "$(found PROCESS_SETGID '[.new_rgid, .new_egid]')" '[11,12]' "$by: PROCESS_SETGID"
	is "$(found PROCESS_SETUID '[.new_ruid, .new_euid]')" '[21,22]' "$by: PROCESS_SETUID, and none where nothing changed"

	traced "${with[@]}" --process-memfd-create --process-shmget -- memory
	is "$(found PROCESS_MEMFD_CREATE '[.filename, .flags, .flag_cloexec, .flag_allow_seal, .flag_hugetlb]')" \
		'["hidden",3,true,true,false]' "$by: PROCESS_MEMFD_CREATE"
	is "$(found PROCESS_SHMGET '[.key, .size, .shmflg]')" '[4660,1024,896]' "$by: PROCESS_SHMGET"

	traced "${with[@]}" --process-ptrace -- ptrace
	is "$(found PROCESS_PTRACE '[.request, .child_pid]')" "[16,$act]" "$by: PROCESS_PTRACE"

	traced "${with[@]}" --process-tty-write -- tty
	is "$(found PROCESS_TTY_WRITE '[.tty_out, .tty_out_truncated, .tty.major]' | tr -d '\n')" \
		'["--- OK\n",0,136]["first ",0,136]["second\n",0,136]' "$by: PROCESS_TTY_WRITE, writev too"

	for v in 4 6; do
		traced "${with[@]}" --net-conn-accept --net-conn-attempt --net-conn-close -- tcp$v
		read -r client server <<<"$act"
		is "$(found NETWORK_CONNECTION_ATTEMPTED '.net | [.source_port, .destination_port]')" "[$client,$server]" \
			"$by: ATTEMPTED over IPv$v, source port and all"
		is "$(found NETWORK_CONNECTION_ACCEPTED '.net | [.source_port, .destination_port]')" "[$server,$client]" \
			"$by: ACCEPTED over IPv$v"
		is "$(found NETWORK_CONNECTION_CLOSED '.net | [.source_port, .destination_port, .bytes_sent]' | tr -d '\n')" \
			"[$client,$server,4][$server,$client,0]" "$by: CLOSED over IPv$v, both ends"
	done
done

# ---- filters, in the kernel ----

traced --tree $$ --file-create -- files
is "$(found FILE_CREATE .path)" "\"$dir/foo\"" "--tree: descendants, and nobody else"
traced --exe "$acts" --file-create -- files
is "$(found FILE_CREATE .path)" "\"$dir/foo\"" "--exe"
traced --comm nobody --file-create -- files
is "$(found FILE_CREATE .path)" '' "--comm of nobody: nothing"
traced --uid 4242 --file-create -- files
is "$(found FILE_CREATE .path)" '' "--uid of nobody: nothing"
traced --path "$dir" --file-create --file-modify -- files
is "$(found FILE_CREATE .path)" "\"$dir/foo\"" "--path: what is below"
mkdir -p "$scratch/elsewhere"
traced --path "$scratch/elsewhere" --all --comm trace_acts -- files
is "$(jq -c 'select(.path // .new_path)' "$out")" '' "--path: nothing from elsewhere"

# ---- bad use ----

trace=("$build/hostiso" trace)
exits 2 "an unknown option is misuse" "${trace[@]}" --no-such-option
exits 2 "a word too many is misuse" "${trace[@]}" word
exits 2 "--ring-size 3 is misuse" "${trace[@]}" --ring-size 3
exits 1 "--path that is not there" "${trace[@]}" --path "$scratch/none"
like "$output" "none: No such file" "… and it says so"
exits 1 "--tree of no process" "${trace[@]}" --tree 4194305
exits 1 "not root" setpriv --reuid 65534 --clear-groups "${trace[@]}" --process-fork
like "$output" 'needs root' "… and it says so"
# shellcheck disable=SC2317
full() {
	timeout 60 "${trace[@]}" -i --process-fork >/dev/full
}
exits 1 "a full disk ends it" full
like "$output" 'No space left' "… and it says so"
closed() {
	set +o pipefail
	timeout 60 "${trace[@]}" -i --process-fork 2>&1 >&3 3>&- | cat
}
exec 3> >(exec true)
sleep 0.2
output=$(closed 3>&3 || true)
exec 3>&-
like "$output" 'has gone' "a closed pipe ends it, and it says so"

before=$(bpf_objects | wc -l)
"${trace[@]}" -i --all >"$out" &
pid=$!
eventually 120 test -s "$out" || true
kill -KILL "$pid"
wait "$pid" 2>/dev/null || true
eventually 20 test "$(bpf_objects | wc -l)" -le "$before" || true
is "$(bpf_objects | grep -c hook_ || true)" 0 "SIGKILL leaves no program behind"

ln -sf "$build/hostiso" "$scratch/EventsTrace"
ok "called as EventsTrace it is the tracer" "$scratch/EventsTrace" --probe --process-fork
done_testing
