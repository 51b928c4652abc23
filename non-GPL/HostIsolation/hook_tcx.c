// SPDX-License-Identifier: BSD-2-Clause
// A program on a tcx hook of a device: first in line, by a pinned link.

#include <errno.h>
#include <string.h>
#include <bpf/bpf.h>

#include "HostIsolation/cleanup.h"
#include "HostIsolation/hooks.h"
#include "HostIsolation/layout.h"
#include "HostIsolation/linkpin.h"
#include "HostIsolation/tcx.h"

static int paths(const char *links_dir, int ifindex, int direction, char pin[PATH_MAX],
		 char jump[PATH_MAX])
{
	const char *hook = direction == DIR_IN ? "in" : "out";
	const char *jump_hook = direction == DIR_IN ? "in_jump" : "out_jump";

	return link_pin_path(pin, links_dir, ifindex, hook)
		       ?: link_pin_path(jump, links_dir, ifindex, jump_hook);
}

static int fail_tcx(const struct link_info *link, int direction, int r, struct error *err)
{
	const char *why = strerror(-r);

	if (r == -EEXIST)
		why = "this program is there already, attached by something else than its pin";
	else if (r == -ERANGE)
		why = "63 other programs are there, the kernel takes no more: remove one of them";
	return fail(err, r, "cannot attach to %s %s (tcx): %s", link->name,
		    direction_word(direction), why);
}

static int attach_new(const struct link_info *link, int direction, int prog_fd, const char *pin,
		      struct error *err)
{
	_cleanup_close_ int fd = -1;
	int r, waited;

	fd = tcx_attach_first(link->ifindex, direction, prog_fd);
	for (waited = 0; fd == -EEXIST && waited < DYING_LINK_MS; waited++) {
		usleep(1000);
		fd = tcx_attach_first(link->ifindex, direction, prog_fd);
	}
	if (fd == -EOPNOTSUPP)
		return fd;
	if (fd < 0)
		return fail_tcx(link, direction, fd, err);
	r = link_pin_put(fd, pin);
	if (r) {
		bpf_link_detach(fd);
		return fail(err, r, "cannot pin the link of %s %s at %s: %s", link->name,
			    direction_word(direction), pin, strerror(-r));
	}
	return 1;
}

static int position_of(const struct tcx_list *list, __u32 link_id)
{
	__u32 i;

	for (i = 0; i < list->count; i++)
		if (list->link_id[i] == link_id)
			return i;
	return -1;
}

int tcx_hook_attach(const char *links_dir, const struct link_info *link, int direction, int prog_fd,
		    struct error *err)
{
	_cleanup_(link_pin_close) struct link_pin old = LINK_PIN_NONE;
	char pin[PATH_MAX], jump[PATH_MAX];
	struct tcx_list list;
	int r, position;

	r = paths(links_dir, link->ifindex, direction, pin, jump);
	if (r)
		return fail(err, r, "cannot pin below %s: %s", links_dir, strerror(-r));
	r = link_pin_open(pin, &old);
	if (r && r != -ENOENT)
		return fail(err, r, "cannot open the pinned link %s: %s", pin, strerror(-r));
	r = tcx_query(link->ifindex, direction, &list);
	if (r == -EOPNOTSUPP)
		return r;
	if (r)
		return fail_tcx(link, direction, r, err);

	/* The list of the device itself decides: a link may be alive on a device that has moved to
	 * another network namespace and left its index to this one. */
	position = old.fd < 0 ? -1 : position_of(&list, old.link_id);
	if (position < 0)
		return attach_new(link, direction, prog_fd, pin, err);
	if (old.prog_id != prog_id_of(prog_fd)) {
		r = bpf_link_update(old.fd, prog_fd, NULL);
		if (r)
			return fail_tcx(link, direction, r, err);
	}
	unlink(jump); /* left by a move that was killed; the link does without it now */
	/* If the move is refused the program still runs, and device_state_read() says what is
	 * ahead. */
	if (position)
		tcx_move_first(link->ifindex, direction, prog_fd, old.fd, pin, jump);
	return 0;
}

int tcx_hook_detach(const char *links_dir, int ifindex, int direction)
{
	char pin[PATH_MAX], jump[PATH_MAX];
	int r = paths(links_dir, ifindex, direction, pin, jump);

	if (r)
		return r;
	r = link_pin_drop(pin);
	/* After the link: a jump without its array drops. */
	if (unlink(jump) && errno != ENOENT && !r)
		r = -errno;
	return r;
}
