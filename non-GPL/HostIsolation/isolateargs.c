// SPDX-License-Identifier: BSD-2-Clause
/* The options of `hostiso isolate`, parsed; nothing is done here, and only the first mistake is
 * told. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "HostIsolation/duration.h"
#include "HostIsolation/isolateargs.h"

#define LIMIT_MAX 16777216

enum {
	OPT_ALLOW = 0x100,
	OPT_ALLOW_FILE,
	OPT_AUDIT,
	OPT_FOR,
	OPT_CONFIRM,
	OPT_CASE,
	OPT_COMMENT,
	OPT_XDP,
	OPT_TC,
	OPT_DEV,
	OPT_DNS,
	OPT_KEEP_SSH,
	OPT_CUT_SSH,
	OPT_LIMIT,
	OPT_FORCE,
	OPT_RESET,
	OPT_BACKEND,
};

static const struct argp_option options[] = {
	{"allow", OPT_ALLOW, "ENTRY", 0,
	 "keep open: [in:|out:]ADDR[/LEN][:PORT[-PORT][/PROTO]] or a host name", 0},
	{"allow-file", OPT_ALLOW_FILE, "FILE", 0, "keep open: one ENTRY a line, # comments", 0},
	{"dns", OPT_DNS, NULL, 0, "keep open: this host's resolvers, port 53 (UDP and TCP)", 0},
	{"keep-ssh", OPT_KEEP_SSH, NULL, 0,
	 "keep open: the SSH connection you are on, and nothing else of its peer", 0},
	{"cut-ssh", OPT_CUT_SSH, NULL, 0, "cut the SSH connection you are on, too", 0},
	{"for", OPT_FOR, "DURATION", 0,
	 "end the isolation by itself after this time: 90s, 15m, 4h, 2d", 0},
	{"confirm", OPT_CONFIRM, "DURATION", 0,
	 "end it by itself unless 'hostiso confirm' comes in time", 0},
	{"audit", OPT_AUDIT, NULL, 0, "drop nothing, count what would drop", 0},
	{"case", OPT_CASE, "ID", 0, "case number, shown by status", 0},
	{"comment", OPT_COMMENT, "TEXT", 0, "why; shown by status and list", 0},
	{"dev", OPT_DEV, "IFACE", 0, "only this device (repeat for more); all others stay open", 0},
	{"xdp", OPT_XDP, "MODE", 0, "auto (native where the driver has it), native, generic, off",
	 0},
	{"tc", OPT_TC, "WAY", 0, "auto, tcx, clsact", 0},
	{"backend", OPT_BACKEND, "WHICH", 0,
	 "auto (BPF, and nftables alone where BPF is refused), bpf, nft", 0},
	{"limit", OPT_LIMIT, "N", 0, "allowlist entries per family (131072)", 0},
	{"reset-connections", OPT_RESET, "all", OPTION_ARG_OPTIONAL,
	 "end the connections that are cut, so that programs fail at once; =all: in all network namespaces",
	 0},
	{"force", OPT_FORCE, NULL, 0,
	 "isolate even when a device cannot be guarded; status names it", 0},
	{},
};

static int parse_choice(const char *text, const char *const *words, int n, const char *what,
			struct error *err)
{
	for (int i = 0; i < n; i++)
		if (!strcmp(text, words[i]))
			return i;
	return fail(err, -EINVAL, "'%s' is no %s; say auto, or see --help", text, what);
}

static int parse_limit(const char *text, __u64 *limit, struct error *err)
{
	char *end;

	errno = 0;
	*limit = strtoull(text, &end, 10);
	if (errno || *end || text[0] < '0' || text[0] > '9' || !*limit || *limit > LIMIT_MAX)
		return fail(err, -EINVAL, "limit '%s': give a number from 1 to %d", text,
			    LIMIT_MAX);
	return 0;
}

static int parse_text(const char *text, size_t size, const char *what, struct error *err)
{
	return strlen(text) < size ? 0
				   : fail(err, -EINVAL, "the %s is too long: %zu bytes at most",
					  what, size - 1);
}

static int parse_entry(struct isolate_arguments *a, const char *text)
{
	struct entry e;
	int ret = entry_parse(text, &e, &a->error);

	return ret < 0 ? ret : entry_vec_push(&a->entries, &e);
}

static int parse_value(int key, char *arg, struct isolate_arguments *a)
{
	static const char *const xdp[] = {"auto", "native", "generic", "off"};
	static const char *const tc[] = {"auto", "tcx", "clsact"};
	static const char *const backends[] = {"auto", "bpf", "nft"};
	int ret;

	switch (key) {
	case OPT_ALLOW:
		return parse_entry(a, arg);
	case OPT_ALLOW_FILE:
		return entries_read(arg, &a->entries, &a->error);
	case OPT_FOR:
		return duration_parse(arg, &a->for_ns, &a->error);
	case OPT_CONFIRM:
		return duration_parse(arg, &a->confirm_ns, &a->error);
	case OPT_CASE:
		a->case_id = arg;
		return parse_text(arg, sizeof(((struct policy *)0)->case_id), "case", &a->error);
	case OPT_COMMENT:
		a->comment = arg;
		return parse_text(arg, sizeof(((struct policy *)0)->comment), "comment", &a->error);
	case OPT_LIMIT:
		return parse_limit(arg, &a->limit, &a->error);
	case OPT_DEV:
		if (a->guard.device_count == DEVICES_ASKED_MAX)
			return fail(&a->error, -E2BIG, "more than %d times --dev",
				    DEVICES_ASKED_MAX);
		a->guard.devices[a->guard.device_count++] = arg;
		return 0;
	case OPT_XDP:
		ret = parse_choice(arg, xdp, 4, "XDP mode", &a->error);
		a->guard.xdp = ret;
		return ret < 0 ? ret : 0;
	case OPT_BACKEND:
		ret = parse_choice(arg, backends, 3, "backend", &a->error);
		a->backend = ret < 0 ? BACKEND_AUTO : (enum backend)ret;
		return ret < 0 ? ret : 0;
	case OPT_TC:
		ret = parse_choice(arg, tc, 3, "way to attach", &a->error);
		a->guard.tc = ret;
		return ret < 0 ? ret : 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct isolate_arguments *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->common;
		return 0;
	case ARGP_KEY_ARG:
		if (!a->error.text[0])
			fail(&a->error, -EINVAL,
			     "'%s' is left over; to keep an address open say --allow %s", arg, arg);
		return 0;
	case OPT_AUDIT:
		a->audit = true;
		return 0;
	case OPT_DNS:
		a->dns = true;
		return 0;
	case OPT_FORCE:
		a->guard.force = true;
		return 0;
	case OPT_RESET:
		a->reset = true;
		a->reset_all = arg && !strcmp(arg, "all");
		if (arg && !a->reset_all && !a->error.text[0])
			fail(&a->error, -EINVAL, "--reset-connections takes nothing, or =all");
		return 0;
	case OPT_KEEP_SSH:
	case OPT_CUT_SSH:
		a->ssh = key == OPT_KEEP_SSH ? SSH_KEEP : SSH_CUT;
		return 0;
	}
	/* only the first mistake is told; the rest is not even looked at */
	if (a->error.text[0] && arg)
		return 0;
	return parse_value(key, arg, a) == ARGP_ERR_UNKNOWN ? ARGP_ERR_UNKNOWN : 0;
}

const struct argp isolate_argp = {
	.options = options,
	.parser = parse,
	.children = (const struct argp_child[]){{&common_argp, 0, "Common options:", 100}, {}},
	.doc = "Cut this host off the network, both directions, IPv4 and IPv6, but for what is named. A second isolate adds to the first.",
};
