/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * writer [-n ROUNDS] [-r EVENTS] [-f FILE]: recorded events checked, decoded and written by one
 * processor, to /dev/null and (-f) to FILE, in both formats, beside the first format made by
 * json-c; rounds interleaved. Prints ROW, VARIANT, thousands of events a second.
 */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "Events/output.h"
#include "../../tests/lib/samples.h"

#define SIMPLE 3 /* what a busy host does most: a file made, one deleted, a connection tried */

static union sample_record records[SIMPLE];
static struct line_context context;

static void record(void)
{
	static const char *const names[SIMPLE] = {"create_file", "delete_file", "net_closed"};

	for (int n = 0; n < SIMPLE; n++) {
		for (size_t i = 0; i < sample_count; i++) {
			if (strcmp(samples[i].name, names[n]))
				continue;
			samples[i].build();
			memcpy(&records[n], &sample_record, sample_record.hdr.size);
		}
	}
}

static struct json_object *number(uint64_t n)
{
	return json_object_new_uint64(n);
}

static struct json_object *text(struct text t)
{
	return json_object_new_string_len(t.s, t.n);
}

/* A file event's fields, as event_json.c has them, by the library. */
static void by_library(struct json *j, const struct record *r, struct line_context *ctx)
{
	struct json_object *o = json_object_new_object(), *in;
	const struct event_file *e = (const void *)r->hdr;
	const struct event_pids *p = &e->hdr.pids;
	const struct event_creds *c = &e->hdr.creds;
	static char path[PATH_BUF];
	const char *line;
	size_t size;

	json_object_object_add(o, "event_type", json_object_new_string(event_names[e->hdr.type]));
	in = json_object_new_object();
	json_object_object_add(in, "tid", number(p->tid));
	json_object_object_add(in, "tgid", number(p->tgid));
	json_object_object_add(in, "ppid", number(p->ppid));
	json_object_object_add(in, "pgid", number(p->pgid));
	json_object_object_add(in, "sid", number(p->sid));
	json_object_object_add(in, "start_time_ns", number(p->start_time_ns));
	json_object_object_add(o, "pids", in);
	in = json_object_new_object();
	json_object_object_add(in, "ruid", number(c->ruid));
	json_object_object_add(in, "rgid", number(c->rgid));
	json_object_object_add(in, "euid", number(c->euid));
	json_object_object_add(in, "egid", number(c->egid));
	json_object_object_add(in, "suid", number(c->suid));
	json_object_object_add(in, "sgid", number(c->sgid));
	json_object_object_add(in, "cap_permitted", number(c->cap_permitted));
	json_object_object_add(in, "cap_effective", number(c->cap_effective));
	json_object_object_add(o, "creds", in);
	json_object_object_add(o, "mount_namespace", number(e->hdr.mnt_ns));
	json_object_object_add(o, "comm", json_object_new_string(e->hdr.comm));
	in = json_object_new_object();
	json_object_object_add(in, "type", json_object_new_string("FILE"));
	json_object_object_add(in, "inode", number(e->info.inode));
	json_object_object_add(in, "mode", number(e->info.mode));
	json_object_object_add(in, "size", number(e->info.size));
	json_object_object_add(in, "uid", number(e->info.uid));
	json_object_object_add(in, "gid", number(e->info.gid));
	json_object_object_add(in, "atime", number(e->info.atime));
	json_object_object_add(in, "mtime", number(e->info.mtime));
	json_object_object_add(in, "ctime", number(e->info.ctime));
	json_object_object_add(o, "file_info", in);
	json_object_object_add(o, "path", text(record_path(r, &e->path, &e->base, path)));
	json_object_object_add(o, "symlink_target_path", text(record_part(r, &e->symlink)));
	json_object_object_add(o, "pids_ss_cgroup_path", text(record_cgroup(r, path)));
	json_object_object_add(o, "ts_boot_ns", number(e->hdr.ts_boot_ns));
	json_object_object_add(o, "seq", number(ctx->seq++));
	line = json_object_to_json_string_length(o, JSON_C_TO_STRING_PLAIN, &size);
	json_bytes(j, line, size);
	json_char(j, '\n');
	json_object_put(o);
}

/* Thousands a second of this processor's time; 0: it failed. */
static double run(const char *file, size_t events, int kinds,
		  void (*event)(struct json *j, const struct record *r, struct line_context *ctx))
{
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct timespec since, till;
	struct output out;
	struct record r;
	int ret;

	if (fd < 0 || output_init(&out, fd))
		return fprintf(stderr, "writer: %s: %s\n", file, strerror(errno)), 0;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &since);
	for (size_t i = 0; i < events; i++) {
		const union sample_record *rec = &records[i % kinds];

		if (record_check(rec, rec->hdr.size, &r) || output_room(&out, JSON_LINE_ROOM))
			break;
		event(&out.json, &r, &context);
	}
	ret = output_flush(&out);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &till);
	output_free(&out);
	close(fd);
	if (ret)
		return fprintf(stderr, "writer: %s: %s\n", file, strerror(-ret)), 0;
	return events * 1e6 / ((till.tv_sec - since.tv_sec) * 1e9 + till.tv_nsec - since.tv_nsec);
}

int main(int argc, char **argv)
{
	const char *file = NULL;
	size_t rounds = 5, events = 2000000;
	int opt;

	while ((opt = getopt(argc, argv, "n:r:f:")) != -1) {
		if (opt == 'n')
			rounds = strtoul(optarg, NULL, 10);
		else if (opt == 'r')
			events = strtoul(optarg, NULL, 10);
		else if (opt == 'f')
			file = optarg;
		else
			return fprintf(stderr, "usage: writer [-n ROUNDS] [-r EVENTS] [-f FILE]\n"),
			       2;
	}
	record();
	sample_context(&context);
	context.verdict = NULL;
	while (rounds--) {
		for (int t = 0; t < (file ? 2 : 1); t++) {
			const char *where = t ? "file" : "/dev/null";
			const char *to = t ? file : "/dev/null";

			for (const struct line_format *f = line_formats; f->name; f++)
				printf("tracer, writer, %s\t%s\t%.0f\n", where, f->name,
				       run(to, events, SIMPLE, f->event));
			/* Slower by far: fewer of them; and only of files, which is all it has
			 * here. */
			printf("tracer, writer, %s\tjson-c\t%.0f\n", where,
			       run(to, events / 8, 2, by_library));
		}
		fflush(stdout);
	}
	if (file)
		unlink(file);
	return 0;
}
