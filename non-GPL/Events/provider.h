/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loads and attaches BPF programs one by one, so that a kernel which refuses one costs only that
 * one. libbpf relocates a whole object as usual, but none of its programs reaches the kernel in
 * that: each is kept here, and loaded when somebody wants it. Used by the tracer and the kill hook.
 *
 *	provider_new(&p, err)          before the skeleton is opened: takes over the SEC() names
 *	skel = x_bpf__open()           set rodata (provider_nargs), map sizes, autoload
 *	provider_load(p, skel->skeleton)    maps are made, programs are relocated and kept
 *	provider_attach(p, "name")     load + attach; 0 or the kernel's own -errno; try the next
 *best provider_link_fd(p, "name")    to pin it provider_free(p)               detaches everything
 *that is not pinned
 *
 * SEC() names: fentry/F fexit/F fmod_ret/F lsm/HOOK tp_btf/T raw_tp/T kprobe/F kretprobe/F, and
 * tail/… for a program that is only reached by tail call from a raw_tp one (loaded, not attached).
 */
#pragma once

#include <stdbool.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "HostIsolation/error.h"

struct provider;

/* -ENOENT with one line when the kernel has no BTF. One provider at a time may be between
 * provider_new() and provider_load(): libbpf's table of SEC() handlers is the process's. */
int provider_new(struct provider **out, struct error *err);
void provider_free(struct provider *p);

/* x_bpf__load() in which every program of a known SEC() is kept back. */
int provider_load(struct provider *p, struct bpf_object_skeleton *skeleton, struct error *err);

/* Loads and attaches. -ENOENT: no such program (or autoload was off); -ESRCH: the function or
 * tracepoint is not in this kernel's BTF; else what bpf(2) or perf_event_open(2) said. Attaching
 * twice is one attachment. */
int provider_attach(struct provider *p, const char *prog);
/* Undoes provider_attach(): the link is closed, the program unloaded. */
void provider_detach(struct provider *p, const char *prog);
/* Hears of every load: the section, the outcome, and of a refusal the end of the verifier's log. */
void provider_listen(struct provider *p, void (*say)(const char *text));

/*
 * How often the kernel left an attached program out because the same program was running on that
 * CPU already: preempted in it (fentry and the like may be), or called from within it. 0 where the
 * kernel does not count it (before 5.12).
 */
unsigned long long provider_missed(const struct provider *p, const char *prog);

/*
 * From here on raw_tp/sys_enter, raw_tp/sys_exit and tail/… are loaded and attached as the classic
 * tracepoints raw_syscalls/…, which no kernel preempts: a raw one may be, since 7.0, and the kernel
 * leaves it out for every other task of that CPU meanwhile. The context is another. false: this
 * kernel does not take it, and nothing changes. Before provider_load().
 */
bool provider_calls_by_perf(struct provider *p);
bool provider_by_perf(const struct provider *p); /* is it so? */

/* Does this kernel take fentry programs at all? Tried with one that does nothing. */
bool provider_trampolines(struct provider *p);

/* The kernel's own types; owned by the provider. */
const struct btf *provider_btf(const struct provider *p);

/* Has the verifier found fault with a program so far? */
bool provider_rejected(const struct provider *p);

/* -1 when not attached (or of a tail/ program). Owned by the provider. */
int provider_prog_fd(const struct provider *p, const char *prog);
int provider_link_fd(const struct provider *p, const char *prog);
/* "fentry/security_file_open"; NULL when unknown. */
const char *provider_section(const struct provider *p, const char *prog);

/* How many arguments the kernel function has by BTF; -ESRCH. For "btf_trace_…" typedefs: those of
 * the tracepoint. */
int provider_nargs(const struct provider *p, const char *function);
/* The number of the argument of that name, from 0; -ESRCH. */
int provider_arg(const struct provider *p, const char *function, const char *arg);
/* Does the function return a pointer? */
bool provider_returns_pointer(const struct provider *p, const char *function);
