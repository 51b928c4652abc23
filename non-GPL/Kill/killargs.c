// SPDX-License-Identifier: BSD-2-Clause
/* The options of `hostiso kill chmod`, parsed; nothing is done here, and only the first mistake is
 * told. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include "HostIsolation/duration.h"
#include "Kill/killargs.h"
#include "Kill/killhooks.h"

enum {
	OPT_PATH = 0x100,
	OPT_ADDS,
	OPT_MODE,
	OPT_TYPE,
	OPT_OWNER,
	OPT_UID,
	OPT_EXE,
	OPT_COMM,
	OPT_CGROUP,
	OPT_TREE,
	OPT_ANY,
	OPT_CREATED,
	OPT_AUDIT,
	OPT_ENFORCE,
	OPT_DENY,
	OPT_SIGNAL,
	OPT_THREAD,
	OPT_REVERT,
	OPT_FOR,
	OPT_MAX,
	OPT_INITS,
	OPT_PROVIDER,
};

static const struct argp_option options[] = {
	{NULL, 0, NULL, 0, "Which change of a mode (values of one option are alternatives):", 1},
	{"path", OPT_PATH, "PATH", 0, "of this file, or of what lies below this directory", 1},
	{"adds", OPT_ADDS, "xws", 0,
	 "that adds: x any execute bit, w write for others, s setuid or setgid", 1},
	{"mode", OPT_MODE, "MASK", 0, "that adds one of these bits (octal)", 1},
	{"type", OPT_TYPE, "fdpsbc", 0, "of these types, as find(1) calls them (f)", 1},
	{"owner", OPT_OWNER, "UID", 0, "of a file that belongs to this user", 1},
	{"created", OPT_CREATED, NULL, 0, "also of files created with such a mode", 1},
	{NULL, 0, NULL, 0, "By whom:", 2},
	{"uid", OPT_UID, "UID", 0, "processes of this real uid", 2},
	{"exe", OPT_EXE, "FILE", 0, "processes that run this file (its inode)", 2},
	{"comm", OPT_COMM, "NAME", 0, "processes of this name, which they can choose", 2},
	{"cgroup", OPT_CGROUP, "PATH", 0, "processes in this cgroup v2, or below", 2},
	{"tree", OPT_TREE, "PID", 0, "this process, and all that descend from it", 2},
	{"any", OPT_ANY, NULL, 0, "everybody but children of pid 1, if nothing else is asked", 2},
	{NULL, 0, NULL, 0, "What then:", 3},
	{"audit", OPT_AUDIT, NULL, 0, "only say so (this is the default)", 3},
	{"enforce", OPT_ENFORCE, NULL, 0, "refuse where the kernel can, and kill", 3},
	{"deny-only", OPT_DENY, NULL, 0, "with --enforce: refuse, and let the process live", 3},
	{"signal", OPT_SIGNAL, "NAME", 0, "with --enforce: this signal (KILL)", 3},
	{"thread", OPT_THREAD, NULL, 0, "with --enforce: to the thread, not the process", 3},
	{"revert", OPT_REVERT, NULL, 0,
	 "'hostiso kill watch' puts the old mode back where it was too late to refuse", 3},
	{"max-kills", OPT_MAX, "N[/second]", 0,
	 "more than this in a second, and the rule falls back to audit (100; 0: never)", 3},
	{"container-inits", OPT_INITS, NULL, 0, "pid 1 of a container may be killed, too", 3},
	{"for", OPT_FOR, "DURATION", 0, "end by itself, in the kernel: 90s, 15m, 4h, 2d", 3},
	{"provider", OPT_PROVIDER, "WAY", 0, "fmod_ret, lsm, fexit, syscall; else the best one", 4},
	{},
};

int kill_number_parse(const char *text, __u64 max, __u64 *out, const char *what, struct error *err)
{
	char *end;

	errno = 0;
	*out = strtoull(text, &end, 10);
	if (errno || *end || text[0] < '0' || text[0] > '9' || *out > max)
		return fail(err, -EINVAL, "%s '%.40s': give a number up to %llu", what, text, max);
	return 0;
}

int kill_signal_parse(const char *text, int *out, struct error *err)
{
	const char *name = strncasecmp(text, "SIG", 3) ? text : text + 3;
	char *end;
	long n = strtol(text, &end, 10);

	if (end != text && !*end && n > 0 && n < 32) {
		*out = n;
		return 0;
	}
	for (int i = 1; i < 32; i++) {
		if (!sigabbrev_np(i) || strcasecmp(sigabbrev_np(i), name))
			continue;
		*out = i;
		return 0;
	}
	return fail(err, -EINVAL, "'%.40s' is no signal; say KILL, TERM, STOP, or see kill -l",
		    text);
}

int kill_adds_parse(const char *text, __u32 *bits, struct error *err)
{
	__u32 found = 0;

	for (const char *c = text; *c; c++) {
		if (*c == 'x')
			found |= 0111;
		else if (*c == 'w')
			found |= 0002;
		else if (*c == 's')
			found |= 06000;
		else if (*c != ',')
			found = 010000;
		if (found & 010000)
			break;
	}
	if (!found || found & 010000)
		return fail(err, -EINVAL, "--adds '%.40s': letters out of x, w and s", text);
	*bits |= found;
	return 0;
}

int kill_mask_parse(const char *text, __u32 *bits, struct error *err)
{
	char *end;
	unsigned long mask = strtoul(text, &end, 8);

	if (text[0] < '0' || text[0] > '7' || *end || !mask || mask > 07777)
		return fail(err, -EINVAL, "--mode '%.40s': an octal mask from 1 to 7777", text);
	*bits |= mask;
	return 0;
}

static int parse_types(const char *text, __u32 *types, struct error *err)
{
	static const struct {
		char letter;
		__u32 type;
	} known[] = {{'f', S_IFREG},  {'d', S_IFDIR}, {'p', S_IFIFO},
		     {'s', S_IFSOCK}, {'b', S_IFBLK}, {'c', S_IFCHR}};

	for (const char *c = text; *c; c++) {
		__u32 found = 0;

		for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
			if (known[i].letter == *c)
				found = 1U << (known[i].type >> 12);
		if (!found && *c != ',')
			return fail(err, -EINVAL, "--type '%.40s': letters out of f d p s b c",
				    text);
		*types |= found;
	}
	return *types ? 0 : fail(err, -EINVAL, "--type: letters out of f d p s b c");
}

static int parse_max(const char *text, __u32 *max, struct error *err)
{
	char number[24];
	const char *slash = strchr(text, '/');
	__u64 n;
	int ret;

	if (slash && strcmp(slash, "/second") && strcmp(slash, "/s"))
		return fail(err, -EINVAL, "--max-kills '%.40s': N, or N/second", text);
	snprintf(number, sizeof(number), "%.*s", (int)(slash ? slash - text : 23), text);
	ret = kill_number_parse(number, 1000000, &n, "--max-kills", err);
	*max = n;
	return ret;
}

static int push(struct kill_request *r, __u32 dim, const char *text, __u64 number)
{
	if (r->value_count == KILL_REQUEST_VALUES)
		return fail(&r->error, -E2BIG, "more than %d values in one rule",
			    KILL_REQUEST_VALUES);
	if (!text[0])
		return fail(&r->error, -EINVAL, "an empty value matches nothing");
	r->values[r->value_count++] = (struct kill_value){dim, text, number};
	return 0;
}

static int push_number(struct kill_request *r, __u32 dim, const char *text, __u64 max,
		       const char *what)
{
	__u64 n;
	int ret = kill_number_parse(text, max, &n, what, &r->error);

	return ret < 0 ? ret : push(r, dim, text, n);
}

static int parse_way(const char *text, int *way, struct error *err)
{
	for (int i = 0; i < KILL_WAY_COUNT; i++) {
		if (strcmp(text, kill_way_words[i]))
			continue;
		*way = i;
		return 0;
	}
	return fail(err, -EINVAL, "--provider '%.40s': fmod_ret, lsm, fexit or syscall", text);
}

static int parse_value(int key, const char *arg, struct kill_request *r)
{
	switch (key) {
	case OPT_PATH:
		return push(r, KILL_DIM_PATH, arg, 0);
	case OPT_EXE:
		return push(r, KILL_DIM_EXE, arg, 0);
	case OPT_COMM:
		return push(r, KILL_DIM_COMM, arg, 0);
	case OPT_CGROUP:
		return push(r, KILL_DIM_CGROUP, arg, 0);
	case OPT_OWNER:
		return push_number(r, KILL_DIM_OWNER, arg, 0xfffffffe, "--owner");
	case OPT_UID:
		return push_number(r, KILL_DIM_UID, arg, 0xfffffffe, "--uid");
	case OPT_TREE:
		return push_number(r, KILL_DIM_TREE, arg, 0x7fffffff, "--tree");
	case OPT_ADDS:
		return kill_adds_parse(arg, &r->bits, &r->error);
	case OPT_MODE:
		return kill_mask_parse(arg, &r->bits, &r->error);
	case OPT_TYPE:
		return parse_types(arg, &r->types, &r->error);
	case OPT_SIGNAL:
		return kill_signal_parse(arg, &r->signal, &r->error);
	case OPT_MAX:
		return parse_max(arg, &r->max_kills, &r->error);
	case OPT_FOR:
		return duration_parse(arg, &r->for_ns, &r->error);
	case OPT_PROVIDER:
		return parse_way(arg, &r->way, &r->error);
	}
	return ARGP_ERR_UNKNOWN;
}

/* The option again, for `kill list`. What is too long is cut there, not in the rule. */
static void note(struct kill_request *r, int key, const char *arg)
{
	size_t n = strlen(r->text);

	for (const struct argp_option *o = options; o->name || o->doc; o++) {
		if (o->key != key || key == OPT_FOR || key == OPT_PROVIDER || key == OPT_ENFORCE ||
		    key == OPT_AUDIT)
			continue;
		snprintf(r->text + n, sizeof(r->text) - n, "%s--%s%s%s", n ? " " : "", o->name,
			 arg ? " " : "", arg ?: "");
	}
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct kill_request *r = state->input;
	int ret;

	if (key == ARGP_KEY_INIT) {
		state->child_inputs[0] = &r->common;
		return 0;
	}
	if (key == ARGP_KEY_ARG) {
		if (!r->error.text[0])
			fail(&r->error, -EINVAL,
			     "'%.100s' is left over; a place is named by --path", arg);
		return 0;
	}
	if (key < OPT_PATH || key > OPT_PROVIDER)
		return ARGP_ERR_UNKNOWN;
	/* only the first mistake is told */
	ret = arg && !r->error.text[0] ? parse_value(key, arg, r) : 0;
	r->any |= key == OPT_ANY;
	r->born |= key == OPT_CREATED;
	r->audit |= key == OPT_AUDIT;
	r->enforce |= key == OPT_ENFORCE;
	r->flags |= key == OPT_ENFORCE	? KILL_ENFORCE
		    : key == OPT_DENY	? KILL_DENY_ONLY
		    : key == OPT_THREAD ? KILL_THREAD
		    : key == OPT_REVERT ? KILL_REVERT
		    : key == OPT_INITS	? KILL_CONTAINER_INITS
					: 0;
	if (ret == 0)
		note(r, key, arg);
	return 0;
}

