/* SPDX-License-Identifier: BSD-2-Clause */
/* Read once, while /proc and /etc may still be read. */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>
#include "Events/event_fields.h"
#include "Events/host.h"
#include "HostIsolation/cleanup.h"

static const char *one_line(const char *path, char *buf, size_t size)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, size - 1);

	buf[n > 0 ? n : 0] = 0;
	buf[strcspn(buf, "\n")] = 0;
	return buf;
}

static void field(struct json *j, const char *name, const char *value)
{
	if (!value[0])
		return;
	json_char(j, ',');
	json_string(j, name, strlen(name));
	json_char(j, ':');
	json_string(j, value, strlen(value));
}

/* A process's start is told without the time that the machine was suspended. */
static __u64 start_to_real(void)
{
	struct timespec real, mono;

	clock_gettime(CLOCK_MONOTONIC, &mono);
	clock_gettime(CLOCK_REALTIME, &real);
	return (real.tv_sec - mono.tv_sec) * 1000000000ULL + real.tv_nsec - mono.tv_nsec;
}

void host_init(struct line_context *ctx, char *text, size_t size)
{
	struct json j = {text, text + size, text};
	char machine[64];
	struct utsname u;
	struct stat st;

	ctx->start_to_real_ns = start_to_real();
	one_line("/proc/sys/kernel/random/boot_id", ctx->boot_id, sizeof(ctx->boot_id));
	json_lit(&j, "\"host\":{\"os\":{\"type\":\"linux\"");
	if (!uname(&u))
		field(&j, "kernel", u.release);
	json_char(&j, '}');
	if (!uname(&u)) {
		field(&j, "hostname", u.nodename);
		field(&j, "architecture", u.machine);
	}
	field(&j, "id", one_line("/etc/machine-id", machine, sizeof(machine)));
	if (!stat("/proc/self/ns/pid", &st)) {
		key(&j, "pid_ns_ino");
		json_char(&j, '"');
		json_u64(&j, st.st_ino);
		json_char(&j, '"');
	}
	if (ctx->boot_id[0]) {
		key(&j, "boot");
		json_lit(&j, "{\"id\":");
		json_string(&j, ctx->boot_id, strlen(ctx->boot_id));
		json_char(&j, '}');
	}
	json_lit(&j, "},");
	ctx->host = (struct text){text, j.p - text};
}
