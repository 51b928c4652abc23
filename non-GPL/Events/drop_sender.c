/* SPDX-License-Identifier: BSD-2-Clause */
/* From a dropped packet's socket, or its ends, to a process. */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "Events/drop_sender.h"
#include "HostIsolation/grantlayout.h"
#include "HostIsolation/maps.h"
#include "HostIsolation/process.h"
#include "HostIsolation/sockdiag.h"

#define LIST_NS 1000000000ULL
#define NOTE_NS 20000000ULL /* a note of sys_exit comes that much later, at most */

struct drop_known {
	struct sock_info sock;
	int pid;
};

void drop_senders_init(struct drop_senders *s, int map)
{
	*s = (struct drop_senders){.map = map};
}

void drop_senders_free(struct drop_senders *s)
{
	free(s->known);
	s->known = NULL;
	s->known_count = 0;
}

static void read_exe(struct drop_sender *out)
{
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%u/exe", out->pid);
	n = readlink(path, out->exe, sizeof(out->exe) - 1);
	out->exe[n > 0 ? n : 0] = 0;
}

static bool noted(struct drop_senders *s, const struct drop_record *r, struct drop_sender *out)
{
	struct sender who;

	if (s->map < 0 || !r->sock || bpf_map_lookup_elem(s->map, &r->sock, &who))
		return false;
	out->pid = who.tgid;
	out->uid = who.uid;
	memcpy(out->comm, who.comm, sizeof(out->comm));
	if (process_start(who.tgid) == who.start_boot_ns / TASK_TICK_NS)
		read_exe(out);
	return true;
}

struct owner_search {
	struct drop_senders *s;
	int pid;
};

static int own(__u64 inode, void *arg)
{
	struct owner_search *o = arg;

	for (size_t i = 0; i < o->s->known_count; i++) {
		struct drop_known *k = &o->s->known[i];

		if (k->sock.inode == inode && !k->pid)
			k->pid = o->pid;
	}
	return 0;
}

static int own_all(int pid, void *arg)
{
	struct owner_search o = {arg, pid};

	procinfo_sockets(pid, own, &o);
	return 0;
}

static void list(struct drop_senders *s)
{
	const __u32 states = SOCK_STATES_ALL & ~SOCK_STATE(TCP_LISTEN);
	struct sock_vec v = {0};
	struct error why;

	drop_senders_free(s);
	sockdiag_dump(IPPROTO_TCP, states, &v, &why);
	sockdiag_dump(IPPROTO_UDP, states, &v, &why);
	s->known = calloc(v.count ? v.count : 1, sizeof(*s->known));
	for (size_t i = 0; s->known && i < v.count; i++) {
		if (v.items[i].inode)
			s->known[s->known_count++].sock = v.items[i];
	}
	sock_vec_free(&v);
	if (s->known_count)
		procinfo_each(own_all, s);
}

static bool same(const struct sock_info *k, const struct drop_key *key)
{
	static const __u8 any[16];
	bool connected = k->peer_port;

	if (k->family != key->family || k->protocol != key->proto ||
	    k->local_port != ntohs(key->local_port))
		return false;
	if (memcmp(k->local, key->local, 16) && memcmp(k->local, any, 16))
		return false;
	return !connected ||
	       (k->peer_port == ntohs(key->peer_port) && !memcmp(k->peer, key->peer, 16));
}

static void look(struct drop_senders *s, const struct drop_record *r, struct drop_sender *out)
{
	struct procinfo info;

	if (r->key.proto != IPPROTO_TCP && r->key.proto != IPPROTO_UDP)
		return;
	if (!s->listed_at || boot_ns() - s->listed_at >= LIST_NS) {
		list(s);
		s->listed_at = boot_ns();
	}
	for (size_t i = 0; i < s->known_count; i++) {
		struct drop_known *k = &s->known[i];

		if (!k->pid || !same(&k->sock, &r->key) || procinfo_read(k->pid, &info))
			continue;
		out->pid = k->pid;
		out->uid = info.uid;
		memcpy(out->comm, info.comm, sizeof(out->comm));
		read_exe(out);
		return;
	}
}

void drop_sender_find(struct drop_senders *s, const struct drop_record *r, struct drop_sender *out)
{
	__u64 age = boot_ns() - r->ts_boot_ns;

	out->pid = out->uid = 0;
	memset(out->comm, 0, sizeof(out->comm));
	out->exe[0] = 0;
	if (noted(s, r, out))
		return;
	if (r->sock && s->map >= 0 && age < NOTE_NS) {
		nanosleep(&(struct timespec){.tv_nsec = NOTE_NS - age}, NULL);
		if (noted(s, r, out))
			return;
	}
	look(s, r, out);
}
