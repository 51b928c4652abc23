/* SPDX-License-Identifier: BSD-2-Clause */
/* The listener's side of droplayout.h. */
#include <errno.h>
#include <stddef.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "Events/drops.h"
#include "HostIsolation/cleanup.h"

/* A name that goes with its owner, however that ends. One a pin folder and network namespace. */
static int claim(struct drops *d, struct error *err)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	socklen_t size;
	int ret;

	ret = snprintf(a.sun_path + 1, sizeof(a.sun_path) - 1, "hostiso-drops:%.80s", d->pins.dir);
	size = offsetof(struct sockaddr_un, sun_path) + 1 + ret;
	d->only = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (d->only >= 0 && !bind(d->only, (struct sockaddr *)&a, size))
		return 0;
	ret = -errno;
	if (ret == -EADDRINUSE)
		return fail(
			err, -EBUSY,
			"another 'hostiso trace --drops' runs already, and each drop is told once; end that one first");
	return fail(err, ret, "cannot make a socket: %s", strerror(-ret));
}

static const char *interface_name(__u32 ifindex, char buf[IF_NAMESIZE])
{
	return if_indextoname(ifindex, buf) ? buf : "?";
}

static int write_packet(struct drops *d, const struct drop_packet *p, const char *interface)
{
	const struct drop_record *r = &p->record;
	char comment[256], who[64] = "";

	if (d->who.pid)
		snprintf(who, sizeof(who), ", pid %u (%.15s)", d->who.pid, d->who.comm);
	snprintf(comment, sizeof(comment), "%s: %s (%s)%s",
		 r->flags & DROP_AUDIT ? "would drop" : "dropped", drop_reason(r),
		 r->key.dir == DIR_OUT ? "out" : "in", who);
	return pcapng_write(d->pcap,
			    &(struct pcapng_packet){
				    .real_ns = r->ts_boot_ns + d->stream->line.boot_to_real_ns,
				    .ifindex = r->key.ifindex,
				    .interface = interface,
				    .ethernet = r->flags & DROP_ETHERNET,
				    .outbound = r->key.dir == DIR_OUT,
				    .data = p->data,
				    .captured = r->captured,
				    .length = r->frame_len,
				    .comment = comment,
			    });
}

static int tell(struct drops *d, const struct drop_record *r, const char *interface)
{
	struct stream *s = d->stream;
	int ret = output_room(s->out, JSON_LINE_ROOM);

	if (ret)
		return ret;
	s->counts.received[EVENT_NETWORK_DROPPED]++;
	s->format->drop(&s->out->json, r, &d->who, interface, &s->line);
	return s->unbuffered ? output_flush(s->out) : 0;
}

static int on_record(void *arg, void *data, size_t size)
{
	struct drops *d = arg;
	const struct drop_record *r = data;
	char buf[IF_NAMESIZE];
	const char *interface;
	int ret = 0;

	if (drop_check(data, size)) {
		d->stream->counts.damaged++;
		return 0;
	}
	if (r->ts_boot_ns < d->began)
		return 0;
	interface = interface_name(r->key.ifindex, buf);
	drop_sender_find(&d->senders, r, &d->who);
	if (d->pcap && drop_packet_of(r))
		ret = write_packet(d, drop_packet_of(r), interface);
	if (!ret && r->flags & DROP_NEWS)
		ret = tell(d, r, interface);
	return ret;
}

static void let_go(struct drops *d)
{
	if (d->wanted) {
		d->lost_earlier = drops_lost(d);
		munmap(d->wanted, sizeof(*d->wanted));
	}
	d->wanted = NULL;
	maps_close(&d->maps);
	d->open = false;
}

/* What is pinned now may be another isolation's than what was open. */
static bool changed(const struct drops *d)
{
	char path[PATH_MAX];
	struct stat st;

	snprintf(path, sizeof(path), "%s/policy", d->pins.maps);
	return stat(path, &st) || st.st_ino != d->policy_inode;
}

static int take_up(struct drops *d)
{
	char path[PATH_MAX];
	struct error why;
	struct stat st;
	void *mem;

	snprintf(path, sizeof(path), "%s/policy", d->pins.maps);
	if (stat(path, &st) || maps_open(&d->maps, &d->pins, &why))
		return -ENOENT;
	mem = mmap(NULL, sizeof(*d->wanted), PROT_READ | PROT_WRITE, MAP_SHARED,
		   d->maps.fd[MAP_drop_wanted], 0);
	if (mem == MAP_FAILED) {
		maps_close(&d->maps);
		return -errno;
	}
	d->wanted = mem;
	d->lost_before = d->wanted->lost;
	d->policy_inode = st.st_ino;
	d->began = boot_ns();
	d->open = true;
	if (d->records &&
	    ring_buffer__add(d->stream->ring, d->maps.fd[MAP_drop_ring], on_record, d))
		return -errno;
	return 0;
}

