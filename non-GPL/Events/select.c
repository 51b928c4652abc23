/* SPDX-License-Identifier: BSD-2-Clause */
/* Chooses, feature by feature, the first kind of hook that this kernel really takes. */
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include "Events/select.h"
#include "Events/routes.h"
#include "Events/skeleton.h"

const char *const kind_names[KIND_COUNT] = {"fentry", "kprobe", "tracepoint"};

const char *const feature_names[FEATURE_COUNT] = {
#define FEATURE(id, events, words) [FEATURE_##id] = #id,
#include "Events/features.def"
#undef FEATURE
};

const char *const feature_words[FEATURE_COUNT] = {
#define FEATURE(id, events, words) [FEATURE_##id] = words,
#include "Events/features.def"
#undef FEATURE
};

const __u32 feature_events[FEATURE_COUNT] = {
#define E(id) (1u << EVENT_##id)
#define FEATURE(id, events, words) [FEATURE_##id] = events,
#include "Events/features.def"
#undef FEATURE
#undef E
};

const char *const hook_programs[HOOK_COUNT] = {
#define HOOK(name, feature, kind) [HOOK_##name] = "hook_" #name,
#include "Events/hooks.def"
#undef HOOK
};

static const struct {
	enum feature feature;
	enum kind kind;
	bool optional;
} hooks[HOOK_COUNT] = {
#define HOOK(name, feature, kind) [HOOK_##name] = {FEATURE_##feature, KIND_##kind, false},
#define OPTIONAL(name, feature, kind) [HOOK_##name] = {FEATURE_##feature, KIND_##kind, true},
#include "Events/hooks.def"
#undef HOOK
};

static const char *const slot_programs[SLOT_COUNT] = {
#define SLOT(name) [SLOT_##name] = "hook_" #name "_tp",
#include "Events/slots.def"
#undef SLOT
};

static const struct {
	int nr;
	struct route route;
} calls[] = {
#define CALL(nr, name, fd, path, dirfd, path2, dirfd2)                                             \
	{nr,                                                                                       \
	 {SLOT_##name, fd, path, dirfd, path2, dirfd2, nr == __NR_writev,                          \
	  SLOT_##name != SLOT_xattr			  ? 0                                      \
	  : nr == NR_SETXATTRAT || nr == NR_REMOVEXATTRAT ? 4                                      \
							  : 2}},
#include "Events/calls.def"
#undef CALL
};

static bool listed(const enum kind kinds[], enum kind kind)
{
	for (; *kinds != KIND_NONE; kinds++) {
		if (*kinds == kind)
			return true;
	}
	return false;
}

/* Events that another feature's programs are needed for. */
static __u32 also(enum feature f)
{
	return f == FEATURE_CONNECT || f == FEATURE_ACCEPT ? feature_events[FEATURE_CLOSE] : 0;
}

static __u32 at_least_0(int n)
{
	return n < 0 ? 0 : n;
}

static __u32 count(const struct provider *p, const char *function)
{
	return at_least_0(provider_nargs(p, function));
}

/* The programs that node … truncate of slots.def have in common. */
static bool tells_calls(const char *name)
{
	return !strcmp(name, slot_programs[SLOT_text]) || !strcmp(name, slot_programs[SLOT_fd]);
}

/* Loads them where this hook hands on to them. */
static int attach_common(struct provider *p, enum hook hook)
{
	int ret;

	for (int s = SLOT_node; s <= SLOT_truncate; s++) {
		if (strcmp(hook_programs[hook], slot_programs[s]))
			continue;
		ret = provider_attach(p, slot_programs[SLOT_text]);
		return ret ? ret : provider_attach(p, slot_programs[SLOT_fd]);
	}
	return 0;
}

/*
 * Where the kernel may preempt a raw tracepoint's program, it leaves that out for all other tasks
 * of the CPU until the first goes on: half of the events under load, on 7.2. The classic tracepoint
 * costs a little more and is never preempted. Kernels that preempt nobody do without.
 */
static bool may_preempt(void)
{
	struct utsname name;

	return !uname(&name) && strstr(name.version, "PREEMPT");
}

void select_prepare(struct events_bpf *skel, struct provider *p, __u32 events,
		    const enum kind kinds[KIND_COUNT + 1], bool tree)
{
	struct bpf_program *prog;
	bool on;

	bpf_object__for_each_program(prog, skel->obj)
	{
		const char *name = bpf_program__name(prog);

		on = ((!strcmp(name, "hook_sys_exit") || tells_calls(name)) &&
		      listed(kinds, KIND_TP)) ||
		     (!strncmp(name, "hook_tree_", 10) && tree);
		for (int h = 1; h < HOOK_COUNT; h++) {
			if ((feature_events[hooks[h].feature] | also(hooks[h].feature)) & events &&
			    !strcmp(name, hook_programs[h]))
				on = true;
		}
		bpf_program__set_autoload(prog, on);
	}
	skel->rodata->nargs_inet_csk_accept = count(p, "inet_csk_accept");
#define FN(name, arg)                                                                              \
	skel->rodata->nargs_##name = count(p, #name);                                              \
	skel->rodata->arg_##name = at_least_0(provider_arg(p, #name, arg));
#include "Events/functions.def"
#undef FN
	skel->rodata->exit_has_group_dead = count(p, "btf_trace_sched_process_exit") > 1;
	skel->rodata->vfs_mkdir_dentry = provider_returns_pointer(p, "vfs_mkdir");
	skel->rodata->asked_events = events;
	if (listed(kinds, KIND_TP) && may_preempt())
		skel->rodata->calls_by_perf = provider_calls_by_perf(p);
}

