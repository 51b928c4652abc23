#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Pins that somebody removed, and pin folders that are not ours: what the host does is told as it is,
# nobody changes what cannot be reached, release ends it, and never touches what is not ours.
. "$(dirname "$0")/lib.sh"
need bpftool jq

lab_default
before=$(kernel_state host)
allow=(--allow 10.77.0.5 --allow fd00:77::5)
pins=$HOSTISO_PIN_DIR

# One pin or folder is gone. The programs stay, for whatever holds them.
for gone in maps/policy maps/counters maps/grants maps; do
	hostiso isolate "${allow[@]}" >/dev/null
	rm -r "${pins:?}/$gone"
	exits 3 "$gone removed: status does not call the host whole" hostiso status
	like "$output" '^state: isolated, but not fully' "but isolated, which it is"
	like "$output" 'but their pins are not in' "and says why"
	is "$(json '[.state, .fully_isolated, .pins_gone, .devices[0].in.attached]' status)" '["isolated",false,true,true]' "as JSON"
	is "$(host_state)" isolated "as its packets show"
	for verb in "allow 10.77.0.66" "deny 10.77.0.5" list confirm verify isolate "isolate --backend nft"; do
		# shellcheck disable=SC2086 # words
		exits 1 "'$verb' cannot do what it says, and says so" hostiso $verb
		like "$output" "hostiso release" "with what to do, in one line"
		is "$(wc -l <<<"$output")" 1 "and no more"
	done
	is "$(host_state)" isolated "after which the host is as isolated as before"
	ok "release" hostiso release
	like "$output" '^released' "knows what it ended"
	is "$(host_state)" open "ended it"
	is "$(kernel_state host)" "$before" "and leaves the devices as they were"
	[[ ! -e $pins ]]
	report $? "nor any pin"
done

# Without their pins the programs go by the policy all the same.
hostiso isolate "${allow[@]}" >/dev/null
rm -r "$pins/progs"
exits 3 "programs' pins removed: status finds it" hostiso status
like "$output" 'their pins are gone' "and names it"
is "$(json '[.devices[0].in.attached, .devices[0].xdp_taken_by]' status)" '[true,null]' "but knows its own programs"
ok "allow" hostiso allow 10.77.0.66 fd00:77::66
ok_open "does what it says" host-attacker attacker-host
ok "deny" hostiso deny 10.77.0.66 fd00:77::66
is "$(host_state)" isolated "too"
ok "isolate puts the pins back" hostiso isolate
ok "and status is content" hostiso status
is "$(host_state)" isolated "of an isolated host"
ok "release" hostiso release
is "$(kernel_state host)" "$before" "leaves the devices as they were"

# All of it: tcx and XDP programs go with their pins, clsact filters stay.
hostiso isolate "${allow[@]}" >/dev/null
rm -r "$pins"
# The kernel may take them off a moment later: until two looks agree.
attached() { json '.devices[0].in.attached' status; }
same() { [[ $(attached) == "$(nap 0.3 && attached)" ]]; }
eventually 10 same
state=$(host_state)
exits 3 "all pins removed: status" hostiso status
if [[ $(attached) == true ]]; then
	is "$state" isolated "says isolated of a host that is"
	like "$output" 'but their pins are not in' "and what is wrong"
else
	like "$output" '^state: not isolated' "says that nothing cuts the host any more"
	like "$output" 'backstop of an isolation is left' "and what is left over"
fi
ok "release" hostiso release
is "$(kernel_state host)" "$before" "leaves nothing of it"

# A folder on a bpffs of its own, with somebody else's pins, files in folders of our names among them.
# shellcheck disable=SC2016 # for the shell inside
ok "foreign pins" in_ns host unshare -m bash -ec '
	mkdir -p "$1/bpf" && mount -t bpf bpf "$1/bpf" && cd "$1/bpf"
	mkdir -p other/maps other/links deep/a/b
	n=0
	for pin in own other/file other/maps/counters other/maps/mine other/links/mine deep/a/b/c; do
		bpftool map create "$1/bpf/$pin" type array key 4 value 4 entries 1 name "foreign$((n++))"
	done
	ln -s "$1/bpf/other" "$1/bpf/deep/maps"
	list() { find "$1/bpf" | sort; }
	list "$1" >"$1/was"
	! "$0" release --pin-dir "$1/bpf/deep" 2>>"$1/said"
	for dir in bpf bpf/other bpf/deep/a; do
		"$0" release --pin-dir "$1/$dir" >>"$1/said"
		"$0" deny --pin-dir "$1/$dir" 10.77.0.5 >>"$1/said"
		"$0" status --pin-dir "$1/$dir" >>"$1/said" || [[ $? == 3 ]]
	done
	list "$1" >"$1/is"
	diff "$1/was" "$1/is"
	# and beside them ours come and go
	"$0" isolate --pin-dir "$1/bpf" >>"$1/said"
	"$0" release --pin-dir "$1/bpf" >>"$1/said"
	list "$1" | diff "$1/was" -' "$HOSTISO" "$scratch"
is "$(kernel_state host)" "$before" "and the devices are as they were"

# A bpffs where everybody may make folders, as mount(8) makes it: who made ours before us could unpin what we
# put there. An empty one is made anew; where something lies in it, every verb refuses.
cat >"$scratch/users" <<-'EOF'
	hostiso=$1 root=$2
	user="setpriv --reuid 65534 --regid 65534 --clear-groups"
	refuses() { # VERB...
		local code=0
		"$hostiso" "$@" >out 2>err || code=$?
		[[ $code == 2 && ! -s out && $(<err) == *"could end an isolation"* ]] || { echo "$*: $code: $(<err)" && false; }
	}
	fake() { bpftool map create "$1" type array key 4 value 4 entries 1 name fake; }

	mkdir "$root" && mount -t bpf bpf "$root"
	$user mkdir "$root"/{early,early/maps,full,full/maps}
	refuses status --pin-dir "$root/early"
	refuses release --pin-dir "$root/early"
	"$hostiso" isolate --pin-dir "$root/early"
	[[ $(stat -c '%u %a' "$root"/early "$root"/early/links | tr '\n' ' ') == '0 700 0 700 ' ]]
	! $user rm "$root/early/links/"* 2>/dev/null
	"$hostiso" release --pin-dir "$root/early"

	fake "$root/full/maps/policy"
	mkdir "$root/real" && $user ln -s "$root/real" "$root/pointer" && ln -s "$root/nowhere" "$root/dangling"
	mkdir "$root/wide" && chmod 777 "$root/wide" && fake "$root/wide/pin"
	$user mkdir "$root/maps" && fake "$root/maps/pin"
	refuses status --pin-dir "$root/pointer"
	refuses status --pin-dir "$root/dangling"
	for dir in full pointer dangling wide .; do
		refuses isolate --pin-dir "$root/$dir"
		refuses allow 10.77.0.66 --pin-dir "$root/$dir"
		refuses release --pin-dir "$root/$dir"
		refuses kill chmod --path "$root" --adds x --pin-dir "$root/$dir"
	done
	[[ -e $root/full/maps/policy && -L $root/pointer && -e $root/wide/pin ]]
EOF
chmod 755 "$scratch"
ok "folders that a user made before us" in_ns host unshare -m bash -ec 'cd "$1" && . "$1/users" "$0" "$1/open"' "$HOSTISO" "$scratch"
is "$(kernel_state host)" "$before" "and the devices are as they were again"
done_testing
