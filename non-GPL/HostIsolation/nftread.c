// SPDX-License-Identifier: BSD-2-Clause
/* What nf_tables holds of ours, asked from the kernel. */
#include "HostIsolation/nftread.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <linux/netfilter/nfnetlink.h>
#include "HostIsolation/cleanup.h"

#define DUMP_TRIES 100

static void mnl_closep(struct mnl_socket **nl)
{
	if (*nl)
		mnl_socket_close(*nl);
}

/* What is asked for: a family's table, and a set of it or NULL. */
struct query {
	int type; /* NFT_MSG_GET… */
	int family;
	int table_attr;
	int set_attr;
	const char *set;
	bool single; /* one object instead of a dump */
	mnl_cb_t each;
	void (*restart)(void *arg);
	void *arg;
};

static int ask_once(const struct query *q, struct mnl_socket *nl)
{
	char buf[65536] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	int ret = 1;

	nlh->nlmsg_type = (__u16)(NFNL_SUBSYS_NFTABLES << 8 | q->type);
	nlh->nlmsg_flags = (__u16)(NLM_F_REQUEST | (q->single ? NLM_F_ACK : NLM_F_DUMP));
	nlh->nlmsg_seq = 1;
	nfg->nfgen_family = (__u8)q->family;
	nfg->version = NFNETLINK_V0;
	mnl_attr_put_strz(nlh, (__u16)q->table_attr, NFT_TABLE);
	if (q->set)
		mnl_attr_put_strz(nlh, (__u16)q->set_attr, q->set);
	if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	while (ret > 0) {
		ssize_t n = mnl_socket_recvfrom(nl, buf, sizeof(buf));

		if (n < 0)
			return -errno;
		ret = mnl_cb_run(buf, (size_t)n, 1, mnl_socket_get_portid(nl), q->each, q->arg);
		if (ret < 0)
			return -errno;
	}
	return 0;
}

/* Without nfnetlink there is no such socket, without nf_tables no such message: then there is
 * nothing of ours either. */
static bool means_none(int ret)
{
	return ret == -ENOENT || ret == -EPROTONOSUPPORT || ret == -EINVAL || ret == -EOPNOTSUPP;
}

static int ask(const struct query *q, struct error *err)
{
	int ret = -EINTR;

	for (int i = 0; i < DUMP_TRIES && ret == -EINTR; i++) {
		/* a new socket: the rest of an interrupted dump goes with the old one */
		_cleanup_(mnl_closep) struct mnl_socket *nl =
			mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);

		if (!nl || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID)) {
			ret = -errno;
			return means_none(ret) ? 0
					       : fail(err, ret, "nf_tables: %s", strerror(-ret));
		}
		if (i)
			q->restart(q->arg);
		ret = ask_once(q, nl);
	}
	if (means_none(ret))
		return 0;
	return ret ? fail(err, ret, "reading nf_tables: %s", strerror(-ret)) : 0;
}

static void collect(const struct nlattr *attr, const struct nlattr **tb, int max)
{
	int type = mnl_attr_get_type(attr);

	if (type <= max)
		tb[type] = attr;
}

static void attrs_of(const struct nlmsghdr *nlh, const struct nlattr **tb, int max)
{
	const struct nlattr *attr;

	mnl_attr_for_each(attr, nlh, sizeof(struct nfgenmsg)) collect(attr, tb, max);
}

static void attrs_in(const struct nlattr *nest, const struct nlattr **tb, int max)
{
	const struct nlattr *attr;

	if (nest)
		mnl_attr_for_each_nested(attr, nest) collect(attr, tb, max);
}

static __u32 get_u32(const struct nlattr *attr)
{
	return attr && mnl_attr_get_payload_len(attr) >= 4 ? ntohl(mnl_attr_get_u32(attr)) : 0;
}

static __u64 get_u64(const struct nlattr *attr)
{
	return attr && mnl_attr_get_payload_len(attr) >= 8 ? be64toh(mnl_attr_get_u64(attr)) : 0;
}

static void get_str(const struct nlattr *attr, char *buf, size_t size)
{
	snprintf(buf, size, "%.*s", attr ? (int)mnl_attr_get_payload_len(attr) : 0,
		 attr ? (const char *)mnl_attr_get_payload(attr) : "");
}

static bool is_our_table(const struct nlattr *attr)
{
	char name[32];

	get_str(attr, name, sizeof(name));
	return !strcmp(name, NFT_TABLE);
}

/* Room for one more item; the vectors all begin alike. */
#define GROW(v)                                                                                    \
	({                                                                                         \
		__typeof__((v)->items) _items = (v)->items;                                        \
		if ((v)->count == (v)->capacity) {                                                 \
			size_t _room = (v)->capacity ? (v)->capacity * 2 : 64;                     \
			_items = realloc((v)->items, _room * sizeof(*_items));                     \
			if (_items) {                                                              \
				(v)->items = _items;                                               \
				(v)->capacity = _room;                                             \
			}                                                                          \
		}                                                                                  \
		_items ? &(v)->items[(v)->count++] : NULL;                                         \
	})

