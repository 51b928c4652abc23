/* SPDX-License-Identifier: BSD-2-Clause */
/* The lines of samples: what is asked for while one is written answers as fixedly. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include "samples.h"

#define SECOND 1000000000ULL

/* Each kind of verdict once; of what closes, nothing is known any more. */
static int verdict(const struct event_net *e, struct net_verdict *out, void *arg)
{
	if (e->hdr.type == EVENT_NETWORK_CONNECTION_CLOSED)
		return -ENOENT;
	*out = e->family == AF_INET6 ? (struct net_verdict){"dropped", "not-allowed"}
				     : (struct net_verdict){"granted", "granted"};
	return 0;
}

static int build_id(int pid, const char *path, unsigned int mnt_ns, char *text, size_t size)
{
	if (!path || strcmp(path, "./bin/ls"))
		return -ENODATA;
	strcpy(text, "0123456789abcdef");
	return 0;
}

static int file_info(const struct event_hdr *hdr, struct text path, struct event_file_info *out,
		     void *arg)
{
	*out = (struct event_file_info){.mode = S_IFDIR | 0700, .inode = 2};
	return path.n == strlen("/srv/x/new file") ? 0 : -ENOENT;
}

void sample_context(struct line_context *ctx)
{
	static const char *sources[HOOK_COUNT] = {[HOOK_fork_tp] = "tp:sched_process_fork"};

	*ctx = (struct line_context){
		.boot_to_real_ns = 1700000000 * SECOND,
		.start_to_real_ns = 1700000000 * SECOND,
		.sources = sources,
		.boot_id = "00000000-1111-2222-3333-444444444444",
		.verdict = verdict,
		.build_id = build_id,
		.file_info = file_info,
	};
#define HOST "\"host\":{\"os\":{\"type\":\"linux\"},\"hostname\":\"suspect\"},"
	ctx->host = (struct text){HOST, sizeof(HOST) - 1};
}

void sample_line(struct json *j, size_t i, const struct line_format *format,
		 struct line_context *ctx)
{
	const __u64 lost[EVENT_COUNT] = {[EVENT_FILE_CREATE] = 2, [EVENT_PROCESS_FORK] = 40};
	struct record r = {&sample_record.hdr, 0};

	samples[i].build();
	switch (samples[i].kind) {
	case SAMPLE_EVENT:
		r.size = sample_record.hdr.size;
		format->event(j, &r, ctx);
		break;
	case SAMPLE_DROP:
		format->drop(j, &sample_drop.record, &sample_sender, "eth0", ctx);
		break;
	case SAMPLE_LOST:
		ctx->unseen = 3;
		format->lost(j, lost, 4244 * SECOND, ctx);
		break;
	}
}
