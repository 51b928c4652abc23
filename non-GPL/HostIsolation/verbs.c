// SPDX-License-Identifier: BSD-2-Clause
/* What every verb shares: common options, the open pin folder, printing of failures. */
#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "HostIsolation/cleanup.h"
#include "HostIsolation/entryfile.h"
#include "HostIsolation/granthooks.h"
#include "HostIsolation/nftbackend.h"
#include "HostIsolation/progs.h"
#include "HostIsolation/resolve.h"
#include "HostIsolation/verbs.h"
#include "HostIsolation/xskguard.h"
#include "Kill/killlayout.h"

enum { OPT_PIN_DIR = 0x1000, OPT_JSON };

static const struct argp_option common_options[] = {
	{"pin-dir", OPT_PIN_DIR, "DIR", 0,
	 "folder of the pins (" PIN_DIR_DEFAULT ", or HOSTISO_PIN_DIR)", 0},
	{"json", OPT_JSON, NULL, 0, "print state as JSON", 0},
	{"verbose", 'v', NULL, 0, "say what is done and which way was taken", 0},
	{},
};

static error_t parse_common(int key, char *arg, struct argp_state *state)
{
	struct common *c = state->input;

	switch (key) {
	case OPT_PIN_DIR:
		c->pin_dir = arg;
		return 0;
	case OPT_JSON:
		c->json = true;
		return 0;
	case 'v':
		c->verbose = true;
		return 0;
	case ARGP_KEY_INIT:
		/*
		 * Without a stream argp adds no second line to getopt's, and returns. (ARGP_NO_ERRS
		 * would do so too, but makes --help do nothing and go on: `isolate --help`
		 * isolated.)
		 */
		state->err_stream = NULL;
		return 0;
	case ARGP_KEY_ARG: /* the verb did not want it */
		c->misused = arg;
		return ARGP_ERR_UNKNOWN;
	}
	return ARGP_ERR_UNKNOWN;
}

const struct argp common_argp = {.options = common_options, .parser = parse_common};

int misuse_or_failure(int ret)
{
	switch (-ret) {
	case EINVAL:
	case ESRCH:
	case E2BIG:
	case ENOENT:
	case ENODEV:
	case EPERM:
	case EACCES:
	case EISDIR:
	case EFBIG:
	case ENOSYS:
		return EXIT_MISUSED;
	}
	return EXIT_FAILED;
}

int need_root(struct error *err)
{
	return geteuid() == 0 ? 0 : fail(err, -EPERM, "this needs root; try: sudo hostiso …");
}

/* The nftables backend: no pins. */
static int session_nft_backend(struct session *s, bool fresh, int mode, struct error *err)
{
	int ret = nft_backend_open(&s->maps, fresh, mode != SESSION_READ, err);

	s->have_maps = ret == 0;
	return ret;
}

int session_open_nft_backend(struct session *s, struct error *err)
{
	int ret = need_root(err);

	return ret < 0 ? ret : session_nft_backend(s, !nft_backend_there(), SESSION_CHANGE, err);
}

/* Pins are missing: do our programs run on without them? Returns what there is to say of it. */
static int look_for_orphans(struct session *s, int ret, struct error *err)
{
	char more[32] = "";

	if (orphans_find(&s->orphans, NULL) < 0 || !s->orphans.devices)
		return ret;
	if (s->orphans.devices > 1)
		snprintf(more, sizeof(more), " and %u more devices", s->orphans.devices - 1);
	return fail(
		err, -EUCLEAN,
		"there are programs of hostiso on %s%s, but their pins are not in %s (gone, or another --pin-dir's): 'hostiso status' tells what they do, 'hostiso release' ends it",
		s->orphans.device, more, s->pins.dir);
}

/* What an interrupted run left of a set without a policy belongs to no isolation. */
static int make_maps(struct session *s, struct error *err)
{
	int ret;

	s->made = true;
	progs_unpin(&s->pins);
	ret = granthooks_detach(&s->pins, err);
	if (ret == 0)
		ret = xskguard_detach(&s->pins, err);
	if (ret == 0)
		ret = maps_create(&s->maps, &s->pins, err);
	s->have_maps = ret == 0;
	if (ret < 0)
		session_undo(s);
	else
		s->maps.policy->limit = LIMIT_DEFAULT;
	return ret;
}

