// SPDX-License-Identifier: BSD-2-Clause
/* Which connections live on: those an entry admits, begun from whichever side, the kept ones and
 * those of granted processes. */
#include <arpa/inet.h>
#include <string.h>
#include <bpf/bpf.h>
#include "HostIsolation/grantsocks.h"
#include "HostIsolation/nftbackend.h"
#include "HostIsolation/reset.h"

struct judge {
	const struct maps *maps;
	struct allowlist list;
	struct granted_socks granted;
	__u64 now;
};

static bool is_kept(const struct judge *j, const struct sock_info *s)
{
	struct kept_key key = {.peer_port = htons(s->peer_port),
			       .local_port = htons(s->local_port),
			       .family = s->family};
	__u64 since;

	memcpy(key.peer, s->peer, 16);
	memcpy(key.local, s->local, 16);
	if (j->maps->nft_backend)
		return s->protocol == IPPROTO_TCP && nft_backend_is_kept(j->maps, &key);
	return s->protocol == IPPROTO_TCP && j->maps->policy->control & CONTROL_KEPT &&
	       bpf_map_lookup_elem(j->maps->fd[MAP_kept], &key, &since) == 0;
}

static bool lives_on(const struct sock_info *s, void *arg)
{
	const struct judge *j = arg;

	for (int begun_by = DIR_IN; begun_by <= DIR_OUT; begun_by++)
		if (allowlist_admits(&j->list, s->family, s->peer, s->protocol, s->peer_port,
				     s->local_port, begun_by, j->now))
			return true;
	return is_kept(j, s) || granted_socks_have(&j->granted, s->inode);
}

int reset_connections(struct session *s, bool everywhere, struct reset_result *res,
		      struct error *err)
{
	struct judge j = {.maps = &s->maps, .now = boot_ns()};
	int ret = bank_load(&s->maps, &s->pins, &j.list, err);

	if (ret == 0 && !s->maps.nft_backend)
		ret = granted_socks_read(&s->maps, &j.granted, err);
	if (ret == 0)
		ret = everywhere ? sockdiag_reset_all(lives_on, &j, res, err)
				 : sockdiag_reset(lives_on, &j, res, err);
	granted_socks_free(&j.granted);
	allowlist_free(&j.list);
	return ret;
}