static int take_element(const struct nlattr *nest, struct nft_element_vec *v)
{
	const struct nlattr *tb[NFTA_SET_ELEM_MAX + 1] = {}, *key[NFTA_DATA_MAX + 1] = {};
	struct nft_element *e;

	attrs_in(nest, tb, NFTA_SET_ELEM_MAX);
	attrs_in(tb[NFTA_SET_ELEM_KEY], key, NFTA_DATA_MAX);
	if (!key[NFTA_DATA_VALUE] ||
	    mnl_attr_get_payload_len(key[NFTA_DATA_VALUE]) > sizeof(e->key))
		return 0;
	e = GROW(v);
	if (!e)
		return -ENOMEM;
	*e = (struct nft_element){
		.size = mnl_attr_get_payload_len(key[NFTA_DATA_VALUE]),
		.flags = get_u32(tb[NFTA_SET_ELEM_FLAGS]),
		.timeout_ms = get_u64(tb[NFTA_SET_ELEM_TIMEOUT]),
		.left_ms = get_u64(tb[NFTA_SET_ELEM_EXPIRATION]),
	};
	memcpy(e->key, mnl_attr_get_payload(key[NFTA_DATA_VALUE]), e->size);
	return 0;
}

static int take_elements(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *tb[NFTA_SET_ELEM_LIST_MAX + 1] = {}, *elem;

	attrs_of(nlh, tb, NFTA_SET_ELEM_LIST_MAX);
	if (!tb[NFTA_SET_ELEM_LIST_ELEMENTS])
		return MNL_CB_OK;
	mnl_attr_for_each_nested(elem, tb[NFTA_SET_ELEM_LIST_ELEMENTS]) if (take_element(elem, arg))
	{
		errno = ENOMEM;
		return MNL_CB_ERROR;
	}
	return MNL_CB_OK;
}

static void forget_elements(void *arg)
{
	((struct nft_element_vec *)arg)->count = 0;
}

int nft_read_elements(int family, const char *set, struct nft_element_vec *out, struct error *err)
{
	struct query q = {.type = NFT_MSG_GETSETELEM,
			  .family = family,
			  .table_attr = NFTA_SET_ELEM_LIST_TABLE,
			  .set_attr = NFTA_SET_ELEM_LIST_SET,
			  .set = set,
			  .each = take_elements,
			  .restart = forget_elements,
			  .arg = out};

	out->count = 0;
	return ask(&q, err);
}

struct counters_wanted {
	struct nft_counter_vec *out;
	size_t before;
	int family;
};

static int take_counter(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *tb[NFTA_OBJ_MAX + 1] = {}, *data[NFTA_COUNTER_MAX + 1] = {};
	struct counters_wanted *w = arg;
	struct nft_counter *c;

	attrs_of(nlh, tb, NFTA_OBJ_MAX);
	if (!is_our_table(tb[NFTA_OBJ_TABLE]) || get_u32(tb[NFTA_OBJ_TYPE]) != NFT_OBJECT_COUNTER)
		return MNL_CB_OK;
	attrs_in(tb[NFTA_OBJ_DATA], data, NFTA_COUNTER_MAX);
	c = GROW(w->out);
	if (!c) {
		errno = ENOMEM;
		return MNL_CB_ERROR;
	}
	*c = (struct nft_counter){.family = w->family,
				  .value = {.packets = get_u64(data[NFTA_COUNTER_PACKETS]),
					    .bytes = get_u64(data[NFTA_COUNTER_BYTES])}};
	get_str(tb[NFTA_OBJ_NAME], c->name, sizeof(c->name));
	return MNL_CB_OK;
}

static void forget_counters(void *arg)
{
	struct counters_wanted *w = arg;

	w->out->count = w->before;
}

int nft_read_counters(int family, struct nft_counter_vec *out, struct error *err)
{
	struct counters_wanted w = {out, out->count, family};
	struct query q = {.type = NFT_MSG_GETOBJ,
			  .family = family,
			  .table_attr = NFTA_OBJ_TABLE,
			  .each = take_counter,
			  .restart = forget_counters,
			  .arg = &w};

	return ask(&q, err);
}

static int take_chain(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *tb[NFTA_CHAIN_MAX + 1] = {};
	struct nft_chain *c;

	attrs_of(nlh, tb, NFTA_CHAIN_MAX);
	if (!is_our_table(tb[NFTA_CHAIN_TABLE]))
		return MNL_CB_OK;
	c = GROW((struct nft_chain_vec *)arg);
	if (!c) {
		errno = ENOMEM;
		return MNL_CB_ERROR;
	}
	*c = (struct nft_chain){};
	get_str(tb[NFTA_CHAIN_NAME], c->name, sizeof(c->name));
	return MNL_CB_OK;
}

