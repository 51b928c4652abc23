// SPDX-License-Identifier: BSD-2-Clause
// Programs of ours without pins: found on the devices by their names, and their policy through
// them.

#include <errno.h>
#include <string.h>
#include <bpf/bpf.h>

#include "HostIsolation/cleanup.h"
#include "HostIsolation/orphans.h"
#include "HostIsolation/progs.h"

static void read_policy(__u32 prog_id, struct orphans *o)
{
	_cleanup_close_ int fd = bpf_map_get_fd_by_id(prog_policy(prog_id));
	struct bpf_map_info info = {};
	__u32 len = sizeof(info), zero = 0;
	struct policy p;

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len) || info.value_size != sizeof(p) ||
	    bpf_map_lookup_elem(fd, &zero, &p) || p.layout_version != LAYOUT_VERSION)
		return;
	o->readable = true;
	o->policy = p;
}

int orphans_find(struct orphans *out, struct error *err)
{
	_cleanup_(link_vec_free) struct link_vec links = {};
	struct progs none = PROGS_INIT;
	int ret = links_dump(&links, err);

	*out = (struct orphans){};
	for (size_t i = 0; i < links.count && ret == 0; i++) {
		struct device_state state;

		if (links.items[i].loopback)
			continue;
		ret = device_state_read(&links.items[i], progs_ours, &none, &state, err);
		if (ret == -ENODEV) {
			ret = 0; /* it went meanwhile */
			continue;
		}
		if (ret < 0 || !(state.in.attached || state.out.attached || state.xdp != XDP_OFF))
			continue;
		if (!out->readable)
			read_policy(state.in.attached ? state.in.prog_id : state.out.prog_id, out);
		if (!out->devices++)
			text_escape(links.items[i].name, out->device, sizeof(out->device));
	}
	return ret;
}