void kill_request_init(struct kill_request *r)
{
	*r = (struct kill_request){.signal = SIGKILL, .way = -1, .max_kills = KILL_MAX_KILLS};
}

int kill_request_check(struct kill_request *r)
{
	__u32 acts = KILL_DENY_ONLY | KILL_THREAD;

	if (!r->types)
		r->types = 1U << (S_IFREG >> 12);
	if (r->audit && r->enforce)
		return fail(&r->error, -EINVAL, "--audit and --enforce exclude each other");
	if (!r->enforce && (r->flags & acts || r->signal != SIGKILL))
		return fail(&r->error, -EINVAL,
			    "--deny-only, --signal and --thread say how to --enforce; add it, or "
			    "leave them away to audit");
	if (r->flags & KILL_DENY_ONLY && (r->flags & KILL_THREAD || r->signal != SIGKILL))
		return fail(&r->error, -EINVAL, "--deny-only sends no signal");
	if (!r->value_count && !r->bits && !r->any)
		return fail(&r->error, -EINVAL,
			    "an empty rule would match every chmod on this host; name a --path, "
			    "what it --adds or who does it; if everybody is meant: --any");
	return 0;
}

const struct argp kill_argp = {
	.options = options,
	.parser = parse,
	.children = (const struct argp_child[]){{&common_argp, 0, "Common options:", 100}, {}},
	.doc = "Arm a rule in the kernel: a process that changes a file's mode so is refused and killed. Without --enforce it only says what it would do.",
};
