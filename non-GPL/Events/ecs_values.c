/* SPDX-License-Identifier: BSD-2-Clause */
/* Values of a record as ECS wants them. */
#include <linux/capability.h>
#include "Events/ecs_doc.h"
#include "Events/event_fields.h"

#define AT(type) (*(const type *)((const char *)from + row->at))

#define QUOTED(write) (json_char(d->j, '"'), write, json_char(d->j, '"'))

ECS_PUT(ecs_id_in)
{
	ecs_key(d, row);
	QUOTED(json_u64(d->j, AT(__u32)));
	json_char(d->j, '}');
}

ECS_PUT(ecs_u32)
{
	ecs_key(d, row);
	json_u64(d->j, AT(__u32));
}

ECS_PUT(ecs_u32_id)
{
	ecs_key(d, row);
	QUOTED(json_u64(d->j, AT(__u32)));
}

ECS_PUT(ecs_u64)
{
	ecs_key(d, row);
	json_u64(d->j, AT(__u64));
}

ECS_PUT(ecs_u64_id)
{
	ecs_key(d, row);
	QUOTED(json_u64(d->j, AT(__u64)));
}

ECS_PUT(ecs_s64)
{
	ecs_key(d, row);
	json_i64(d->j, AT(__s64));
}

/* Permission bits, as ECS's example has them: "0640". */
ECS_PUT(ecs_octal)
{
	ecs_key(d, row);
	json_lit(d->j, "\"0");
	json_octal(d->j, AT(__u32) & 07777);
	json_char(d->j, '"');
}

ECS_PUT(ecs_date)
{
	ecs_key(d, row);
	json_date(d->j, AT(__u64));
}

ECS_PUT(ecs_comm)
{
	ecs_text(d, row, comm_of(from), false);
}

ECS_PUT(ecs_part)
{
	const struct event_part *part = &AT(struct event_part);
	struct text t = record_part(d->r, part);

	if (t.n)
		ecs_text(d, row, t, part->flags & PART_TRUNCATED);
}

ECS_PUT(ecs_walked)
{
	const struct event_part *part = &AT(struct event_part);

	ecs_text(d, row, record_path(d->r, part, NULL, d->other), part->flags & PART_TRUNCATED);
}

/* The arguments in one string; a space between two, and no quoting: for reading, not for a shell.
 */
ECS_PUT(ecs_command_line)
{
	struct text all = record_part(d->r, &AT(struct event_part));
	size_t i = 0;

	ecs_key(d, row);
	json_char(d->j, '"');
	while (i < all.n) {
		size_t n = strnlen(all.s + i, all.n - i);

		if (i)
			json_char(d->j, ' ');
		json_text(d->j, all.s + i, n);
		i += n + 1;
	}
	json_char(d->j, '"');
}

/* linux/capability.h; a number that has no name here is written as such. */
static void capability(struct json *j, int bit)
{
	static const char *const names[] = {
		[CAP_CHOWN] = "CHOWN",
		[CAP_DAC_OVERRIDE] = "DAC_OVERRIDE",
		[CAP_DAC_READ_SEARCH] = "DAC_READ_SEARCH",
		[CAP_FOWNER] = "FOWNER",
		[CAP_FSETID] = "FSETID",
		[CAP_KILL] = "KILL",
		[CAP_SETGID] = "SETGID",
		[CAP_SETUID] = "SETUID",
		[CAP_SETPCAP] = "SETPCAP",
		[CAP_LINUX_IMMUTABLE] = "LINUX_IMMUTABLE",
		[CAP_NET_BIND_SERVICE] = "NET_BIND_SERVICE",
		[CAP_NET_BROADCAST] = "NET_BROADCAST",
		[CAP_NET_ADMIN] = "NET_ADMIN",
		[CAP_NET_RAW] = "NET_RAW",
		[CAP_IPC_LOCK] = "IPC_LOCK",
		[CAP_IPC_OWNER] = "IPC_OWNER",
		[CAP_SYS_MODULE] = "SYS_MODULE",
		[CAP_SYS_RAWIO] = "SYS_RAWIO",
		[CAP_SYS_CHROOT] = "SYS_CHROOT",
		[CAP_SYS_PTRACE] = "SYS_PTRACE",
		[CAP_SYS_PACCT] = "SYS_PACCT",
		[CAP_SYS_ADMIN] = "SYS_ADMIN",
		[CAP_SYS_BOOT] = "SYS_BOOT",
		[CAP_SYS_NICE] = "SYS_NICE",
		[CAP_SYS_RESOURCE] = "SYS_RESOURCE",
		[CAP_SYS_TIME] = "SYS_TIME",
		[CAP_SYS_TTY_CONFIG] = "SYS_TTY_CONFIG",
		[CAP_MKNOD] = "MKNOD",
		[CAP_LEASE] = "LEASE",
		[CAP_AUDIT_WRITE] = "AUDIT_WRITE",
		[CAP_AUDIT_CONTROL] = "AUDIT_CONTROL",
		[CAP_SETFCAP] = "SETFCAP",
		[CAP_MAC_OVERRIDE] = "MAC_OVERRIDE",
		[CAP_MAC_ADMIN] = "MAC_ADMIN",
		[CAP_SYSLOG] = "SYSLOG",
		[CAP_WAKE_ALARM] = "WAKE_ALARM",
		[CAP_BLOCK_SUSPEND] = "BLOCK_SUSPEND",
		[CAP_AUDIT_READ] = "AUDIT_READ",
		[CAP_PERFMON] = "PERFMON",
		[CAP_BPF] = "BPF",
		[CAP_CHECKPOINT_RESTORE] = "CHECKPOINT_RESTORE",
	};

	json_char(j, '"');
	if (bit < (int)(sizeof(names) / sizeof(names[0]))) {
		json_lit(j, "CAP_");
		json_bytes(j, names[bit], strlen(names[bit]));
	} else {
		json_u64(j, bit);
	}
	json_char(j, '"');
}

ECS_PUT(ecs_capabilities)
{
	__u64 set = AT(__u64);

	ecs_key(d, row);
	json_char(d->j, '[');
	for (__u64 left = set; left; left &= left - 1) {
		if (left != set)
			json_char(d->j, ',');
		capability(d->j, __builtin_ctzll(left));
	}
	json_char(d->j, ']');
}

/* One process of one boot of one host: its boot's id, pid and start. */
ECS_PUT(ecs_entity)
{
	const struct event_pids *p = &AT(struct event_pids);

	ecs_key(d, row);
	json_char(d->j, '"');
	json_bytes(d->j, d->ctx->boot_id, strlen(d->ctx->boot_id));
	json_char(d->j, '-');
	json_u64(d->j, p->tgid);
	json_char(d->j, '-');
	json_u64(d->j, p->start_time_ns);
	json_char(d->j, '"');
}

ECS_PUT(ecs_start)
{
	ecs_key(d, row);
	json_date(d->j, AT(struct event_pids).start_time_ns + d->ctx->start_to_real_ns);
}
