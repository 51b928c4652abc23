// SPDX-License-Identifier: BSD-2-Clause
/*
 * Over which connection does the responder sit? Every ancestor is asked for its sockets and its
 * environment; what leads back to this host itself is followed to its far end.
 */
#include "HostIsolation/ssh.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "HostIsolation/cleanup.h"
#include "HostIsolation/netns.h"
#include "HostIsolation/procinfo.h"
#include "HostIsolation/sockindex.h"

#define VISITS_MAX 4096	     /* processes looked at; more is an attack, or a very busy tmux */
#define FOLLOW_MAX 8	     /* hops over this host itself */
#define ENVIRON_VALUES_MAX 4 /* SSH_CONNECTIONs of one process: getenv(3) reads the first */

struct search {
	struct ssh_connections *out;
	struct sock_index index;
	int visited[VISITS_MAX];
	size_t visited_count;
	int followed;
	enum ssh_way way;	/* why the chain at hand is walked */
	struct procinfo proc;	/* whose turn it is */
	bool multiplexed;	/* below tmux, screen, … */
	bool multiplexer_known; /* and its process is an ancestor, of this user: */
	__u32 multiplexer_uid;
};

static const char *const multiplexers[] = {"tmux", "screen", "SCREEN", "zellij", "dtach", "abduco"};
static const char *const multiplexer_variables[] = {"TMUX", "STY", "ZELLIJ"};
static const char *const ssh_servers[] = {"sshd", "dropbear"};

#define STARTS_WITH_ANY(text, list) starts_with_any(text, list, sizeof(list) / sizeof(*(list)))

static bool starts_with_any(const char *text, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!strncmp(text, list[i], strlen(list[i])))
			return true;
	return false;
}

static void describe(struct ssh_connection *c, const struct procinfo *p)
{
	const char *where = c->same_netns ? "" : ", in another network namespace";
	char peer[INET6_ADDRSTRLEN] = "";

	inet_ntop(c->family, c->peer, peer, sizeof(peer));
	if (c->from == SSH_FROM_MOSH)
		snprintf(c->text, sizeof(c->text), "%s over mosh (pid %d)", peer, p->pid);
	else if (c->from == SSH_FROM_ENVIRON)
		snprintf(c->text, sizeof(c->text), "%s port %u (SSH_CONNECTION of %s, pid %d%s)",
			 peer, c->peer_port, p->comm, p->pid, where);
	else
		snprintf(c->text, sizeof(c->text), "%s port %u (held by %s, pid %d%s)", peer,
			 c->peer_port, p->comm, p->pid, where);
}

static bool same_connection(const struct ssh_connection *a, const struct ssh_connection *b)
{
	return a->family == b->family && a->peer_port == b->peer_port &&
	       a->local_port == b->local_port && a->same_netns == b->same_netns &&
	       !memcmp(a->peer, b->peer, 16) && !memcmp(a->local, b->local, 16);
}

static void add(struct search *s, struct ssh_connection *c)
{
	struct ssh_connections *out = s->out;

	c->pid = s->proc.pid;
	describe(c, &s->proc);
	for (size_t i = 0; i < out->count; i++) {
		if (!same_connection(&out->items[i], c))
			continue;
		if (c->from < out->items[i].from)
			out->items[i] = *c;
		return;
	}
	if (out->count == SSH_CONNECTIONS_MAX)
		out->more = true;
	else
		out->items[out->count++] = *c;
}

static void visit_chain(struct search *s, int pid, enum ssh_way way);

struct owner_search {
	__u64 inode;
	int pid;
};

static int match_inode(__u64 inode, void *arg)
{
	return inode == ((struct owner_search *)arg)->inode;
}

static int find_owner(int pid, void *arg)
{
	struct owner_search *o = arg;

	if (procinfo_sockets(pid, match_inode, o) <= 0)
		return 0;
	o->pid = pid;
	return 1;
}

/* An ancestor talks to this host itself: whoever is behind the far end is who we look for. */
static void follow(struct search *s, __u64 far_inode)
{
	struct owner_search o = {.inode = far_inode};
	struct procinfo here = s->proc;
	enum ssh_way way = s->way;

	if (!far_inode || s->followed == FOLLOW_MAX)
		return;
	s->followed++;
	if (procinfo_each(find_owner, &o) > 0)
		visit_chain(s, o.pid, SSH_FROM_LOOPBACK);
	s->proc = here;
	s->followed--;
	s->way = way;
}

static void take_socket(struct search *s, size_t at, enum ssh_way way)
{
	const struct sock_info *sock = &s->index.socks.items[at];
	size_t far = sock_index_far_end(&s->index, at);
	struct ssh_connection c = {
		.family = sock->family,
		.peer_port = sock->peer_port,
		.local_port = sock->local_port,
		.from = way,
		.begun_by = sock_index_is_inbound(&s->index, at) ? DIR_IN : DIR_OUT,
		.live = true,
		.same_netns = sock_index_netns_of(&s->index, at) == s->index.own_netns,
	};

	memcpy(c.peer, sock->peer, sizeof(c.peer));
	memcpy(c.local, sock->local, sizeof(c.local));
	if (far != NO_SOCKET) {
		/* Only who came in can be the responder. What the host itself connected to (its
		 * database, say) is not followed, or the others it serves were taken for us. */
		if (c.begun_by == DIR_IN)
			follow(s, s->index.socks.items[far].inode);
		return;
	}
	if (address_is_loopback(c.family, c.peer) ||
	    (c.same_netns && address_is_local(c.family, c.peer) > 0))
		return;
	add(s, &c);
}

