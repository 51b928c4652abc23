/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * While events flow the ring is emptied by timer, and nobody in the kernel pays for a wake-up; when
 * nothing came for a while, the reader says that it sleeps and the next event wakes it.
 */
#include <errno.h>
#include <poll.h>
#include <time.h>
#include <bpf/libbpf.h>
#include "Events/stream.h"

#define TICK_MS 10
#define QUIET_TICKS 20 /* then sleep */
#define SLEEP_MS 1000  /* losses are looked for this often even so */

static __u64 now_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

/* Two clocks read one after the other; the closest of a few pairs. */
static __u64 boot_to_real(void)
{
	__u64 best = ~0ULL, offset = 0;

	for (int i = 0; i < 5; i++) {
		__u64 before = now_ns(CLOCK_BOOTTIME), real = now_ns(CLOCK_REALTIME);
		__u64 after = now_ns(CLOCK_BOOTTIME);

		if (after - before < best) {
			best = after - before;
			offset = real - before - best / 2;
		}
	}
	return offset;
}

static int report_lost(struct stream *s)
{
	__u64 since[EVENT_COUNT];
	bool any = false;
	int ret;

	for (int i = 0; i < EVENT_COUNT; i++) {
		__u64 lost = __atomic_load_n(&s->shared->lost[i], __ATOMIC_RELAXED) + s->missed[i];

		since[i] = lost - s->counts.lost[i];
		s->counts.lost[i] = lost;
		any |= since[i];
	}
	s->line.unseen = s->missed_calls - s->counts.unseen;
	s->counts.unseen = s->missed_calls;
	if (!any && !s->line.unseen)
		return 0;
	ret = output_room(s->out, JSON_LINE_ROOM);
	if (!ret)
		s->format->lost(&s->out->json, since, now_ns(CLOCK_BOOTTIME), &s->line);
	return ret;
}

static int on_record(void *arg, void *data, size_t size)
{
	struct stream *s = arg;
	struct record r;
	int ret;

	if (s->over)
		return 0;
	if (record_check(data, size, &r)) {
		s->counts.damaged++;
		return 0;
	}
	if (s->keep && !s->keep(&r, s->keep_arg))
		return 0;
	if (*s->stop) {
		if (!s->stop_ns)
			s->stop_ns = now_ns(CLOCK_BOOTTIME);
		if (r.hdr->ts_boot_ns > s->stop_ns)
			return -ECANCELED;
	}
	ret = output_room(s->out, JSON_LINE_ROOM);
	if (ret)
		return ret;
	s->counts.received[r.hdr->type]++;
	s->format->event(&s->out->json, &r, &s->line);
	if (s->unbuffered)
		ret = output_flush(s->out);
	if (!ret && !(s->line.seq & 1023))
		ret = report_lost(s);
	return ret;
}

static void ask_missed(struct stream *s)
{
	__u64 now[EVENT_COUNT] = {0}, calls;

	if (!s->ask_missed)
		return;
	calls = s->ask_missed(now, s->ask_arg);
	if (calls > s->missed_calls)
		s->missed_calls = calls;
	for (int i = 0; i < EVENT_COUNT; i++) {
		if (now[i] > s->missed[i]) /* a program that can no longer be asked says 0 */
			s->missed[i] = now[i];
	}
}

static int empty(struct stream *s, struct ring_buffer *ring)
{
	int n = ring_buffer__consume(ring), ret;

	if (n < 0 && n != -ECANCELED)
		return n;
	ret = report_lost(s);
	if (!ret)
		ret = output_flush(s->out);
	return ret ? ret : n;
}

static void wait_tick(struct ring_buffer *ring, int ms, bool for_ring)
{
	struct pollfd fd = {.fd = for_ring ? ring_buffer__epoll_fd(ring) : -1, .events = POLLIN};

	poll(&fd, 1, ms);
}

int stream_open(struct stream *s, int ring_fd)
{
	s->ring = ring_buffer__new(ring_fd, on_record, s, NULL);
	return s->ring ? 0 : -errno;
}

void stream_close(struct stream *s)
{
	ring_buffer__free(s->ring);
	s->ring = NULL;
}

int stream_run(struct stream *s)
{
	struct ring_buffer *ring = s->ring;
	__u64 second = now_ns(CLOCK_BOOTTIME);
	int ret, quiet = 0;

	s->line.boot_to_real_ns = boot_to_real();
	for (;;) {
		bool last = *s->stop;

		if (last)
			ask_missed(s);
		ret = empty(s, ring);
		if (ret < 0 || last)
			break;
		quiet = ret ? 0 : quiet + 1;
		if (now_ns(CLOCK_BOOTTIME) - second >= 1000000000) {
			second = now_ns(CLOCK_BOOTTIME);
			s->line.boot_to_real_ns = boot_to_real();
			ask_missed(s);
			if (s->each_second)
				s->each_second(&s->counts);
			ret = s->tick ? s->tick(s->tick_arg) : 0;
			if (ret < 0)
				break;
		}
		if (quiet < QUIET_TICKS) {
			wait_tick(ring, TICK_MS, false);
			continue;
		}
		__atomic_store_n(&s->shared->asleep, 1, __ATOMIC_SEQ_CST);
		ret = empty(s, ring); /* what came before the kernel could see it */
		if (ret < 0)
			break;
		if (!ret && !*s->stop)
			wait_tick(ring, SLEEP_MS, true);
		__atomic_store_n(&s->shared->asleep, 0, __ATOMIC_SEQ_CST);
		quiet = ret ? 0 : quiet;
	}
	return ret < 0 ? ret : 0;
}
