// SPDX-License-Identifier: BSD-2-Clause
/* Sockets to forbidden peers are destroyed, so that programs fail at once instead of hanging. */
#include "HostIsolation/sockdiag.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include "HostIsolation/cleanup.h"
#include "HostIsolation/netns.h"

typedef bool (*keep_fn)(const struct sock_info *s, void *arg);

/* TIME_WAIT is left out: no process waits for it, and there is nothing it could still send. */
#define TCP_STATES_CONNECTED                                                                       \
	(SOCK_STATE(TCP_ESTABLISHED) | SOCK_STATE(TCP_SYN_SENT) | SOCK_STATE(TCP_SYN_RECV) |       \
	 SOCK_STATE(TCP_FIN_WAIT1) | SOCK_STATE(TCP_FIN_WAIT2) | SOCK_STATE(TCP_CLOSE_WAIT) |      \
	 SOCK_STATE(TCP_LAST_ACK) | SOCK_STATE(TCP_CLOSING))

static void judge(const struct sock_info *s, keep_fn keep, void *arg, struct reset_result *res,
		  int *first, struct error *err)
{
	struct error why = {};

	if (address_is_local(s->family, s->peer) > 0)
		return;
	if (keep(s, arg)) {
		res->kept++;
		return;
	}

	int ret = sockdiag_destroy(s, &why);

	if (!ret && s->protocol == IPPROTO_TCP) {
		res->tcp++;
	} else if (!ret) {
		res->udp++;
	} else if (ret == -ENOENT) {
		res->gone++;
	} else {
		res->failed++;
		if (!*first) {
			*first = ret;
			if (err)
				*err = why;
		}
	}
}

int sockdiag_reset(keep_fn keep, void *arg, struct reset_result *res, struct error *err)
{
	struct sock_vec v = {};
	int first = 0;

	*res = (struct reset_result){.namespaces = 1};

	int ret = sockdiag_dump(IPPROTO_TCP, TCP_STATES_CONNECTED, &v, err);

	if (ret)
		return ret;
	if (sockdiag_dump(IPPROTO_UDP, SOCK_STATE(TCP_ESTABLISHED), &v, NULL))
		res->no_udp_diag = true;
	/* not every kernel has UDP-Lite: what cannot be listed cannot have been opened */
	(void)sockdiag_dump(IPPROTO_UDPLITE, SOCK_STATE(TCP_ESTABLISHED), &v, NULL);

	for (size_t i = 0; i < v.count; i++)
		judge(&v.items[i], keep, arg, res, &first, err);
	sock_vec_free(&v);
	return first;
}

struct reset_job {
	keep_fn keep;
	void *arg;
	struct reset_result *sum;
	int first; /* the first failure, in words in *err */
	struct error *err;
};

/* What the child tells: it may have failed at some sockets and still have destroyed others. */
struct child_result {
	int ret;
	struct error err;
	struct reset_result res;
};

static int reset_in_child(int out_fd, void *arg, struct error *err)
{
	const struct reset_job *job = arg;
	struct child_result r = {};

	r.ret = sockdiag_reset(job->keep, job->arg, &r.res, &r.err);
	return write_all(out_fd, &r, sizeof(r));
}

static void note_failure(struct reset_job *job, int ret, const struct error *why)
{
	if (job->first)
		return;
	job->first = ret;
	if (job->err)
		*job->err = *why;
}

static int reset_netns(int netns_fd, __u64 inode, int pid, void *arg)
{
	struct reset_job *job = arg;
	_cleanup_free_ void *data = NULL;
	const struct child_result *r;
	struct error why = {};
	size_t size = 0;
	int ret = netns_run(netns_fd, reset_in_child, job, &data, &size, &why);

	if (ret) {
		note_failure(job, ret, &why);
		return 0; /* the other namespaces still want it */
	}
	if (size != sizeof(*r))
		return 0;
	r = data;
	if (r->ret)
		note_failure(job, r->ret, &r->err);
	job->sum->tcp += r->res.tcp;
	job->sum->udp += r->res.udp;
	job->sum->kept += r->res.kept;
	job->sum->gone += r->res.gone;
	job->sum->failed += r->res.failed;
	job->sum->namespaces += r->res.namespaces;
	job->sum->no_udp_diag |= r->res.no_udp_diag;
	return 0;
}

int sockdiag_reset_all(keep_fn keep, void *arg, struct reset_result *res, struct error *err)
{
	struct reset_job job = {.keep = keep, .arg = arg, .sum = res, .err = err};

	*res = (struct reset_result){};

	int ret = netns_each(reset_netns, &job, err);

	return ret ? ret : job.first;
}