static int take_inode(__u64 inode, void *arg)
{
	struct search *s = arg;

	for (size_t i = 0; i < s->index.socks.count; i++)
		if (s->index.socks.items[i].inode == inode &&
		    s->index.socks.items[i].state == TCP_ESTABLISHED)
			take_socket(s, i, s->way);
	return 0;
}

static void take_claim(struct search *s, struct ssh_connection *c)
{
	bool mosh = !strncmp(s->proc.comm, "mosh-server", strlen("mosh-server"));
	size_t at = NO_SOCKET;

	for (int pass = 0; pass < 2 && at == NO_SOCKET; pass++) {
		if (pass)
			sock_index_load_all(&s->index);
		at = sock_index_find(&s->index, c->family, c->peer, c->peer_port, c->local,
				     c->local_port);
	}
	if (at != NO_SOCKET) {
		take_socket(s, at, SSH_FROM_ENVIRON);
		return;
	}
	if (address_is_loopback(c->family, c->peer) || (!mosh && !s->index.error))
		return;
	c->from = mosh ? SSH_FROM_MOSH : SSH_FROM_ENVIRON;
	c->same_netns = true;
	add(s, c);
}

static void visit_environ(struct search *s)
{
	_cleanup_free_ char *env = NULL;
	size_t size, pos = 0, len;
	struct ssh_connection c;

	if (procinfo_environ(s->proc.pid, &env, &size))
		return;
	for (int i = 0; i < ENVIRON_VALUES_MAX; i++) {
		const char *value = environ_next(env, size, &pos, "SSH_CONNECTION", &len);

		if (!value)
			break;
		if (!ssh_connection_parse(value, len, &c))
			take_claim(s, &c);
	}
	for (size_t i = 0; i < sizeof(multiplexer_variables) / sizeof(*multiplexer_variables);
	     i++) {
		pos = 0;
		if (environ_next(env, size, &pos, multiplexer_variables[i], &len))
			s->multiplexed = true;
	}
}

static bool visited(const struct search *s, int pid)
{
	for (size_t i = 0; i < s->visited_count; i++)
		if (s->visited[i] == pid)
			return true;
	return false;
}

/* The process, its parent, and so on up; where a chain met before begins, this one ends. */
static void visit_chain(struct search *s, int pid, enum ssh_way way)
{
	while (pid > 0 && !visited(s, pid) && s->visited_count < VISITS_MAX) {
		struct procinfo p;

		if (procinfo_read(pid, &p))
			return;
		s->visited[s->visited_count++] = pid;
		s->proc = p;
		s->way = way;
		if (STARTS_WITH_ANY(p.comm, multiplexers)) {
			s->multiplexed = true;
			s->multiplexer_known = true;
			s->multiplexer_uid = p.uid;
		}
		sock_index_load_pid(&s->index, pid);
		(void)procinfo_sockets(pid, take_inode, s);
		visit_environ(s);
		pid = p.parent;
	}
}

static int visit_client(int pid, void *arg)
{
	struct search *s = arg;
	struct procinfo p;

	if (visited(s, pid) || procinfo_read(pid, &p) || !STARTS_WITH_ANY(p.comm, multiplexers))
		return 0;
	/* anybody can call a process tmux; whose server it is, cannot be chosen */
	if (!s->multiplexer_known || p.uid == s->multiplexer_uid)
		visit_chain(s, pid, SSH_FROM_MULTIPLEXER);
	return 0;
}

static int visit_server(int pid, void *arg)
{
	struct search *s = arg;
	struct procinfo p;

	if (!visited(s, pid) && !procinfo_read(pid, &p) && STARTS_WITH_ANY(p.comm, ssh_servers))
		visit_chain(s, pid, SSH_FROM_MULTIPLEXER);
	return 0;
}

static bool found_by(const struct search *s, enum ssh_way weakest)
{
	for (size_t i = 0; i < s->out->count; i++)
		if (s->out->items[i].from <= weakest)
			return true;
	return false;
}

int ssh_find(int pid, struct ssh_connections *out, struct error *err)
{
	_cleanup_free_ struct search *s = calloc(1, sizeof(*s));
	struct procinfo self;
	int ret;

	if (!s)
		return fail(err, -ENOMEM, "looking for your connection: %s", strerror(ENOMEM));
	*out = (struct ssh_connections){};
	s->out = out;
	if (!pid)
		pid = getpid();
	ret = procinfo_read(pid, &self);
	if (ret)
		return fail(err, ret, "looking for your connection in /proc/%d: %s", pid,
			    strerror(-ret));

	visit_chain(s, pid, SSH_FROM_SOCKET);
	if (s->multiplexed && !found_by(s, SSH_FROM_LOOPBACK)) {
		(void)procinfo_each(visit_client, s);
		if (!found_by(s, SSH_FROM_MULTIPLEXER))
			(void)procinfo_each(visit_server, s);
	}
	ret = s->index.error;
	if (ret && err)
		*err = s->index.why;
	sock_index_free(&s->index);
	return ret;
}
