/* SPDX-License-Identifier: BSD-2-Clause */
/* What every verb shares: exit codes, the common options, the open pin folder. */
#pragma once

#include <argp.h>
#include "HostIsolation/bank.h"
#include "HostIsolation/maps.h"
#include "HostIsolation/orphans.h"

#define EXIT_DONE 0
#define EXIT_FAILED 1	    /* nothing half-done is left */
#define EXIT_MISUSED 2	    /* nothing was changed */
#define EXIT_NOT_ISOLATED 3 /* status: not or not fully isolated */

#define VERB(word, function, text) int function(int argc, char **argv);
#include "HostIsolation/verbs.def"
#undef VERB

/* Common to all verbs; filled by common_argp, which every verb's argp has as its child. */
struct common {
	const char *pin_dir;
	bool json;
	bool verbose;
	const char *misused; /* a word that the verb does not take */
};

extern const struct argp common_argp;
#define COMMON_CHILDREN                                                                            \
	(const struct argp_child[])                                                                \
	{                                                                                          \
		{&common_argp, 0, "Common options:", 100},                                         \
		{                                                                                  \
		}                                                                                  \
	}

/*
 * argp_parse() that tells a wrong option in one line. `input` is what the verb's parser wants,
 * `common` lies in it or is it. 0, or EXIT_MISUSED when the line is printed.
 */
int verb_parse(const struct argp *argp, int argc, char **argv, void *input, struct common *common);
/* Prints the line and returns `code`. */
int complain(const struct error *err, int code);
/* Exit code for a failure before anything was changed: what the user can mend is a misuse. */
int misuse_or_failure(int ret);
/* One clear line unless we are root. */
int need_root(struct error *err);

/* The pin folder and its maps, as far as they exist. */
struct session {
	struct pins pins;
	struct maps maps;
	bool have_maps;
	bool made;		/* by this command */
	struct orphans orphans; /* -EUCLEAN: what runs on without pins */
};

#define SESSION_INIT                                                                               \
	{                                                                                          \
		.pins = {.lock_fd = -1}, .maps = MAPS_INIT                                         \
	}

#define SESSION_READ 0
#define SESSION_CHANGE 1 /* takes the lock */
#define SESSION_MAKE 2	 /* takes the lock and makes what is missing */

/* 0 also when there is nothing yet (SESSION_READ, SESSION_CHANGE): look at have_maps. -EUCLEAN with
 * a line when pins are missing, or all of them are while our programs run on (`orphans`). */
int session_open(struct session *s, const struct common *common, int mode, struct error *err);
/* The nftables backend, there already or not: for a change. */
int session_open_nft_backend(struct session *s, struct error *err);
void session_close(struct session *s);
/* Removes what this command made, after a failure: not a pin that was there before. */
void session_undo(struct session *s);

enum isolation_state { STATE_OFF, STATE_AUDIT, STATE_ISOLATED, STATE_EXPIRED };
enum isolation_state isolation_state(const struct maps *maps);
enum isolation_state policy_state(const struct policy *p);
/* What programs without pins do: isolate, too, if it cannot be read. */
enum isolation_state orphans_state(const struct orphans *o);

/* Who adds something now, and why. */
void origin_now(struct origin *o, const char *comment);

struct entry_vec;
/* Adds resolved entries to the list with who, when and why. */
int additions_apply(struct allowlist *list, const struct entry_vec *entries, const char *comment,
		    __u64 until, struct error *err);
/* Parses texts (and resolves names) into out; all or nothing. */
int entries_from_text(const char *const *texts, size_t n, struct entry_vec *out, struct error *err);
/* Resolves the names in `in` into out. */
int entries_resolve(const struct entry_vec *in, struct entry_vec *out, struct error *err);

/* text without control bytes or terminal escapes, for printing. */
const char *printable(const char *text, char *buf, size_t size);
