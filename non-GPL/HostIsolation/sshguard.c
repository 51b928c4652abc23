// SPDX-License-Identifier: BSD-2-Clause
/* No surprise lock-out: the responder's own connection against the allowlist to be. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <bpf/bpf.h>
#include "HostIsolation/nftbackend.h"
#include "HostIsolation/ssh.h"
#include "HostIsolation/sshguard.h"

static void key_of(const struct ssh_connection *c, struct kept_key *key)
{
	memset(key, 0, sizeof(*key));
	memcpy(key->peer, c->peer, 16);
	memcpy(key->local, c->local, 16);
	key->peer_port = htons(c->peer_port);
	key->local_port = htons(c->local_port);
	key->family = c->family;
}

static bool is_kept(const struct maps *maps, const struct ssh_connection *c)
{
	struct kept_key key;
	__u64 value;

	key_of(c, &key);
	if (maps && maps->nft_backend)
		return nft_backend_is_kept(maps, &key);
	return maps && maps->policy->control & CONTROL_KEPT &&
	       bpf_map_lookup_elem(maps->fd[MAP_kept], &key, &value) == 0;
}

int ssh_guard_check(struct allowlist *list, const struct maps *maps, enum ssh_choice choice,
		    struct kept_key keys[KEPT_MAX], size_t *count, struct error *err)
{
	struct ssh_connections found = {};
	struct error why = {};
	int ret;

	*count = 0;
	if (choice == SSH_CUT)
		return 0;
	ret = ssh_find(0, &found, &why);
	if (ret < 0 && !found.count)
		return fail(
			err, -EINVAL,
			"cannot find out whether you came by SSH (%s); add --cut-ssh to go on without",
			why.text);
	for (size_t i = 0; i < found.count; i++) {
		const struct ssh_connection *c = &found.items[i];
		char peer[INET6_ADDRSTRLEN];

		if (!c->same_netns || is_kept(maps, c) ||
		    allowlist_admits_tcp(list, c->family, c->peer, c->peer_port, c->local_port,
					 c->begun_by, boot_ns()))
			continue;
		inet_ntop(c->family, c->peer, peer, sizeof(peer));
		if (choice == SSH_ASK)
			return fail(
				err, -EINVAL,
				"this would cut your own connection, from %s; add --keep-ssh to keep it, --allow %s to allow the address, or --cut-ssh to cut it",
				c->text, peer);
		if (c->from == SSH_FROM_MOSH)
			return fail(
				err, -EINVAL,
				"your mosh session with %s has no connection to keep; allow the address: --allow %s",
				peer, peer);
		if (*count < KEPT_MAX)
			key_of(c, &keys[(*count)++]);
	}
	return 0;
}

int ssh_guard_keep(const struct maps *maps, const struct kept_key *keys, size_t count,
		   struct error *err)
{
	for (size_t i = 0; i < count; i++) {
		__u64 since = boot_ns();

		if (bpf_map_update_elem(maps->fd[MAP_kept], &keys[i], &since, BPF_ANY) < 0)
			return fail(err, -errno, "cannot keep your SSH connection: %s",
				    strerror(errno));
	}
	return 0;
}
