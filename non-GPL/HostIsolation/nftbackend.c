// SPDX-License-Identifier: BSD-2-Clause
/* The nftables backend's state, as one run of bytes: policy, counts, entries, origins. */
#include "HostIsolation/nftbackend.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <time.h>
#include <bpf/bpf.h>
#include <linux/bpf.h>
#include "HostIsolation/cleanup.h"
#include "HostIsolation/compile.h"
#include "HostIsolation/netlink.h"
#include "HostIsolation/nft.h"

#define LOCK_WAIT_MS 10000
#define LOCK_STEP_MS 20

struct head {
	struct policy policy;
	struct kept_key kept[KEPT_MAX];
	__u64 kept_count, entries, origins;
};

bool nft_backend_there(void)
{
	return nft_kind_now() == NFT_BACKEND;
}

/* The namespace itself is the lock: it is there without anything being made. */
static int lock(struct error *err)
{
	struct timespec step = {.tv_nsec = LOCK_STEP_MS * 1000000L};
	_cleanup_close_ int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	for (int waited = 0; fd >= 0 && waited <= LOCK_WAIT_MS; waited += LOCK_STEP_MS) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return TAKE_FD(fd);
		nanosleep(&step, NULL);
	}
	return fail(err, -EBUSY,
		    "another hostiso changes this host's isolation; try again when it is done");
}

static int parse(struct maps *maps, const void *blob, size_t size, struct error *err)
{
	struct nft_backend *p = maps->nft_backend;
	const struct head *h = blob;
	const struct allow_entry *entries = (const void *)(h + 1);
	const struct origin *origins;

	if (size < sizeof(*h) || h->policy.layout_version != LAYOUT_VERSION ||
	    h->kept_count > KEPT_MAX || h->entries > size / sizeof(*entries) ||
	    h->origins > size / sizeof(*origins) ||
	    size != sizeof(*h) + h->entries * sizeof(*entries) + h->origins * sizeof(*origins))
		return fail(
			err, -EPROTO,
			"what the nftables backend keeps belongs to another version of hostiso; 'hostiso release' removes it");
	origins = (const void *)(entries + h->entries);
	*maps->policy = h->policy;
	memcpy(p->kept, h->kept, sizeof(p->kept));
	p->kept_count = h->kept_count;
	for (size_t i = 0; i < h->origins; i++) {
		__u32 index;
		int ret = allowlist_add_origin(&p->list, &origins[i], &index);

		if (ret < 0)
			return fail(err, ret, "out of memory");
	}
	for (size_t i = 0; i < h->entries; i++) {
		const struct entry_value *v = &entries[i].value;
		int ret = v->origin < h->origins
				  ? allowlist_add(&p->list, &entries[i].key, v->until, v->origin)
				  : -EPROTO;

		if (ret < 0)
			return fail(err, ret, "reading the allowlist: %s", strerror(-ret));
	}
	allowlist_sort(&p->list);
	return 0;
}

int nft_backend_open(struct maps *maps, bool fresh, bool locked, struct error *err)
{
	_cleanup_free_ void *blob = NULL;
	size_t size = 0;
	int ret = 0;

	maps->nft_backend = calloc(1, sizeof(*maps->nft_backend));
	maps->policy = calloc(1, sizeof(*maps->policy));
	if (!maps->nft_backend || !maps->policy)
		return fail(err, -ENOMEM, "out of memory");
	maps->nft_backend->lock_fd = -1;
	*maps->policy = (struct policy){.layout_version = LAYOUT_VERSION, .limit = LIMIT_DEFAULT};
	if (locked) {
		ret = lock(err);
		maps->nft_backend->lock_fd = ret;
	}
	if (ret < 0 || fresh)
		return ret < 0 ? ret : 0;
	ret = nft_backend_blob_read(&blob, &size, err);
	return ret < 0 ? ret : parse(maps, blob, size, err);
}

void nft_backend_close(struct maps *maps)
{
	if (!maps->nft_backend)
		return;
	allowlist_free(&maps->nft_backend->list);
	close_fdp(&maps->nft_backend->lock_fd);
	free(maps->nft_backend);
	free(maps->policy);
	maps->nft_backend = NULL;
	maps->policy = NULL;
}

static void *serialize(const struct maps *maps, const struct allowlist *list, size_t *size)
{
	const struct nft_backend *p = maps->nft_backend;
	struct head *h;
	char *at;

	*size = sizeof(*h) + list->count * sizeof(*list->entries) +
		list->origin_count * sizeof(*list->origins);
	h = calloc(1, *size);
	if (!h)
		return NULL;
	h->policy = *maps->policy;
	memcpy(h->kept, p->kept, sizeof(h->kept));
	h->kept_count = p->kept_count;
	h->entries = list->count;
	h->origins = list->origin_count;
	at = (char *)(h + 1);
	if (list->count)
		memcpy(at, list->entries, list->count * sizeof(*list->entries));
	at += list->count * sizeof(*list->entries);
	if (list->origin_count)
		memcpy(at, list->origins, list->origin_count * sizeof(*list->origins));
	return h;
}

