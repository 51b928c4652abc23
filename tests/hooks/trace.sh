#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Every event of the tracer, done by tests/helpers/trace_acts and looked for in what it prints: once
# for each kind of hook that this kernel takes. One tracer sees them all, for its start is what takes time.
# timeout: 600
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"
# shellcheck source=tests/lib/trace.sh
. "$(dirname "$0")/../lib/trace.sh"

acts=$build/tests/helpers/trace_acts
dir=$scratch/place
mkdir -p "$dir"/{files,deep,odd}

# Each act is a process of its own, by which its lines are known: its pid in $pid, what it said in $said.
declare -A pid said
act() { # NAME [DIR]
	: >"$scratch/said" # not made nor emptied by the act
	"$acts" "$1" "${2:-$dir}" >>"$scratch/said" &
	pid[$1]=$!
	wait "${pid[$1]}" || true
	said[$1]=$(<"$scratch/said")
}

# What one jq finds in $out for all assertions: a line NAME, tab, VALUE… for each.
declare -A got
find_all() {
	local name value json
	got=()
	json=$(for name in "${!pid[@]}"; do echo "$name ${pid[$name]}"; done | jq -nR '[inputs | split(" ") | {(.[0]): (.[1] | tonumber)}] | add')
	while IFS=$'\t' read -r name value; do
		got[$name]=$value
	done < <(jq -rn --argjson pid "$json" '
		[inputs] as $all |
		def of($act; $type): $all[] | select(.event_type == $type and .pids.tgid == $pid[$act]);
		def below($act; $type): $all[] | select(.event_type == $type and (.pids.tgid == $pid[$act] or .pids.ppid == $pid[$act]));
		def told(name; f): "\(name)\t\([f | tojson] | join(""))";
		told("init"; $all[0] | [.probes_initialized, (.features | keys)]),
		told("seq"; [$all[] | select(.event_type) | .seq] | . == [range(length)]),
		told("create"; of("files"; "FILE_CREATE") | [.path, .file_info.type, .file_info.mode, .file_info.size, .file_info.uid]),
		told("who"; of("files"; "FILE_CREATE") | .pids.tid == .pids.tgid and .pids.start_time_ns > 0),
		told("rename"; of("files"; "FILE_RENAME") | [.old_path, .new_path]),
		told("modify"; of("files"; "FILE_MODIFY") | select(.path_source != "user") | [.change_type, .file_info.mode, .file_info.size]),
		told("modified"; [of("files"; "FILE_MODIFY") | .path] | unique),
		told("modes"; of("files"; "FILE_MODIFY") | select(.change_type == "PERMISSIONS") | [.old_mode, .new_mode]),
		told("delete"; of("files"; "FILE_DELETE") | .path),
		told("deleted"; of("files"; "FILE_DELETE") | [.file_info.type, .file_info.mode]),
		told("deep"; of("deep"; "FILE_CREATE") | select(.file_info.type == "FILE") | .path | length),
		told("tree"; [of("deep"; "FILE_CREATE")], [of("deep"; "FILE_DELETE")] | length),
		told("odd"; of("odd"; "FILE_CREATE") | .path_b64),
		told("exit"; [below("processes"; "PROCESS_EXIT") | [.exit_code, .signal, .core_dumped]] | sort[]),
		told("fork"; $all[] | select(.event_type == "PROCESS_FORK" and .parent_pids.tgid == $pid.processes) |
			.child_pids.ppid == .parent_pids.tgid and .child_pids.sid == .parent_pids.sid and .child_pids.tid == .child_pids.tgid),
		told("exec"; below("processes"; "PROCESS_EXEC") | select(.argv[1] == "-c") | [.argv[0:4], .argv_b64[3], .filename]),
		told("build"; of("files"; "PROCESS_EXEC") | .exe_build_id),
		told("setsid"; $all[] | select(.event_type == "PROCESS_SETSID") | .pids.tgid == .pids.tid and .pids.sid == .pids.tid),
		told("setgid"; $all[] | select(.event_type == "PROCESS_SETGID") | [.new_rgid, .new_egid]),
		told("setuid"; $all[] | select(.event_type == "PROCESS_SETUID") | [.new_ruid, .new_euid]),
		told("memfd"; of("memory"; "PROCESS_MEMFD_CREATE") | [.filename, .flags, .flag_cloexec, .flag_allow_seal, .flag_hugetlb]),
		told("shmget"; of("memory"; "PROCESS_SHMGET") | [.key, .size, .shmflg]),
		told("ptrace"; of("ptrace"; "PROCESS_PTRACE") | [.request, .child_pid]),
		told("tty"; of("tty"; "PROCESS_TTY_WRITE") | [.tty_out, .tty_out_truncated, .tty.major]),
		(("tcp4", "tcp6") as $tcp |
			told("\($tcp) attempted"; of($tcp; "NETWORK_CONNECTION_ATTEMPTED").net | [.source_port, .destination_port]),
			told("\($tcp) accepted"; of($tcp; "NETWORK_CONNECTION_ACCEPTED").net | [.source_port, .destination_port]),
			told("\($tcp) closed"; of($tcp; "NETWORK_CONNECTION_CLOSED").net | [.source_port, .destination_port, .bytes_sent]))' "$out")
}

trace_kinds events

for kind in "${kinds[@]}"; do
	by="by $kind"
	trace_begin --provider "$kind,tracepoint" --tree $$ --all --build-id || true
	for name in files deep odd; do
		act $name "$dir/$name"
	done
	for name in processes ids memory ptrace tty tcp4 tcp6; do
		act $name
	done
	rm -f "$dir"/odd/*
	trace_end
	is "$code" 0 "$by: ends with 0 on SIGINT"
	ok "$by: every line is JSON" jq -e . "$out"
	find_all
	if [[ $kind == tracepoint ]]; then
		like "$(<"$out.err")" 'not seen on this kernel: writing through io_uring and mappings \(INDIRECT' \
			"$by: what it cannot see is said at the start"
		like "$(<"$out.err")" 'file events come from system calls' "$by: … and why"
	fi

	is "${got[init]}" '[true,["bpf_tramp","ipv6"]]' "$by: the first line says what is in use"
	is "${got[seq]}" true "$by: lines are numbered"
	is "${got[create]}" "[\"$dir/files/foo\",\"FILE\",100644,0,0]" "$by: FILE_CREATE"
	is "${got[who]}" true "$by: the process is told"
	is "${got[rename]}" "[\"$dir/files/foo\",\"$dir/files/bar\"]" "$by: FILE_RENAME"
	is "$(grep -oE '^(\[[^]]*\]){5}' <<<"${got[modify]}")" \
		'["PERMISSIONS",100777,0]["CONTENT",100777,4]["CONTENT",100777,14]["CONTENT",100777,0]["OWNER",100777,0]' \
		"$by: FILE_MODIFY: each change once, in order, with the size after it"
	is "${got[modified]}" "[\"$dir/files/bar\"]" "$by: FILE_MODIFY: the path"
	is "${got[delete]}" "\"$dir/files/bar\"" "$by: FILE_DELETE"
	if [[ $kind != tracepoint ]]; then
		is "${got[modes]}" '[100644,100777][100777,100600]' "$by: chmod tells the mode before and after"
		is "${got[deleted]}" '["FILE",100600]' "$by: FILE_DELETE tells what it was"
	fi
	is "${got[deep]}" "$((${#dir} + 5 + 15 * 201 + 4))" "$by: a path of 3000 bytes is whole"
	is "${got[tree]}" 1616 "$by: mkdir creates, rmdir deletes"
	is "$(tr -d '"' <<<"${got[odd]}" | base64 -d | tail -c 12 | od -An -tx1 | tr -d ' \n')" \
		"$(printf 'a"\\\n\033[31m\377 z' | od -An -tx1 | tr -d ' \n')" "$by: a name that is no text is there as base64"
	is "$(tr -cd '\033\377' <"$out" | wc -c)" 0 "$by: no escape character is printed raw"
	is "${got[exit]}" '[0,0,false][0,9,false][7,0,false]' "$by: PROCESS_EXIT: SIGKILL is not exit code 0"
	is "${got[fork]}" truetrue "$by: PROCESS_FORK"
	is "${got[exec]}" '[["sh","-c","exit 7","� odd"],"/yBvZGQ=","/bin/sh"]' "$by: PROCESS_EXEC tells the arguments"
	if command -v readelf >/dev/null; then
		is "${got[build]}" "\"$(readelf -n "$acts" | sed -nE 's/.*Build ID: //p')\"" "$by: --build-id tells the program's own"
	else
		skip "$by: --build-id" "no readelf here"
	fi
	is "${got[setsid]}" true "$by: PROCESS_SETSID"
	is "${got[setgid]}" '[11,12]' "$by: PROCESS_SETGID"
	is "${got[setuid]}" '[21,22]' "$by: PROCESS_SETUID, and none where nothing changed"
	is "${got[memfd]}" '["hidden",3,true,true,false]' "$by: PROCESS_MEMFD_CREATE"
	is "${got[shmget]}" '[4660,1024,896]' "$by: PROCESS_SHMGET"
	is "${got[ptrace]}" "[16,${said[ptrace]}]" "$by: PROCESS_PTRACE"
	is "${got[tty]}" '["--- OK\n",0,136]["first ",0,136]["second\n",0,136]' "$by: PROCESS_TTY_WRITE, writev too"
	for tcp in tcp4 tcp6; do
		read -r client server <<<"${said[$tcp]}"
		is "${got[$tcp attempted]}" "[$client,$server]" "$by: $tcp: ATTEMPTED, source port and all"
		is "${got[$tcp accepted]}" "[$server,$client]" "$by: $tcp: ACCEPTED"
		is "${got[$tcp closed]}" "[$client,$server,4][$server,$client,0]" "$by: $tcp: CLOSED, both ends"
	done
done

# ---- filters, in the kernel: several tracers see the same act ----

filtered() { # NAME OPTIONS...
	out=$scratch/$1
	trace_begin "${@:2}" --file-create || true
}
seen() { # NAME RESULT TEXT: what its tracer has told of our act
	out=$scratch/$1
	trace_end 0
	is "$(of_act)" "$2" "$3"
}
of_act() {
	jq -cs --argjson pid "${pid[files]}" '[.[] | select(.event_type and .pids.tgid == $pid) | [.event_type, .path]]' "$out"
}
mkdir "$scratch/other"
filtered tree --tree $$
filtered exe --exe "$acts"
filtered comm --comm nobody
filtered uid --uid 4242
filtered path --path "$dir"
filtered elsewhere --path "$scratch/other" --file-modify --file-rename --file-delete
# What a tracer may still do: read what lies in other processes' roots, where the hooks tell no more than a path.
holds() { # NAME
	awk '/^(Uid|Gid|Groups|NoNewPrivs|CapPrm|CapEff|CapBnd):/ { print $1, $2 }' "/proc/${tracer[$scratch/$1]}/status" | tr '\n' ' '
}
if [[ ${kinds[*]} == tracepoint ]]; then may=0000000000080004; else may=0000000000000000; fi
is "$(holds tree)" "Uid: 65534 Gid: 65534 Groups:  CapPrm: $may CapEff: $may CapBnd: 0000000000000000 NoNewPrivs: 1 " \
	"once it has attached it is nobody, who may do next to nothing"
act files "$dir/files"
sleep 0.5
one="[[\"FILE_CREATE\",\"$dir/files/foo\"]]"
seen tree "$one" "--tree: descendants; and no other event than what was asked for"
seen exe "$one" "--exe"
seen comm '[]' "--comm of nobody: nothing"
seen uid '[]' "--uid of nobody: nothing"
seen path "$one" "--path: what is below"

out=$scratch/elsewhere.held
held "${tracer[$scratch/elsewhere]}" >"$out"
ok "a tracer holds programs and maps" bash -c 'grep -q "^prog" "$1" && grep -q "^map" "$1"' - "$out"
kill -KILL "${tracer[$scratch/elsewhere]}"
wait "${tracer[$scratch/elsewhere]}" 2>/dev/null || true
is "$(jq -c 'select(.event_type and .event_type != "TRACE_LOST")' "$scratch/elsewhere")" '' "--path: nothing from elsewhere"
eventually 60 gone "$out" || true
is "$(still_there "$out")" '' "SIGKILL leaves none of them"

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

ln -sf "$build/hostiso" "$scratch/EventsTrace"
ok "called as EventsTrace it is the tracer" "$scratch/EventsTrace" --probe --process-fork
exits 0 "-v tells what the verifier had to do" "$scratch/EventsTrace" -v --probe --process-fork
like "$output" 'tp_btf/sched_process_fork: [0-9]+ instructions: loaded' "… by program"
like "$output" 'processed [0-9]+ insns' "… in steps"
done_testing
