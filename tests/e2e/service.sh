#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# hostiso-watch.service as systemd runs it: enabled, guarding, started again whenever it was killed, stopped without
# an end of the isolation. Only in a machine of vm/, whose systemd can do no harm.
. "$(dirname "$0")/lib.sh"
alone_here || skip_all "only in a machine of vm/: systemd would set the whole machine up"

unit=hostiso-watch.service
units=/etc/systemd/system
mkdir -p "$units/$unit.d"
sed "s,@sbindir@,$build," tools/hostiso-watch.service >"$units/$unit"
# What the lab tells hostiso by its environment, here by a drop-in.
cat >"$units/$unit.d/lab.conf" <<END
[Service]
Environment=HOSTISO_PIN_DIR=$HOSTISO_PIN_DIR
StandardOutput=append:$scratch/watch
StandardError=inherit
END
ok "systemctl enable" systemctl enable "$unit"

lab_default
# systemd wants to be the first process, and the root of its cgroups; container= tells it to leave the machine alone.
cgroup=/sys/fs/cgroup/hi-$lab_name
mkdir -p "$cgroup"
in_ns host env container=hostiso bash -c 'echo $$ >"$1/cgroup.procs" && exec unshare --pid --fork --kill-child --cgroup --mount --mount-proc \
	bash -c "umount /sys/fs/cgroup && mount -t cgroup2 cgroup2 /sys/fs/cgroup && exec /usr/lib/systemd/systemd --system --unit=multi-user.target"' \
	- "$cgroup" {lab_lock}>&- >"$scratch/systemd" 2>&1 &
helpers+=($!)
manager=''
manager_there() {
	manager=$(pgrep -xf '/usr/lib/systemd/systemd --system --unit=multi-user.target')
}
systemctl_there() {
	nsenter -t "$manager" --pid --mount --cgroup systemctl "$@"
}
service_is() { # PROPERTY=VALUE...
	local want
	for want; do
		[[ $(systemctl_there show -p "${want%%=*}" "$unit") == "$want" ]] || return 1
	done
}
says() { # DESCRIPTION COMMAND...: within half a minute
	local text=$1
	shift
	if eventually 30 "$@"; then
		report 0 "$text"
	else
		report 1 "$text"
		diag "$(cat "$scratch/systemd" "$scratch/watch" 2>&1)" "$([[ ! $manager ]] || systemctl_there show "$unit" 2>&1 | grep -E '^(Result|ActiveState|SubState|ExecMain|NRestarts)')"
	fi
}
says "systemd runs" manager_there
says "and started the service with the rest" service_is ActiveState=active
says "which watches" grep -q watching "$scratch/watch"

ok "isolate" hostiso isolate --allow 10.77.0.5 --allow fd00:77::5
in_ns host ip link add late0 type veth peer name late1
says "a device that comes later is guarded" grep -q late0 "$scratch/watch"
says "and the host whole" hostiso status

for round in {1..7}; do
	systemctl_there kill -s KILL "$unit"
	says "killed, it is started again ($round)" service_is "NRestarts=$round" ActiveState=active
done
in_ns host ip link add late2 type veth peer name late3
says "and guards what comes then" grep -q late2 "$scratch/watch"
says "and the host is whole" hostiso status

ok "systemctl stop" systemctl_there stop "$unit"
ok "is no failure" service_is ActiveState=inactive Result=success
is "$(host_state)" isolated "and no end of the isolation"
ok "release" hostiso release
rm -r "${units:?}/$unit" "$units/$unit.d" "$units/multi-user.target.wants/$unit"
done_testing
