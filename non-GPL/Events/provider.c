/* SPDX-License-Identifier: BSD-2-Clause */
/* Programs loaded and attached one at a time; provider.h says how. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/btf.h>
#include "Events/btf_names.h"
#include "Events/perf_attach.h"
#include "Events/provider.h"
#include "HostIsolation/cleanup.h"
#include "HostIsolation/facts.h"

enum how { FENTRY, FEXIT, FMOD_RET, LSM, TP_BTF, RAW_TP, KPROBE, KRETPROBE, TAIL };

static const struct way {
	const char *prefix;
	enum bpf_prog_type type;
	enum bpf_attach_type attach;
	const char *btf_prefix; /* of the type to attach to; NULL: attached by name */
} ways[] = {
	[FENTRY] = {"fentry/", BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY, ""},
	[FEXIT] = {"fexit/", BPF_PROG_TYPE_TRACING, BPF_TRACE_FEXIT, ""},
	[FMOD_RET] = {"fmod_ret/", BPF_PROG_TYPE_TRACING, BPF_MODIFY_RETURN, ""},
	[LSM] = {"lsm/", BPF_PROG_TYPE_LSM, BPF_LSM_MAC, "bpf_lsm_"},
	[TP_BTF] = {"tp_btf/", BPF_PROG_TYPE_TRACING, BPF_TRACE_RAW_TP, "btf_trace_"},
	[RAW_TP] = {"raw_tp/", BPF_PROG_TYPE_RAW_TRACEPOINT, 0, NULL},
	[KPROBE] = {"kprobe/", BPF_PROG_TYPE_KPROBE, 0, NULL},
	[KRETPROBE] = {"kretprobe/", BPF_PROG_TYPE_KPROBE, 0, NULL},
	[TAIL] = {"tail/", BPF_PROG_TYPE_RAW_TRACEPOINT, 0, NULL},
};
#define WAYS (sizeof(ways) / sizeof(ways[0]))

struct kept {
	char *name, *section;
	enum how how;
	struct bpf_insn *insns;
	size_t insn_count;
	struct bpf_prog_load_opts opts;
	void *func_info, *line_info;
	int prog_fd, link_fd;
};

struct provider {
	struct btf *btf;
	struct btf_names *names;
	int handlers[WAYS];
	struct kept *kept;
	size_t count;
	void (*say)(const char *text);
	bool calls_by_perf, rejected;
};

static void *copy(const void *data, size_t size)
{
	void *p = malloc(size ? size : 1);

	return p && size ? memcpy(p, data, size) : p;
}

static int way_of(const char *section)
{
	for (size_t i = 0; i < WAYS; i++) {
		if (!strncmp(section, ways[i].prefix, strlen(ways[i].prefix)))
			return i;
	}
	return -ENOENT;
}

static const char *target(const struct kept *k)
{
	return k->section + strlen(ways[k->how].prefix);
}

static struct bpf_insn nothing[] = {
	{.code = BPF_ALU64 | BPF_MOV | BPF_K},
	{.code = BPF_JMP | BPF_EXIT},
};

/* Takes what libbpf was about to load, and gives it a program that does nothing instead. */
static int keep(struct bpf_program *prog, struct bpf_prog_load_opts *opts, long cookie)
{
	struct provider *p = (struct provider *)cookie;
	struct kept *more = realloc(p->kept, (p->count + 1) * sizeof(*more)), *k;

	if (!more)
		return -ENOMEM;
	p->kept = more;
	k = &p->kept[p->count];
	memset(k, 0, sizeof(*k));
	k->prog_fd = k->link_fd = -1;
	k->how = way_of(bpf_program__section_name(prog));
	k->name = strdup(bpf_program__name(prog));
	k->section = strdup(bpf_program__section_name(prog));
	k->insn_count = bpf_program__insn_cnt(prog);
	k->insns = copy(bpf_program__insns(prog), k->insn_count * sizeof(struct bpf_insn));
	k->opts = *opts;
	k->func_info = copy(opts->func_info, opts->func_info_cnt * opts->func_info_rec_size);
	k->line_info = copy(opts->line_info, opts->line_info_cnt * opts->line_info_rec_size);
	k->opts.func_info = k->func_info;
	k->opts.line_info = k->line_info;
	p->count++;
	if (!k->name || !k->section || !k->insns || !k->func_info || !k->line_info)
		return -ENOMEM;
	opts->func_info_cnt = opts->line_info_cnt = 0;
	return bpf_program__set_insns(prog, nothing, 2);
}

/*
 * libbpf up to 1.2 frees its table with the last handler and goes on using it. One that nobody asks
 * for stays for ever.
 */
static void hold_table(void)
{
	static bool held;

	if (!held)
		held = libbpf_register_prog_handler("hostiso/", BPF_PROG_TYPE_RAW_TRACEPOINT, 0,
						    NULL) >= 0;
}

