// SPDX-License-Identifier: BSD-2-Clause
/* Established and listening TCP sockets of several network namespaces, to look things up in. */
#include "HostIsolation/sockindex.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include "HostIsolation/cleanup.h"
#include "HostIsolation/netns.h"

void sock_index_free(struct sock_index *x)
{
	sock_vec_free(&x->socks);
}

static int load(int netns_fd, __u64 inode, int pid, void *arg)
{
	const __u32 states = SOCK_STATE(TCP_ESTABLISHED) | SOCK_STATE(TCP_LISTEN);
	struct sock_index *x = arg;
	struct sock_index_netns space = {.inode = inode, .first = x->socks.count};
	struct error why = {};
	int ret;

	if (!x->own_netns)
		x->own_netns = netns_inode(0);
	for (size_t i = 0; i < x->netns_count; i++)
		if (x->netns[i].inode == inode)
			return 0;
	if (x->netns_count == SOCK_INDEX_NETNS_MAX)
		return 0;
	if (inode == x->own_netns)
		ret = sockdiag_dump(IPPROTO_TCP, states, &x->socks, &why);
	else
		ret = sockdiag_dump_netns(netns_fd, IPPROTO_TCP, states, &x->socks, &why);
	if (ret && !x->error) {
		x->error = ret;
		x->why = why;
	}
	space.end = x->socks.count;
	x->netns[x->netns_count++] = space;
	return 0;
}

void sock_index_load_pid(struct sock_index *x, int pid)
{
	__u64 inode = netns_inode(pid);
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);

	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (inode && fd >= 0)
		load(fd, inode, pid, x);
}

void sock_index_load_all(struct sock_index *x)
{
	struct error why = {};
	int ret;

	if (x->all)
		return;
	x->all = true;
	ret = netns_each(load, x, &why);
	if (ret && !x->error) {
		x->error = ret;
		x->why = why;
	}
}

size_t sock_index_find(const struct sock_index *x, int family, const __u8 peer[16], __u16 peer_port,
		       const __u8 local[16], __u16 local_port)
{
	for (size_t i = 0; i < x->socks.count; i++) {
		const struct sock_info *o = &x->socks.items[i];

		if (o->state == TCP_ESTABLISHED && o->family == family &&
		    o->peer_port == peer_port && o->local_port == local_port &&
		    !memcmp(o->peer, peer, 16) && !memcmp(o->local, local, 16))
			return i;
	}
	return NO_SOCKET;
}

static const struct sock_index_netns *space_of(const struct sock_index *x, size_t at)
{
	size_t i = 0;

	while (at >= x->netns[i].end)
		i++;
	return &x->netns[i];
}

size_t sock_index_far_end(const struct sock_index *x, size_t at)
{
	const struct sock_info *near = &x->socks.items[at];
	const struct sock_index_netns *space = space_of(x, at);

	for (size_t i = space->first; i < space->end; i++) {
		const struct sock_info *o = &x->socks.items[i];

		if (o->state == TCP_ESTABLISHED && o->family == near->family &&
		    o->peer_port == near->local_port && o->local_port == near->peer_port &&
		    !memcmp(o->peer, near->local, 16) && !memcmp(o->local, near->peer, 16))
			return i;
	}
	return NO_SOCKET;
}

bool sock_index_is_inbound(const struct sock_index *x, size_t at)
{
	const struct sock_index_netns *space = space_of(x, at);

	for (size_t i = space->first; i < space->end; i++)
		if (x->socks.items[i].state == TCP_LISTEN &&
		    x->socks.items[i].local_port == x->socks.items[at].local_port)
			return true;
	return false;
}

__u64 sock_index_netns_of(const struct sock_index *x, size_t at)
{
	return space_of(x, at)->inode;
}
