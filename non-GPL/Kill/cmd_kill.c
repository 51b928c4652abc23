// SPDX-License-Identifier: BSD-2-Clause
/*
 * hostiso kill: rules in the kernel against changes of a file's mode. `chmod` arms one, `list` says
 * what is armed and what it did, `remove` and `clear` end it, `spare` lists who is let be, `watch`
 * prints matches.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "HostIsolation/duration.h"
#include "HostIsolation/process.h"
#include "Kill/killargs.h"
#include "Kill/killguards.h"
#include "Kill/killhooks.h"
#include "Kill/killrules.h"
#include "Kill/killverbs.h"

static const struct {
	const char *word;
	int (*run)(int argc, char **argv);
	const char *text;
} subs[] = {
	{"chmod", kill_chmod, "arm a rule: audit first, --enforce to refuse and kill"},
	{"list", kill_list, "show the rules, which way they are armed, and what they did"},
	{"remove", kill_remove, "end one rule: hostiso kill remove ID"},
	{"clear", kill_clear, "end all rules and leave no trace of them"},
	{"spare", kill_spare, "show or change which programs are never killed"},
	{"watch", kill_watch, "print matches as JSON, one a line, until ended"},
};

#define SUBS (sizeof(subs) / sizeof(*subs))

static int usage(FILE *to, int code)
{
	fprintf(to, "Usage: hostiso kill WORD [OPTIONS]\n"
		    "Rules in the kernel against processes that change a file's mode.\n\n");
	for (size_t i = 0; i < SUBS; i++)
		fprintf(to, "  %-8s %s\n", subs[i].word, subs[i].text);
	fprintf(to, "\n'hostiso kill WORD --help' tells its options.\n");
	return code;
}

int cmd_kill(int argc, char **argv)
{
	static char name[64], word[64];

	if (argc < 2)
		return usage(stderr, EXIT_MISUSED);
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "-?"))
		return usage(stdout, EXIT_DONE);
	for (size_t i = 0; i < SUBS; i++) {
		if (strcmp(argv[1], subs[i].word))
			continue;
		snprintf(name, sizeof(name), "hostiso kill %s", subs[i].word);
		argv[1] = name;
		return subs[i].run(argc - 1, argv + 1);
	}
	fprintf(stderr, "hostiso: there is no 'kill %s'; 'hostiso kill --help' lists what is\n",
		printable(argv[1], word, sizeof(word)));
	return EXIT_MISUSED;
}

static void say(const char *text)
{
	fputs(text, stderr);
}

static int arm(struct kill_store *s, struct kill_request *r, struct kill_armed *armed, __u32 *slot)
{
	int ret = process_check_namespace(NULL);

	if (ret < 0)
		return fail(&r->error, ret,
			    "kill rules know processes by the host's own pids, and this is a "
			    "container's pid namespace; run it on the host");
	if (s->made)
		ret = kill_guards_fill(s, &r->error);
	if (ret == 0)
		ret = kill_guards_session(s, &r->error);
	if (ret == 0)
		ret = kill_hooks_arm(s, r->way, armed, &r->error);
	if (ret == 0 && r->flags & KILL_DENY_ONLY && !armed->refuses)
		ret = fail(&r->error, -ENOTSUP,
			   "this kernel cannot refuse a chmod (armed by %s); without --deny-only "
			   "the process is killed after it",
			   kill_way_words[armed->way]);
	for (size_t i = 0; ret == 0 && i < r->value_count; i++)
		if (r->values[i].dim == KILL_DIM_TREE && !armed->tree)
			ret = fail(&r->error, -ENOTSUP,
				   "this kernel lets no child be followed: --tree is not possible");
	if (ret == 0 && r->born && !armed->doors[KILL_DOOR_BORN])
		ret = fail(&r->error, -ENOTSUP, "%s does not see files being created",
			   kill_way_words[armed->way]);
	return ret < 0 ? ret : kill_rule_add(s, r, slot, &r->error);
}

/* --revert without who does it would be a promise that nobody keeps. */
static void say_revert(const struct kill_request *r, const struct kill_armed *armed, bool watched)
{
	if (!(r->flags & KILL_REVERT) || !r->enforce)
		return;
	if (armed->refuses)
		fprintf(stderr,
			"hostiso: nothing will be there to --revert: %s refuses the change\n",
			kill_way_words[armed->way]);
	else if (!watched)
		fprintf(stderr, "hostiso: no mode is put back yet: --revert needs a running "
				"'hostiso kill watch', and there is none\n");
}