static int install(struct maps *maps, const struct allowlist *list, const int *devices,
		   size_t count, struct error *err)
{
	_cleanup_(compiled_free) struct compiled compiled = {};
	const struct policy *policy = maps->policy;
	_cleanup_free_ void *blob = NULL;
	__u64 now = boot_ns();
	struct nft_policy p = {
		.audit = policy->control & CONTROL_AUDIT,
		.named = policy->control & CONTROL_NAMED,
		.for_ns = !policy->deadline	   ? 0
			  : policy->deadline > now ? policy->deadline - now
						   : 1,
		.allow = &compiled,
		.kept = maps->nft_backend->kept,
		.kept_count = maps->nft_backend->kept_count,
		.guarded = devices,
		.guarded_count = count,
	};
	int ret = compile_allowlist(list, &compiled, err);

	if (ret < 0)
		return ret;
	blob = serialize(maps, list, &p.blob_size);
	if (!blob)
		return fail(err, -ENOMEM, "out of memory");
	p.blob = blob;
	return nft_backend_install(&p, NULL, err);
}

static int copy_list(const struct allowlist *from, struct allowlist *out, struct error *err)
{
	__u32 index;
	int ret = 0;

	for (size_t i = 0; i < from->origin_count && ret == 0; i++)
		ret = allowlist_add_origin(out, &from->origins[i], &index);
	for (size_t i = 0; i < from->count && ret == 0; i++)
		ret = allowlist_add(out, &from->entries[i].key, from->entries[i].value.until,
				    from->entries[i].value.origin);
	allowlist_sort(out);
	return ret < 0 ? fail(err, ret, "cannot copy the allowlist: %s", strerror(-ret)) : 0;
}

static int install_on_guarded(struct maps *maps, const struct allowlist *list, struct error *err)
{
	struct nft_state state = {};
	int ret = nft_state_read(&state, err);

	if (ret == 0)
		ret = install(maps, list, state.guarded, state.guarded_count, err);
	nft_state_free(&state);
	return ret;
}

int nft_backend_store(struct maps *maps, struct allowlist *list, const int *devices, size_t count,
		      struct error *err)
{
	_cleanup_(allowlist_free) struct allowlist stored = {};
	int ret;

	allowlist_sort(list);
	if (allowlist_count(list, AF_INET) > maps->policy->limit ||
	    allowlist_count(list, AF_INET6) > maps->policy->limit)
		return fail(err, -E2BIG, "more than %llu entries of a family: see isolate --limit",
			    maps->policy->limit);
	ret = copy_list(list, &stored, err);
	if (ret == 0)
		ret = devices ? install(maps, list, devices, count, err)
			      : install_on_guarded(maps, list, err);
	if (ret < 0)
		return ret;
	/* what is in force, for who asks next: --reset-connections does */
	allowlist_free(&maps->nft_backend->list);
	maps->nft_backend->list = stored;
	stored = (struct allowlist){};
	return 0;
}

int nft_backend_follow(struct maps *maps, struct error *err)
{
	_cleanup_(link_vec_free) struct link_vec links = {};
	struct nft_state state = {};
	int ret = nft_state_read(&state, err);

	if (ret == 0 && state.torn)
		ret = nft_backend_store(maps, &maps->nft_backend->list, state.guarded,
					state.guarded_count, err);
	if (ret == 0)
		ret = links_dump(&links, err);
	for (size_t i = 0; i < links.count && ret == 0 && !state.named; i++) {
		ret = links.items[i].loopback ? 0 : nft_guard(links.items[i].ifindex, err);
		if (ret == -ENODEV)
			ret = 0;
	}
	nft_state_free(&state);
	return ret;
}

int nft_backend_counters(struct counter out[COUNTER_COUNT])
{
	struct nft_state state = {};
	int ret = nft_state_read(&state, NULL);

	if (ret == 0)
		memcpy(out, state.counters, sizeof(state.counters));
	nft_state_free(&state);
	return ret;
}

bool nft_backend_is_kept(const struct maps *maps, const struct kept_key *key)
{
	const struct nft_backend *p = maps->nft_backend;

	for (size_t i = 0; i < p->kept_count; i++)
		if (!memcmp(&p->kept[i], key, sizeof(*key)))
			return true;
	return false;
}

int nft_backend_copy(const struct maps *maps, struct allowlist *out, struct error *err)
{
	return copy_list(&maps->nft_backend->list, out, err);
}

/* The least there is of both: one map, one program of two instructions. */
int bpf_refused(void)
{
	const struct bpf_insn pass[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	_cleanup_close_ int map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "hostiso_try", 4, 4, 1, NULL);
	_cleanup_close_ int prog = -1;

	if (map < 0)
		return -errno;
	prog = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "hostiso_try", "GPL", pass, 2, NULL);
	return prog < 0 ? -errno : 0;
}