int provider_new(struct provider **out, struct error *err)
{
	LIBBPF_OPTS(libbpf_prog_handler_opts, opts, .prog_prepare_load_fn = keep);
	struct provider *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	for (size_t i = 0; i < WAYS; i++)
		p->handlers[i] = -1;
	p->btf = btf__load_vmlinux_btf();
	if (!p->btf) {
		provider_free(p);
		return fail(err, -ENOENT, "%s", NO_KERNEL_TYPES);
	}
	if (btf_names_new(&p->names, p->btf)) {
		provider_free(p);
		return -ENOMEM;
	}
	hold_table();
	opts.cookie = (long)p;
	for (size_t i = 0; i < WAYS; i++) {
		p->handlers[i] = libbpf_register_prog_handler(
			ways[i].prefix, BPF_PROG_TYPE_RAW_TRACEPOINT, 0, &opts);
		if (p->handlers[i] < 0) {
			int ret = p->handlers[i];

			provider_free(p);
			return fail(err, ret, "libbpf takes no handler for %s: %s", ways[i].prefix,
				    strerror(-ret));
		}
	}
	*out = p;
	return 0;
}

static void drop_handlers(struct provider *p)
{
	for (size_t i = 0; i < WAYS; i++) {
		if (p->handlers[i] >= 0)
			libbpf_unregister_prog_handler(p->handlers[i]);
		p->handlers[i] = -1;
	}
}

void provider_free(struct provider *p)
{
	if (!p)
		return;
	drop_handlers(p);
	for (size_t i = 0; i < p->count; i++) {
		struct kept *k = &p->kept[i];

		close_fdp(&k->link_fd);
		close_fdp(&k->prog_fd);
		free(k->name);
		free(k->section);
		free(k->insns);
		free(k->func_info);
		free(k->line_info);
	}
	free(p->kept);
	btf_names_free(p->names);
	btf__free(p->btf);
	free(p);
}

int provider_load(struct provider *p, struct bpf_object_skeleton *skeleton, struct error *err)
{
	int ret = bpf_object__load_skeleton(skeleton);
	struct bpf_program *prog;

	drop_handlers(p);
	if (ret == -EPERM || ret == -EACCES)
		return fail(err, ret, "the kernel refused the maps (%s): run it as root",
			    strerror(-ret));
	if (ret)
		return fail(err, ret, "cannot load %s: %s; -v shows libbpf's words", skeleton->name,
			    strerror(-ret));
	bpf_object__for_each_program(prog, *skeleton->obj)
		bpf_program__unload(prog); /* the ones that do nothing */
	return 0;
}

static struct kept *find(const struct provider *p, const char *prog)
{
	for (size_t i = 0; i < p->count; i++) {
		if (!strcmp(p->kept[i].name, prog))
			return &p->kept[i];
	}
	return NULL;
}

#define LOG_SIZE (16 << 20)
#define LOG_SHOWN 3000
#define LOG_STATS 4 /* the verifier's own account, without its steps */

/* The verifier says why at the end of its log, which only a second try asks for. */
static void tell(struct provider *p, const struct kept *k, enum bpf_prog_type type,
		 struct bpf_prog_load_opts *opts, int ret)
{
	_cleanup_free_ char *log = calloc(1, LOG_SIZE);
	char line[256];
	size_t n;

	snprintf(line, sizeof(line), "%s: %zu instructions: %s\n", k->section, k->insn_count,
		 ret < 0 ? strerror(-ret) : "loaded");
	p->say(line);
	if (ret >= 0)
		p->say(opts->log_buf);
	if (ret >= 0 || !log)
		return;
	opts->log_buf = log;
	opts->log_size = LOG_SIZE;
	opts->log_level = 1;
	bpf_prog_load(type, k->name, "Dual BSD/GPL", k->insns, k->insn_count, opts);
	n = strlen(log);
	p->say(n > LOG_SHOWN ? log + n - LOG_SHOWN : log);
}

/* raw_tp/sys_enter, raw_tp/sys_exit and what is behind it change together. */
static enum bpf_prog_type type_of(const struct provider *p, const struct kept *k)
{
	return p->calls_by_perf && (k->how == RAW_TP || k->how == TAIL) ? BPF_PROG_TYPE_TRACEPOINT
									: ways[k->how].type;
}

static int load(struct provider *p, struct kept *k)
{
	const struct way *way = &ways[k->how];
	struct bpf_prog_load_opts opts = k->opts;
	char account[512] = "";
	int fd;

	opts.expected_attach_type = way->attach;
	if (way->btf_prefix) {
		char type[128];
		int id;

		snprintf(type, sizeof(type), "%s%s", way->btf_prefix, target(k));
		id = btf_names_find(p->names, type,
				    k->how == TP_BTF ? BTF_KIND_TYPEDEF : BTF_KIND_FUNC);
		if (id < 0)
			return -ESRCH;
		opts.attach_btf_id = id;
	}
	if (p->say) {
		opts.log_buf = account;
		opts.log_size = sizeof(account);
		opts.log_level = LOG_STATS;
	}
	fd = bpf_prog_load(type_of(p, k), k->name, "Dual BSD/GPL", k->insns, k->insn_count, &opts);
	if (p->say)
		tell(p, k, type_of(p, k), &opts, fd);
	p->rejected |= fd == -EACCES || fd == -E2BIG;
	if (fd < 0)
		return fd;
	k->prog_fd = fd;
	return 0;
}