static void detach_kind(struct provider *p, enum feature f, enum kind kind)
{
	for (int h = 1; h < HOOK_COUNT; h++) {
		if (hooks[h].feature == f && hooks[h].kind == kind)
			provider_detach(p, hook_programs[h]);
	}
}

/* All hooks of that kind, or none. */
static int attach_kind(struct provider *p, enum feature f, enum kind kind)
{
	int ret = KIND_NO_HOOK;

	for (int h = 1; h < HOOK_COUNT; h++) {
		if (hooks[h].feature != f || hooks[h].kind != kind)
			continue;
		ret = provider_attach(p, hook_programs[h]);
		if (!ret)
			ret = attach_common(p, h);
		if ((ret == -ESRCH || ret == -ENOENT) && hooks[h].optional)
			ret = 0; /* no such function, to a trampoline and to a kprobe */
		if (ret)
			break;
	}
	if (ret)
		detach_kind(p, f, kind);
	return ret;
}

/* Puts the programs that came this way behind the tracepoint, then the tracepoint itself. */
static int route_calls(struct events_bpf *skel, struct provider *p)
{
	bool any = false;
	int fd, ret;

	/* Closing is seen by state changes, for connections that these two have seen begin. */
	if (provider_prog_fd(p, "hook_state_tp") >= 0) {
		provider_attach(p, "hook_connect_tp");
		provider_attach(p, "hook_accept_tp");
	}
	for (__u32 s = 1; s < SLOT_COUNT; s++) {
		fd = provider_prog_fd(p, slot_programs[s]);
		if (fd < 0)
			continue;
		ret = bpf_map_update_elem(bpf_map__fd(skel->maps.slots), &s, &fd, 0);
		if (ret)
			return ret;
		for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
			if (calls[i].route.slot != s)
				continue;
			skel->bss->routes[calls[i].nr] = calls[i].route;
			any = true;
		}
	}
	return any ? provider_attach(p, "hook_sys_exit") : 0;
}

int select_attach(struct events_bpf *skel, struct provider *p, __u32 events,
		  const enum kind kinds[KIND_COUNT + 1], bool all,
		  struct feature_state states[FEATURE_COUNT], __u32 *got)
{
	int ret, last = -ENOENT;

	*got = 0;
	for (int f = 0; f < FEATURE_COUNT; f++) {
		struct feature_state *s = &states[f];

		s->chosen = KIND_NONE;
		for (int k = 0; k < KIND_COUNT; k++)
			s->error[k] = KIND_UNTRIED;
		if (!(feature_events[f] & events))
			continue;
		for (const enum kind *k = kinds; *k != KIND_NONE; k++) {
			if (s->chosen != KIND_NONE && !all)
				break;
			ret = s->error[*k] = attach_kind(p, f, *k);
			if (ret < 0)
				last = ret;
			if (!ret && s->chosen == KIND_NONE)
				s->chosen = *k;
			else if (!ret)
				detach_kind(p, f, *k);
		}
		if (s->chosen != KIND_NONE)
			*got |= feature_events[f] & events;
	}
	if (!*got)
		return last;
	ret = route_calls(skel, p);
	return ret;
}

const char *hook_source(const struct provider *p, enum hook hook)
{
	const char *section = provider_section(p, hook_programs[hook]);

	if (section && !strncmp(section, "tail/", 5))
		return provider_by_perf(p) ? "tracepoint/raw_syscalls/sys_exit" : "raw_tp/sys_exit";
	return section;
}

bool feature_names_files(enum feature f)
{
	for (int h = 1; h < HOOK_COUNT; h++) {
		if (hooks[h].feature != f || hooks[h].kind != KIND_TP)
			continue;
		for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
			if (calls[i].route.path &&
			    !strcmp(slot_programs[calls[i].route.slot], hook_programs[h]))
				return true;
		}
	}
	return false;
}

__u64 select_missed(const struct provider *p, __u64 missed[EVENT_COUNT])
{
	for (int h = 1; h < HOOK_COUNT; h++)
		missed[__builtin_ctz(feature_events[hooks[h].feature])] +=
			provider_missed(p, hook_programs[h]);
	return provider_missed(p, "hook_sys_exit");
}
