// SPDX-License-Identifier: BSD-2-Clause
/* hostiso allow, hostiso deny: one grammar, one way in, all or nothing. Both work before isolate,
 * too. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "HostIsolation/backstop.h"
#include "HostIsolation/cleanup.h"
#include "HostIsolation/duration.h"
#include "HostIsolation/entryfile.h"
#include "HostIsolation/grantargs.h"
#include "HostIsolation/resolve.h"
#include "HostIsolation/sshguard.h"
#include "HostIsolation/verbs.h"

enum {
	OPT_FOR = 0x100,
	OPT_COMMENT,
	OPT_CUT_SSH,
	OPT_PID,
	OPT_TREE,
	OPT_EXE,
	OPT_CGROUP,
	OPT_UNIT
};

/* clang-format off */
#define GRANT_OPTIONS                                                                              \
	{"pid", OPT_PID, "PID", 0, "this process's TCP and UDP sockets, until it exits", 1},       \
	{"tree", OPT_TREE, NULL, 0, "with --pid: and its children, those to come too", 1},         \
	{"exe", OPT_EXE, "PATH", 0, "the processes that run this file, those to come too", 1},     \
	{"cgroup", OPT_CGROUP, "PATH", 0, "the processes of this cgroup v2 and of those below", 1},\
	{"unit", OPT_UNIT, "NAME", 0, "the processes of this systemd service", 1}
/* clang-format on */

static const struct argp_option allow_options[] = {
	{"file", 'f', "FILE", 0, "one ENTRY a line, # comments; all or nothing", 0},
	{"for", OPT_FOR, "DURATION", 0, "only for this time: 90s, 15m, 4h, 2d", 0},
	{"comment", OPT_COMMENT, "TEXT", 0, "why; shown by list", 0},
	GRANT_OPTIONS,
	{},
};

static const struct argp_option deny_options[] = {
	{"file", 'f', "FILE", 0, "one ENTRY a line, # comments; all or nothing", 0},
	{"cut-ssh", OPT_CUT_SSH, NULL, 0, "even when it cuts the SSH connection you are on", 0},
	GRANT_OPTIONS,
	{},
};

struct arguments {
	struct common common;
	struct entry_vec entries;
	struct grant_args grants;
	struct error error;
	uint64_t for_ns;
	const char *comment;
	enum ssh_choice ssh;
	bool any;
};

static int parse_value(int key, char *arg, struct arguments *a)
{
	struct entry e;
	int ret;

	switch (key) {
	case ARGP_KEY_ARG:
		a->any = true;
		ret = entry_parse(arg, &e, &a->error);
		return ret < 0 ? ret : entry_vec_push(&a->entries, &e);
	case 'f':
		a->any = true;
		return entries_read(arg, &a->entries, &a->error);
	case OPT_FOR:
		return duration_parse(arg, &a->for_ns, &a->error);
	case OPT_COMMENT:
		a->comment = arg;
		if (strlen(arg) >= sizeof(((struct origin *)0)->comment))
			return fail(&a->error, -EINVAL,
				    "the comment is too long: %zu bytes at most",
				    sizeof(((struct origin *)0)->comment) - 1);
		return 0;
	case OPT_PID:
		return grant_args_add(&a->grants, GRANT_OPT_PID, arg, &a->error);
	case OPT_EXE:
		return grant_args_add(&a->grants, GRANT_OPT_EXE, arg, &a->error);
	case OPT_CGROUP:
		return grant_args_add(&a->grants, GRANT_OPT_CGROUP, arg, &a->error);
	case OPT_UNIT:
		return grant_args_add(&a->grants, GRANT_OPT_UNIT, arg, &a->error);
	}
	return ARGP_ERR_UNKNOWN;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->common;
		return 0;
	case OPT_CUT_SSH:
		a->ssh = SSH_CUT;
		return 0;
	case OPT_TREE:
		a->grants.tree = true;
		return 0;
	}
	if (a->error.text[0] && arg)
		return 0;
	return parse_value(key, arg, a) == ARGP_ERR_UNKNOWN ? ARGP_ERR_UNKNOWN : 0;
}