static int take_rule(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *tb[NFTA_RULE_MAX + 1] = {};
	struct nft_chain_vec *v = arg;
	char name[32];

	attrs_of(nlh, tb, NFTA_RULE_MAX);
	if (!is_our_table(tb[NFTA_RULE_TABLE]))
		return MNL_CB_OK;
	get_str(tb[NFTA_RULE_CHAIN], name, sizeof(name));
	for (size_t i = 0; i < v->count; i++)
		if (!strcmp(v->items[i].name, name))
			v->items[i].rules++;
	return MNL_CB_OK;
}

static void forget_chains(void *arg)
{
	((struct nft_chain_vec *)arg)->count = 0;
}

static void forget_rules(void *arg)
{
	struct nft_chain_vec *v = arg;

	for (size_t i = 0; i < v->count; i++)
		v->items[i].rules = 0;
}

int nft_read_chains(int family, struct nft_chain_vec *out, struct error *err)
{
	struct query chains = {.type = NFT_MSG_GETCHAIN,
			       .family = family,
			       .table_attr = NFTA_CHAIN_TABLE,
			       .each = take_chain,
			       .restart = forget_chains,
			       .arg = out};
	struct query rules = {.type = NFT_MSG_GETRULE,
			      .family = family,
			      .table_attr = NFTA_RULE_TABLE,
			      .each = take_rule,
			      .restart = forget_rules,
			      .arg = out};
	int ret;

	out->count = 0;
	ret = ask(&chains, err);
	return ret ? ret : ask(&rules, err);
}

struct note {
	void *buf;
	size_t size;
	int used;
};

static int take_note(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *tb[NFTA_SET_MAX + 1] = {};
	struct note *note = arg;
	size_t size;

	attrs_of(nlh, tb, NFTA_SET_MAX);
	if (!tb[NFTA_SET_USERDATA])
		return MNL_CB_OK;
	size = mnl_attr_get_payload_len(tb[NFTA_SET_USERDATA]);
	if (size <= note->size) {
		memcpy(note->buf, mnl_attr_get_payload(tb[NFTA_SET_USERDATA]), size);
		note->used = (int)size;
	}
	return MNL_CB_OK;
}

int nft_read_note(void *buf, size_t size, struct error *err)
{
	struct note note = {buf, size, -ENOENT};
	struct query q = {.type = NFT_MSG_GETSET,
			  .family = NFPROTO_INET,
			  .table_attr = NFTA_SET_TABLE,
			  .set_attr = NFTA_SET_NAME,
			  .set = NFT_NOTE_SET,
			  .single = true,
			  .each = take_note,
			  .arg = &note};
	int ret = ask(&q, err);

	return ret ? ret : note.used;
}

static int take_table(const struct nlmsghdr *nlh, void *arg)
{
	*(bool *)arg = true;
	return MNL_CB_OK;
}

int nft_read_table(int family, bool *there, struct error *err)
{
	struct query q = {.type = NFT_MSG_GETTABLE,
			  .family = family,
			  .table_attr = NFTA_TABLE_NAME,
			  .single = true,
			  .each = take_table,
			  .arg = there};

	*there = false;
	return ask(&q, err);
}

static int take_data(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *tb[NFTA_SET_ELEM_LIST_MAX + 1] = {}, *elem;
	const struct nft_data_reader *r = arg;

	attrs_of(nlh, tb, NFTA_SET_ELEM_LIST_MAX);
	if (!tb[NFTA_SET_ELEM_LIST_ELEMENTS])
		return MNL_CB_OK;
	mnl_attr_for_each_nested(elem, tb[NFTA_SET_ELEM_LIST_ELEMENTS])
	{
		const struct nlattr *e[NFTA_SET_ELEM_MAX + 1] = {}, *key[NFTA_DATA_MAX + 1] = {};
		const struct nlattr *data;

		attrs_in(elem, e, NFTA_SET_ELEM_MAX);
		attrs_in(e[NFTA_SET_ELEM_KEY], key, NFTA_DATA_MAX);
		data = e[NFTA_SET_ELEM_USERDATA];
		if (!data || !key[NFTA_DATA_VALUE] ||
		    mnl_attr_get_payload_len(key[NFTA_DATA_VALUE]) != 4)
			continue;
		errno = -r->each(mnl_attr_get_u32(key[NFTA_DATA_VALUE]), mnl_attr_get_payload(data),
				 mnl_attr_get_payload_len(data), r->arg);
		if (errno)
			return MNL_CB_ERROR;
	}
	return MNL_CB_OK;
}

static void forget_data(void *arg)
{
	const struct nft_data_reader *r = arg;

	r->restart(r->arg);
}

int nft_read_data(int family, const char *set, const struct nft_data_reader *r, struct error *err)
{
	struct query q = {.type = NFT_MSG_GETSETELEM,
			  .family = family,
			  .table_attr = NFTA_SET_ELEM_LIST_TABLE,
			  .set_attr = NFTA_SET_ELEM_LIST_SET,
			  .set = set,
			  .each = take_data,
			  .restart = forget_data,
			  .arg = (void *)r};

	return ask(&q, err);
}