int session_open(struct session *s, const struct common *common, int mode, struct error *err)
{
	bool make = mode == SESSION_MAKE;
	int ret = need_root(err);

	if (ret == 0 && nft_backend_there())
		return session_nft_backend(s, false, mode, err);
	if (ret == 0)
		ret = pins_open(&s->pins, common->pin_dir, make, err);
	if (ret == 0 && mode != SESSION_READ)
		ret = pins_lock(&s->pins, make, err);
	if (ret == -ENOENT && make)
		return ret;
	if (ret == 0)
		ret = maps_open(&s->maps, &s->pins, err);
	s->have_maps = ret == 0;
	if (ret == -ENOENT || ret == -EUCLEAN)
		ret = look_for_orphans(s, ret, err);
	if (ret == -ENOENT && make)
		ret = make_maps(s, err);
	return ret == -ENOENT ? 0 : ret;
}

void session_close(struct session *s)
{
	maps_close(&s->maps);
	pins_close(&s->pins);
}

void session_undo(struct session *s)
{
	if (s->made && s->pins.lock_fd >= 0)
		pins_remove(&s->pins, KILL_PIN_PREFIX, NULL);
}

enum isolation_state policy_state(const struct policy *p)
{
	if (!(p->control & (CONTROL_ENFORCE | CONTROL_AUDIT)))
		return STATE_OFF;
	if (p->deadline && boot_ns() >= p->deadline)
		return STATE_EXPIRED;
	return p->control & CONTROL_AUDIT ? STATE_AUDIT : STATE_ISOLATED;
}

enum isolation_state isolation_state(const struct maps *maps)
{
	return policy_state(maps->policy);
}

enum isolation_state orphans_state(const struct orphans *o)
{
	if (!o->devices)
		return STATE_OFF;
	return o->readable ? policy_state(&o->policy) : STATE_ISOLATED;
}

/* Who is at the keyboard: the login uid survives sudo and su. */
static void who(struct origin *o)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/self/loginuid", "re");
	const char *sudo = getenv("SUDO_UID");
	unsigned int uid = (unsigned int)-1;
	struct passwd *pw;

	if (!f || fscanf(f, "%u", &uid) != 1 || uid == (unsigned int)-1)
		uid = sudo ? strtoul(sudo, NULL, 10) : getuid();
	o->uid = uid;
	pw = getpwuid(uid);
	snprintf(o->user, sizeof(o->user), "%s", pw ? pw->pw_name : "");
}

void origin_now(struct origin *o, const char *comment)
{
	*o = (struct origin){.added_at = time(NULL)};
	who(o);
	snprintf(o->comment, sizeof(o->comment), "%s", comment ? comment : "");
}

int additions_apply(struct allowlist *list, const struct entry_vec *entries, const char *comment,
		    __u64 until, struct error *err)
{
	__u32 origin = 0;
	struct origin o;
	int ret = 0;

	origin_now(&o, comment);
	for (size_t i = 0; i < entries->count && ret == 0; i++) {
		if (i == 0 || strcmp(o.name, entries->items[i].name)) {
			snprintf(o.name, sizeof(o.name), "%s", entries->items[i].name);
			ret = allowlist_add_origin(list, &o, &origin);
		}
		if (ret == 0)
			ret = allowlist_add(list, &entries->items[i].key, until, origin);
	}
	return ret < 0 ? fail(err, ret, "cannot keep the allowlist: %s", strerror(-ret)) : 0;
}

int entries_resolve(const struct entry_vec *in, struct entry_vec *out, struct error *err)
{
	int ret = 0;

	for (size_t i = 0; i < in->count && ret == 0; i++)
		ret = resolve_entry(&in->items[i], out, err);
	return ret;
}

int entries_from_text(const char *const *texts, size_t n, struct entry_vec *out, struct error *err)
{
	int ret = 0;

	for (size_t i = 0; i < n && ret == 0; i++) {
		struct entry e;

		ret = entry_parse(texts[i], &e, err);
		if (ret == 0)
			ret = resolve_entry(&e, out, err);
	}
	return ret;
}

const char *printable(const char *text, char *buf, size_t size)
{
	text_escape(text, buf, size);
	return buf;
}
