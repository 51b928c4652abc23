// SPDX-License-Identifier: BSD-2-Clause
/* hostiso confirm: keeps an isolation that `isolate --confirm D` would end. */
#include <stdio.h>
#include "HostIsolation/backstop.h"
#include "HostIsolation/duration.h"
#include "HostIsolation/verbs.h"

static int confirm(struct session *s)
{
	struct policy *p = s->maps.policy;
	struct error err = {};
	char rest[32];

	switch (s->have_maps ? isolation_state(&s->maps) : STATE_OFF) {
	case STATE_OFF:
		fprintf(stderr,
			"hostiso: this host is not isolated: there is nothing to confirm\n");
		return EXIT_FAILED;
	case STATE_EXPIRED:
		fprintf(stderr,
			"hostiso: too late: the isolation has ended by itself; 'hostiso isolate' cuts again\n");
		return EXIT_FAILED;
	default:
		break;
	}
	if (!p->confirm_deadline) {
		printf("nothing to confirm: the isolation stays as it is\n");
		return EXIT_DONE;
	}
	policy_set_deadlines(&s->maps, p->for_deadline, 0);
	if (backstop_deadline(s, &err) < 0)
		return complain(&err, EXIT_FAILED);
	if (p->for_deadline) {
		duration_format(p->for_deadline - boot_ns(), rest, sizeof(rest));
		printf("confirmed: the isolation ends in %s (--for)\n", rest);
	} else {
		printf("confirmed: the isolation stays until 'hostiso release'\n");
	}
	return EXIT_DONE;
}

int cmd_confirm(int argc, char **argv)
{
	const struct argp argp = {.doc = "Keep an isolation that `isolate --confirm D` would end.",
				  .children = COMMON_CHILDREN};
	struct session s = SESSION_INIT;
	struct common common = {};
	struct error err = {};
	int ret;

	if (verb_parse(&argp, argc, argv, &common, &common))
		return EXIT_MISUSED;
	ret = session_open(&s, &common, SESSION_CHANGE, &err);
	ret = ret < 0 ? complain(&err, misuse_or_failure(ret)) : confirm(&s);
	session_close(&s);
	return ret;
}