/* The fd that holds it, or -errno. */
static int attach(const struct provider *p, const struct kept *k)
{
	char name[64];

	switch (k->how) {
	case KPROBE:
	case KRETPROBE:
		return perf_attach_kprobe(k->prog_fd, target(k), k->how == KRETPROBE);
	case RAW_TP:
		if (!p->calls_by_perf)
			return bpf_raw_tracepoint_open(target(k), k->prog_fd);
		snprintf(name, sizeof(name), "raw_syscalls/%s", target(k));
		return perf_attach_tracepoint(k->prog_fd, name);
	default:
		return bpf_raw_tracepoint_open(NULL, k->prog_fd);
	}
}

int provider_attach(struct provider *p, const char *prog)
{
	struct kept *k = find(p, prog);
	int ret;

	if (!k)
		return -ENOENT;
	if (k->prog_fd >= 0)
		return 0;
	ret = load(p, k);
	if (ret)
		return ret;
	if (k->how == TAIL)
		return 0;
	ret = attach(p, k);
	if (ret < 0) {
		close_fdp(&k->prog_fd);
		return ret;
	}
	k->link_fd = ret;
	return 0;
}

unsigned long long provider_missed(const struct provider *p, const char *prog)
{
	struct bpf_prog_info info = {0};
	__u32 size = sizeof(info);
	int fd = provider_prog_fd(p, prog);

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size))
		return 0;
	return info.recursion_misses;
}

bool provider_calls_by_perf(struct provider *p)
{
	_cleanup_close_ int prog = -1, link = -1;

	prog = bpf_prog_load(BPF_PROG_TYPE_TRACEPOINT, "calls", "GPL", nothing, 2, NULL);
	if (prog < 0)
		return false;
	link = perf_attach_tracepoint(prog, "raw_syscalls/sys_exit");
	p->calls_by_perf = link >= 0;
	return p->calls_by_perf;
}

bool provider_by_perf(const struct provider *p)
{
	return p->calls_by_perf;
}

bool provider_trampolines(struct provider *p)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_TRACE_FENTRY);
	_cleanup_close_ int prog = -1, link = -1;
	int id = btf_names_find(p->names, "security_file_open", BTF_KIND_FUNC);

	if (id < 0)
		return false;
	opts.attach_btf_id = id;
	prog = bpf_prog_load(BPF_PROG_TYPE_TRACING, "trampoline", "GPL", nothing, 2, &opts);
	if (prog < 0)
		return false;
	link = bpf_raw_tracepoint_open(NULL, prog);
	return link >= 0;
}

const struct btf *provider_btf(const struct provider *p)
{
	return p->btf;
}

bool provider_rejected(const struct provider *p)
{
	return p->rejected;
}

void provider_detach(struct provider *p, const char *prog)
{
	struct kept *k = find(p, prog);

	if (!k)
		return;
	close_fdp(&k->link_fd);
	close_fdp(&k->prog_fd);
}

void provider_listen(struct provider *p, void (*say)(const char *text))
{
	p->say = say;
}

int provider_prog_fd(const struct provider *p, const char *prog)
{
	const struct kept *k = find(p, prog);

	return k ? k->prog_fd : -1;
}

int provider_link_fd(const struct provider *p, const char *prog)
{
	const struct kept *k = find(p, prog);

	return k ? k->link_fd : -1;
}

const char *provider_section(const struct provider *p, const char *prog)
{
	const struct kept *k = find(p, prog);

	return k ? k->section : NULL;
}

int provider_nargs(const struct provider *p, const char *function)
{
	const struct btf_type *t = btf_names_proto(p->names, function);
	int trace = !strncmp(function, "btf_trace_", 10); /* its first is the tracer's own */

	return t ? btf_vlen(t) - trace : -ESRCH;
}

int provider_arg(const struct provider *p, const char *function, const char *arg)
{
	const struct btf_type *t = btf_names_proto(p->names, function);

	for (int i = 0; t && i < btf_vlen(t); i++) {
		if (!strcmp(btf__name_by_offset(p->btf, btf_params(t)[i].name_off), arg))
			return i;
	}
	return -ESRCH;
}

bool provider_returns_pointer(const struct provider *p, const char *function)
{
	const struct btf_type *t = btf_names_proto(p->names, function);

	t = t && t->type ? btf__type_by_id(p->btf, t->type) : NULL;
	return t && btf_is_ptr(t);
}