static int add(struct session *s, struct arguments *a, const struct entry_vec *entries,
	       struct error *err)
{
	_cleanup_(allowlist_free) struct allowlist list = {};
	__u64 until = a->for_ns ? boot_ns() + a->for_ns : FOREVER;
	int ret = bank_load(&s->maps, &s->pins, &list, err);

	if (ret == 0) {
		allowlist_expire(&list, boot_ns());
		ret = additions_apply(&list, entries, a->comment, until, err);
	}
	if (ret == 0)
		ret = bank_store(&s->maps, &s->pins, &list, err);
	return ret < 0 ? ret : backstop_allow(s, &list, err);
}

/* What is not there is denied already. */
static int remove_entries(struct allowlist *list, const struct entry_vec *entries, size_t *gone,
			  struct error *err)
{
	_cleanup_free_ struct entry_key *keys = calloc(entries->count + 1, sizeof(*keys));

	if (!keys)
		return fail(err, -ENOMEM, "out of memory; nothing was changed");
	for (size_t i = 0; i < entries->count; i++)
		keys[i] = entries->items[i].key;
	*gone = allowlist_remove_keys(list, keys, entries->count);
	return 0;
}

static int take_off(struct session *s, struct arguments *a, const struct entry_vec *entries,
		    size_t *gone, struct error *err)
{
	_cleanup_(allowlist_free) struct allowlist list = {};
	struct kept_key keys[KEPT_MAX];
	size_t kept;
	int ret = bank_load(&s->maps, &s->pins, &list, err);

	if (ret == 0)
		ret = remove_entries(&list, entries, gone, err);
	if (ret == 0 && isolation_state(&s->maps) == STATE_ISOLATED)
		ret = ssh_guard_check(&list, &s->maps, a->ssh, keys, &kept, err);
	if (ret == 0)
		allowlist_expire(&list, boot_ns());
	if (ret == 0)
		ret = backstop_allow(s, &list, err);
	if (ret < 0)
		return ret;
	ret = bank_store(&s->maps, &s->pins, &list, err);
	if (ret < 0)
		backstop_install(s, NULL);
	return ret;
}

static void say_grants(const struct grant_done *d)
{
	if (!d->grants)
		return;
	printf("granted: %u (%u process%s, %u socket%s open already)", d->grants, d->tasks,
	       d->tasks == 1 ? "" : "es", d->sockets, d->sockets == 1 ? "" : "s");
	if (d->was)
		printf(", %u of them anew", d->was);
}

static void say_state(const struct session *s)
{
	enum isolation_state state = s->have_maps ? isolation_state(&s->maps) : STATE_OFF;

	if (state == STATE_AUDIT)
		printf("; auditing, nothing is dropped");
	else if (state != STATE_ISOLATED)
		printf("; this host is not isolated");
	printf("\n");
}

static void say_allowed(const struct session *s, size_t entries, const struct grant_done *d)
{
	if (entries || !d->grants)
		printf("allowed: %zu entr%s%s", entries, entries == 1 ? "y" : "ies",
		       d->grants ? "; " : "");
	say_grants(d);
	say_state(s);
}

static void say_denied(const struct session *s, const struct arguments *a, size_t asked,
		       size_t gone, size_t ended)
{
	if (asked || !a->grants.count)
		printf("denied: %zu entr%s", gone, gone == 1 ? "y" : "ies");
	if (gone < asked)
		printf(" (%zu of %zu were not on the allowlist)", asked - gone, asked);
	if (a->grants.count)
		printf("%s%zu grant%s ended%s", asked ? "; " : "denied: ", ended,
		       ended == 1 ? "" : "s", ended ? "" : " (there was none of that; see list)");
	say_state(s);
}

/* Both kinds or none: a grant can be taken back, the allowlist is stored in one go. */
static int do_allow(struct session *s, struct arguments *a, const struct entry_vec *entries,
		    struct error *err)
{
	__u64 until = a->for_ns ? boot_ns() + a->for_ns : FOREVER;
	struct grant_done done = {};
	int ret = 0;

	if (a->grants.count)
		ret = grant_args_allow(s, &a->grants, until, a->comment, &done, err);
	if (ret == 0 && (entries->count || !a->grants.count)) {
		ret = add(s, a, entries, err);
		if (ret < 0)
			grant_args_undo(s, &done);
	}
	if (ret == 0)
		say_allowed(s, entries->count, &done);
	return ret;
}