static void say_armed(const struct kill_request *r, const struct kill_armed *armed, __u32 id,
		      bool watched)
{
	char rest[DURATION_TEXT_MAX] = "";

	say_revert(r, armed, watched);
	if (r->common.json) {
		printf("{\"rule\": %u, \"mode\": \"%s\", \"provider\": \"%s\", \"refuses\": %s}\n",
		       id, r->enforce ? "enforce" : "audit", kill_way_words[armed->way],
		       armed->refuses ? "true" : "false");
		return;
	}
	printf("rule %u armed by %s: %s\n", id, kill_way_words[armed->way],
	       !r->enforce		   ? "audit, nothing is refused or killed"
	       : r->flags & KILL_DENY_ONLY ? "the change is refused"
	       : armed->refuses		   ? "the change is refused and the process killed"
					   : "the process is killed, after the change");
	if (r->for_ns) {
		duration_format(r->for_ns, rest, sizeof(rest));
		printf("ends by itself in %s\n", rest);
	}
	printf("see what it does: hostiso kill watch, kill list; end it: hostiso kill remove %u\n",
	       id);
}

int kill_chmod(int argc, char **argv)
{
	struct kill_store s = KILL_STORE_INIT;
	struct kill_armed armed;
	struct kill_request r;
	__u32 slot = 0;
	int ret;

	kill_request_init(&r);
	if (verb_parse(&kill_argp, argc, argv, &r, &r.common))
		return EXIT_MISUSED;
	if (r.common.verbose)
		kill_hooks_listen(say);
	ret = r.error.text[0] ? -EINVAL : kill_request_check(&r);
	if (ret == 0)
		ret = kill_store_open(&s, &r.common, SESSION_MAKE, &r.error);
	if (ret == 0) {
		ret = arm(&s, &r, &armed, &slot);
		if (ret < 0 && !kill_rules_count(&s))
			kill_store_remove(&s, NULL);
	}
	if (ret == 0)
		say_armed(&r, &armed, s.state->next_id - 1, kill_watched(&s));
	kill_store_close(&s);
	return ret < 0 ? complain(&r.error, ret == -ENOTSUP ? EXIT_FAILED : misuse_or_failure(ret))
		       : EXIT_DONE;
}

/* A verb of common options and words. */
struct words {
	struct common common;
	const char *items[64], *add, *remove;
	size_t count;
	__u64 uid;
	struct error error;
};