static void move_on(__u64 *until, __u64 to)
{
	__atomic_store_n(until, to, __ATOMIC_RELAXED);
}

static void want(struct drops *d)
{
	__u64 until = boot_ns() + DROP_LISTEN_NS;

	move_on(&d->wanted->flows_until, until);
	if (d->records)
		move_on(&d->wanted->records_until, until);
	if (d->pcap)
		move_on(&d->wanted->packets_until, until);
	__atomic_fetch_or(&d->maps.policy->control, CONTROL_DROPS, __ATOMIC_SEQ_CST);
}

/* What came after a flow's last record, once it has been quiet for as long as the next would take;
 * at the end at once. */
static int tell_rest(struct drops *d, bool end)
{
	struct drop_key key, *at = NULL, next;
	__u64 now = boot_ns();
	int fd = d->maps.fd[MAP_drop_flows], ret = 0;
	char buf[IF_NAMESIZE];
	struct drop_flow f;

	for (int i = 0; !ret && i < 2 * DROP_FLOWS_MAX && !bpf_map_get_next_key(fd, at, &next);
	     i++) {
		struct drop_record r = {.flags = DROP_NEWS};

		key = next;
		at = &key;
		if (bpf_map_lookup_elem(fd, &key, &f) || (!end && now < f.seen_at + DROP_TELL_NS))
			continue;
		if (f.packets == f.told_packets || !f.told_at)
			continue;
		r.key = key;
		r.key.reason = f.reason < REASON_COUNT ? f.reason : REASON_INTERNAL;
		r.key.ifindex = f.ifindex;
		r.ts_boot_ns = f.seen_at;
		r.packets = f.packets - f.told_packets;
		r.bytes = f.bytes - f.told_bytes;
		f.told_packets = f.packets;
		f.told_bytes = f.bytes;
		if (d->maps.policy->control & CONTROL_AUDIT)
			r.flags |= DROP_AUDIT;
		/* A packet between these two calls is not counted: it is in `status` all the same.
		 */
		bpf_map_update_elem(fd, &key, &f, BPF_EXIST);
		drop_sender_find(&d->senders, &r, &d->who);
		ret = tell(d, &r, interface_name(f.ifindex, buf));
	}
	return ret;
}

int drops_tick(struct drops *d)
{
	int ret = 0;

	if (d->open && changed(d))
		let_go(d);
	if (!d->open) {
		ret = take_up(d);
		if (ret == -ENOENT)
			return 0;
	}
	if (ret)
		return ret;
	want(d);
	if (d->records)
		ret = tell_rest(d, false);
	if (!ret && d->pcap)
		ret = pcapng_flush(d->pcap);
	return ret;
}

__u64 drops_lost(const struct drops *d)
{
	return d->lost_earlier + (d->wanted ? d->wanted->lost - d->lost_before : 0);
}

int drops_begin(struct drops *d, const char *pin_dir, bool records, struct pcapng *pcap,
		int senders, struct stream *stream, struct error *err)
{
	int ret;

	*d = (struct drops){
		.records = records,
		.pcap = pcap,
		.pins = {.lock_fd = -1},
		.maps = MAPS_INIT,
		.only = -1,
		.stream = stream,
	};
	drop_senders_init(&d->senders, senders);
	ret = pins_open(&d->pins, pin_dir, false, err);
	if (ret && ret != -ENOENT)
		return ret;
	if (records) {
		ret = claim(d, err);
		if (ret)
			return ret;
	}
	ret = drops_tick(d);
	return ret ? fail(err, ret, "cannot listen to the packet filter: %s", strerror(-ret)) : 0;
}

void drops_end(struct drops *d)
{
	if (d->open) {
		if (d->pcap)
			move_on(&d->wanted->packets_until, 0);
		if (d->records)
			move_on(&d->wanted->records_until, 0);
		move_on(&d->wanted->flows_until, 0); /* another listener moves it on again */
		if (d->records) {
			d->stream->over = true;
			ring_buffer__consume(d->stream->ring);
			tell_rest(d, true);
		}
		__atomic_fetch_and(&d->maps.policy->control, ~CONTROL_DROPS, __ATOMIC_SEQ_CST);
		let_go(d);
	}
	if (d->pcap)
		pcapng_flush(d->pcap);
	close_fdp(&d->only);
	pins_close(&d->pins);
	drop_senders_free(&d->senders);
}