/* A session that the allowlist does not admit lives by a grant: maybe by the one that ends now. */
static int check_own_session(struct session *s, struct arguments *a, struct error *err)
{
	_cleanup_(allowlist_free) struct allowlist list = {};
	struct kept_key keys[KEPT_MAX];
	size_t kept;
	int ret;

	if (isolation_state(&s->maps) != STATE_ISOLATED)
		return 0;
	ret = bank_load(&s->maps, &s->pins, &list, err);
	return ret < 0 ? ret : ssh_guard_check(&list, &s->maps, a->ssh, keys, &kept, err);
}

static int do_deny(struct session *s, struct arguments *a, const struct entry_vec *entries,
		   struct error *err)
{
	size_t gone = 0, ended = 0;
	int ret = 0;

	if (s->have_maps && a->grants.count)
		ret = check_own_session(s, a, err);
	if (ret == 0 && s->have_maps && (entries->count || !a->grants.count))
		ret = take_off(s, a, entries, &gone, err);
	if (ret == 0 && s->have_maps && a->grants.count)
		ret = grant_args_deny(s, &a->grants, &ended, err);
	if (ret == 0)
		say_denied(s, a, entries->count, gone, ended);
	return ret;
}

static int check_arguments(struct arguments *a, bool allow)
{
	struct error *err = &a->error;

	if (!err->text[0] && !a->any && !a->grants.count)
		fail(err, -EINVAL,
		     "say what to %s: an ENTRY such as 10.0.0.5, -f FILE, or a process (--pid, --exe, --cgroup, --unit)",
		     allow ? "allow" : "deny");
	if (!err->text[0] && a->grants.tree && !a->grants.count)
		fail(err, -EINVAL, "--tree goes with --pid");
	return err->text[0] ? -EINVAL : need_root(err);
}

static int change(struct arguments *a, bool allow)
{
	struct session s = SESSION_INIT;
	struct entry_vec resolved = {};
	struct error *err = &a->error;
	int ret = check_arguments(a, allow);

	/* names are resolved before anything is made or locked */
	if (ret == 0)
		ret = entries_resolve(&a->entries, &resolved, err);
	if (ret == 0)
		ret = session_open(&s, &a->common, allow ? SESSION_MAKE : SESSION_CHANGE, err);
	if (ret == 0 && s.maps.nft_backend && a->grants.count)
		ret = fail(
			err, -EINVAL,
			"this host is isolated by nftables alone, which cannot tell processes apart: grants need BPF; allow an address instead");
	if (ret == 0)
		ret = allow ? do_allow(&s, a, &resolved, err) : do_deny(&s, a, &resolved, err);
	if (ret < 0)
		session_undo(&s);
	session_close(&s);
	entry_vec_free(&resolved);
	entry_vec_free(&a->entries);
	return ret < 0 ? complain(err, misuse_or_failure(ret)) : EXIT_DONE;
}

int cmd_allow(int argc, char **argv)
{
	const struct argp argp = {
		.options = allow_options,
		.parser = parse,
		.children = COMMON_CHILDREN,
		.args_doc = "[ENTRY...]",
		.doc = "Add to the allowlist: [in:|out:]ADDR[/LEN][:PORT[-PORT][/PROTO]] or a host name; or grant processes whatever peer they talk to. Before isolate, both wait.\vA grant is of sockets: TCP and UDP ones that a granted process made, bound, connected or sent with, or had open when it was granted, and what a granted listening socket accepts. Whoever is handed such a socket uses it as granted; another process's sockets stay blocked, whatever they connect to. --pid ends when that process exits (with --tree too), --exe, --cgroup and --unit when they are denied; all with --for, and what they held is blocked at once.",
	};
	struct arguments a = {};

	return verb_parse(&argp, argc, argv, &a, &a.common) ? EXIT_MISUSED : change(&a, true);
}

int cmd_deny(int argc, char **argv)
{
	const struct argp argp = {
		.options = deny_options,
		.parser = parse,
		.children = COMMON_CHILDREN,
		.args_doc = "[ENTRY...]",
		.doc = "Take entries off the allowlist again, or end grants, written as they were allowed.",
	};
	struct arguments a = {};

	return verb_parse(&argp, argc, argv, &a, &a.common) ? EXIT_MISUSED : change(&a, false);
}