static error_t parse_words(int key, char *arg, struct argp_state *state)
{
	struct words *w = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &w->common;
		return 0;
	case ARGP_KEY_ARG:
		if (w->count == sizeof(w->items) / sizeof(*w->items))
			return ARGP_ERR_UNKNOWN;
		w->items[w->count++] = arg;
		return 0;
	case 'a':
		w->add = arg;
		return 0;
	case 'r':
		w->remove = arg;
		return 0;
	case 'u':
		kill_number_parse(arg, 0xfffffffe, &w->uid, "--uid", &w->error);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

int kill_remove(int argc, char **argv)
{
	const struct argp argp = {.parser = parse_words,
				  .args_doc = "ID...",
				  .doc = "End these rules. With the last one the hook goes, too.",
				  .children = COMMON_CHILDREN};
	struct kill_store s = KILL_STORE_INIT;
	struct words w = {};
	struct error err = {};
	int ret;

	if (verb_parse(&argp, argc, argv, &w, &w.common))
		return EXIT_MISUSED;
	ret = w.count ? kill_store_open(&s, &w.common, SESSION_CHANGE, &err)
		      : fail(&err, -EINVAL, "which rule? hostiso kill list shows their numbers");
	for (size_t i = 0; i < w.count && ret == 0; i++) {
		char *end;
		unsigned long id = strtoul(w.items[i], &end, 10);

		if (*end || !id || w.items[i][0] == '-')
			ret = fail(&err, -EINVAL, "'%.40s' is no rule's number", w.items[i]);
		else
			ret = s.have ? kill_rule_remove(&s, id, &err)
				     : fail(&err, -ENOENT, "no rules are armed");
		if (ret == 0)
			printf(w.common.json ? "{\"ended\": %lu}\n" : "ended: rule %lu\n", id);
	}
	if (ret == 0 && !kill_rules_count(&s))
		ret = kill_store_remove(&s, &err);
	kill_store_close(&s);
	return ret < 0 ? complain(&err, misuse_or_failure(ret)) : EXIT_DONE;
}

int kill_clear(int argc, char **argv)
{
	const struct argp argp = {.doc = "End all rules; nothing of the kill hook stays.",
				  .children = COMMON_CHILDREN};
	struct kill_store s = KILL_STORE_INIT;
	struct common common = {};
	struct error err = {};
	unsigned int had;
	int ret;

	if (verb_parse(&argp, argc, argv, &common, &common))
		return EXIT_MISUSED;
	ret = kill_store_open(&s, &common, SESSION_CHANGE, &err);
	had = s.have ? kill_rules_count(&s) : 0;
	/* broken pins, or another version's, go as well */
	if (ret == 0 || s.pins.lock_fd >= 0) {
		ret = s.pins.lock_fd >= 0 ? kill_store_remove(&s, &err) : 0;
		if (ret == 0)
			printf(common.json ? "{\"ended\": %u}\n" : "ended: %u rules\n", had);
	}
	kill_store_close(&s);
	return ret < 0 ? complain(&err, misuse_or_failure(ret)) : EXIT_DONE;
}

static void print_spared(const char *path, __u32 guard, const struct kill_key *key, void *arg)
{
	printf("%-16s as uid %u, inode %llu on %llu:%llu%s%s\n", kill_guard_words[guard], key->uid,
	       key->a, key->b >> 20, key->b & 0xfffff, path[0] ? "  " : "", path);
}

int kill_spare(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{"add", 'a', "FILE", 0, "spare who runs this file, and what that starts", 0},
		{"remove", 'r', "FILE", 0, "spare it no longer", 0},
		{"uid", 'u', "UID", 0,
		 "as run by this user (0, root); who else runs it is not spared", 0},
		{}};
	const struct argp argp = {
		.options = options,
		.parser = parse_words,
		.doc = "Programs that no rule kills, by inode and the user who runs them, while rules are armed.",
		.children = COMMON_CHILDREN};
	struct kill_store s = KILL_STORE_INIT;
	struct words w = {};
	struct error err = {};
	int ret;

	if (verb_parse(&argp, argc, argv, &w, &w.common))
		return EXIT_MISUSED;
	if (w.error.text[0])
		return complain(&w.error, EXIT_MISUSED);
	ret = kill_store_open(&s, &w.common, w.add || w.remove ? SESSION_CHANGE : SESSION_READ,
			      &err);
	if (ret == 0 && !s.have)
		ret = fail(&err, -ENOENT, "no rules are armed; arm one first, in audit mode");
	if (ret == 0 && w.add)
		ret = kill_guards_add(&s, w.add, w.uid, &err);
	if (ret == 0 && w.remove)
		ret = kill_guards_remove(&s, w.remove, w.uid, &err);
	if (ret == 0)
		ret = kill_guards_each(&s, print_spared, NULL);
	kill_store_close(&s);
	return ret < 0 ? complain(&err, misuse_or_failure(ret)) : EXIT_DONE;
}
