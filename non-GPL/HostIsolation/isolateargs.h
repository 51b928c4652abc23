/* SPDX-License-Identifier: BSD-2-Clause */
/* The options of `hostiso isolate`. */
#pragma once

#include "HostIsolation/entryfile.h"
#include "HostIsolation/guard.h"
#include "HostIsolation/sshguard.h"
#include "HostIsolation/verbs.h"

struct isolate_arguments {
	struct common common;
	struct entry_vec entries; /* parsed; names not yet resolved */
	struct guard_options guard;
	struct error error; /* the first thing wrong with the arguments */
	uint64_t for_ns, confirm_ns;
	__u64 limit;
	const char *case_id, *comment;
	enum ssh_choice ssh;
	enum backend { BACKEND_AUTO, BACKEND_BPF, BACKEND_NFT } backend;
	bool audit, dns, reset, reset_all;
};

/* For verb_parse(), with a struct isolate_arguments as input. What is wrong with a value is said in
 * its `error`. */
extern const struct argp isolate_argp;
