# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# allow --cgroup, --unit: the processes of a cgroup and of those below it, through restarts. Read by grants.sh.
# shellcheck disable=SC2154 # answer, served, puppet_pid
part cgroup || return 0

root=$(awk '$9 == "cgroup2" || $8 == "cgroup2" || $10 == "cgroup2" {print $5; exit}' /proc/self/mountinfo)
if [[ ! $root ]]; then
	skip "grants to cgroups" "cgroup v2 is not mounted here"
	return
fi
slice=$root/hi-$lab_name.slice
unit=hi-$lab_name-agent.service

remove_cgroups() {
	local folder pid
	[[ -d $slice ]] || return 0
	for folder in "$slice"/*/*/ "$slice"/*/ "$slice"; do
		while IFS= read -r pid; do
			echo "$pid" >"$root/cgroup.procs" || true
		done < <(cat "$folder/cgroup.procs" 2>/dev/null)
		rmdir "$folder" 2>/dev/null || true
	done
}
trap 'remove_cgroups; finish' EXIT
remove_cgroups

to=(10.77.0.66 7)
mkdir -p "$slice/$unit/below" "$slice/other"

puppet inside host
puppet below host
puppet beside host
echo "${puppet_pid[inside]}" >"$slice/$unit/cgroup.procs"
echo "${puppet_pid[below]}" >"$slice/$unit/below/cgroup.procs"
echo "${puppet_pid[beside]}" >"$slice/other/cgroup.procs"
say_shut "before the grant" inside tcp "${to[@]}" before
tell inside listen tcp4 2000 l

ok "allow --cgroup by the folder's path" hostiso allow --cgroup "$slice/$unit"
say_open "a process of the cgroup" inside tcp "${to[@]}" kept
say_open "by UDP" inside udp fd00:77::66 7
say_open "one of a cgroup below" below tcp fd00:77::66 7
say_open "their children" below fork tcp "${to[@]}"
say_shut "one of the cgroup beside is not granted" beside tcp "${to[@]}"
meet inside accept l a -- outside tcp 10.77.0.1 2000
is "$answer,$served" open,open "it accepts on the port it had open"
is "$(json '.[0] | [.entry, .packets > 10]' list)" "[\"cgroup:/hi-$lab_name.slice/$unit\",true]" "list names it, and counts"
ok "deny --cgroup" hostiso deny --cgroup "/hi-$lab_name.slice/$unit"
say_shut "ends it" inside say kept

# A service that restarts gets a new cgroup of the same name.
ok "allow --unit" hostiso allow --unit "$unit" --comment "the agent's service"
say_open "a process of the service" inside tcp "${to[@]}"
for name in inside below; do
	kill -9 "${puppet_pid[$name]}"
done
eventually 5 rmdir "$slice/$unit/below" 2>/dev/null
eventually 5 rmdir "$slice/$unit" 2>/dev/null
puppet restarted host
say_shut "it is not granted before it is in" restarted tcp "${to[@]}"
mkdir "$slice/$unit"
echo "${puppet_pid[restarted]}" >"$slice/$unit/cgroup.procs"
say_open "after a restart, in a new cgroup, it is granted again" restarted tcp "${to[@]}" kept
say_shut "and the one beside is not" beside tcp "${to[@]}"
ok "deny --unit" hostiso deny --unit "${unit%.service}"
say_shut "ends it" restarted say kept
say_shut "for new sockets too" restarted tcp "${to[@]}"

exits 2 "a cgroup that is none" hostiso allow --cgroup /no/such.slice
exits 2 "the root of all" hostiso allow --cgroup /
exits 2 "a unit that does not run" hostiso allow --unit no-such-unit
exits 2 "a file" hostiso allow --cgroup "$slice/cgroup.procs"
