// SPDX-License-Identifier: BSD-2-Clause
/* Host names to addresses, and the resolvers of this host. */
#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include "HostIsolation/cleanup.h"
#include "HostIsolation/prefix.h"
#include "HostIsolation/readfile.h"
#include "HostIsolation/resolve.h"

#define RESOLV_CONF_MAX (1u << 20) /* bytes; past it the file is passed over */
#define DNS_PORT 53

static void set_address4(struct entry_key *key, const void *addr)
{
	memset(key->addr, 0, sizeof(key->addr));
	memcpy(key->addr, addr, 4);
	key->family = AF_INET;
	key->prefixlen = PREFIX_MAX4;
}

/* An IPv4-mapped one goes out as IPv4. */
static void set_address6(struct entry_key *key, const struct in6_addr *addr)
{
	if (IN6_IS_ADDR_V4MAPPED(addr)) {
		set_address4(key, addr->s6_addr + 12);
		return;
	}
	memcpy(key->addr, addr, 16);
	key->family = AF_INET6;
	key->prefixlen = PREFIX_MAX6;
}

static bool is_unspecified(const struct entry_key *key)
{
	static const __u8 zero[16];

	return !memcmp(key->addr, zero, sizeof(zero));
}

static bool is_loopback(const struct entry_key *key)
{
	static const __u8 one[16] = {[15] = 1};

	if (key->family == AF_INET)
		return key->addr[0] == 127;
	return !memcmp(key->addr, one, sizeof(one));
}

/* Appends unless it is among the items from `first` on. */
static int push_once(struct entry_vec *out, size_t first, const struct entry *e)
{
	for (size_t i = first; i < out->count; i++)
		if (!memcmp(&out->items[i].key, &e->key, sizeof(e->key)))
			return 0;
	return entry_vec_push(out, e);
}

static int push_answers(const struct entry *e, const struct addrinfo *answers,
			struct entry_vec *out)
{
	size_t before = out->count;
	int ret = 0;

	for (const struct addrinfo *a = answers; a && ret == 0; a = a->ai_next) {
		struct entry found = *e;

		if (a->ai_family == AF_INET)
			set_address4(&found.key,
				     &((struct sockaddr_in *)(void *)a->ai_addr)->sin_addr);
		else if (a->ai_family == AF_INET6)
			set_address6(&found.key,
				     &((struct sockaddr_in6 *)(void *)a->ai_addr)->sin6_addr);
		else
			continue;
		if (!is_unspecified(&found.key))
			ret = push_once(out, before, &found);
	}
	if (ret < 0)
		out->count = before;
	return ret;
}

int resolve_entry(const struct entry *e, struct entry_vec *out, struct error *err)
{
	/* one socket type, or each address comes three times */
	const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	struct addrinfo *answers = NULL;
	size_t before = out->count;
	int ret;

	if (!e->name[0]) {
		ret = entry_vec_push(out, e);
		return ret < 0 ? fail(err, ret, "out of memory") : 0;
	}
	ret = getaddrinfo(e->name, NULL, &hints, &answers);
	if (ret)
		return fail(err, ret == EAI_MEMORY ? -ENOMEM : -ENOENT,
			    "\"%s\" does not resolve: %s; give its address instead", e->name,
			    ret == EAI_SYSTEM ? strerror(errno) : gai_strerror(ret));
	ret = push_answers(e, answers, out);
	freeaddrinfo(answers);
	if (ret < 0)
		return fail(err, ret, "out of memory");
	if (out->count == before)
		return fail(err, -ENOENT,
			    "\"%s\" resolves to no address that can be reached (is it blocked by "
			    "the resolver?); give its address instead",
			    e->name);
	return 0;
}

/* The address of a "nameserver" line, as glibc's res_init(3) reads it; false: another line. */
static bool read_nameserver(const char *line, size_t n, struct entry_key *key)
{
	static const char keyword[] = "nameserver";
	char text[INET6_ADDRSTRLEN + 32]; /* with a zone */
	size_t len;

	if (n <= strlen(keyword) || memcmp(line, keyword, strlen(keyword)))
		return false;
	line += strlen(keyword);
	n -= strlen(keyword);
	if (*line != ' ' && *line != '\t')
		return false;
	while (n && (*line == ' ' || *line == '\t')) {
		line++;
		n--;
	}
	for (len = 0; len < n && line[len] != ' ' && line[len] != '\t' && line[len] != '\r'; len++)
		;
	if (!len || len >= sizeof(text))
		return false;
	memcpy(text, line, len);
	text[len] = 0;

	struct in6_addr addr6;
	struct in_addr addr4;

	if (inet_aton(text, &addr4)) {
		set_address4(key, &addr4);
		return true;
	}
	text[strcspn(text, "%")] = 0;
	if (inet_pton(AF_INET6, text, &addr6) != 1)
		return false;
	set_address6(key, &addr6);
	return true;
}

static int parse_nameservers(const char *text, size_t size, size_t max, struct entry_vec *out)
{
	const char *end = text + size;
	size_t before = out->count, seen = 0;
	int ret = 0;

	while (text < end && seen < max && ret == 0) {
		const char *eol = memchr(text, '\n', end - text);
		struct entry e = {.key = {.port_hi = 65535, .dir = ENTRY_DIR_BOTH}};

		if (read_nameserver(text, (eol ? eol : end) - text, &e.key)) {
			seen++;
			ret = push_once(out, before, &e);
		}
		text = eol ? eol + 1 : end;
	}
	if (ret < 0)
		out->count = before;
	return ret;
}

int resolvconf_parse(const char *text, size_t size, struct entry_vec *out)
{
	return parse_nameservers(text, size, MAXNS, out);
}

/* A file that is not there, or no file, names nobody. */
static int read_nameservers(const char *root, const char *path, size_t max, struct entry_vec *out)
{
	_cleanup_free_ char *data = NULL;
	char full[PATH_MAX];
	size_t size;
	int ret;

	if (snprintf(full, sizeof(full), "%s%s", root, path) >= (int)sizeof(full))
		return -ENAMETOOLONG;
	ret = file_read(full, RESOLV_CONF_MAX, &data, &size, NULL);
	if (ret < 0)
		return ret == -ENOMEM ? ret : 0;
	return parse_nameservers(data, size, max, out);
}

static int push_dns(const struct entry *server, struct entry_vec *out, size_t first)
{
	static const __u8 protocols[] = {IPPROTO_UDP, IPPROTO_TCP};
	struct entry e = *server;
	int ret = 0;

	e.key.dir = DIR_OUT;
	e.key.port_lo = e.key.port_hi = DNS_PORT;
	for (int i = 0; i < 2 && ret == 0; i++) {
		e.key.proto = protocols[i];
		ret = push_once(out, first, &e);
	}
	return ret;
}

/* Those of `servers` that are not this host itself. */
static int push_remote(const struct entry_vec *servers, struct entry_vec *out, size_t first)
{
	int ret = 0;

	for (size_t i = 0; i < servers->count && ret == 0; i++) {
		const struct entry *e = &servers->items[i];

		if (!is_loopback(&e->key) && !is_unspecified(&e->key))
			ret = push_dns(e, out, first);
	}
	return ret;
}

int resolvers_find(const char *root, struct entry_vec *out, struct error *err)
{
	static const char *const upstream[] = {
		"/run/systemd/resolve/resolv.conf",
		"/run/NetworkManager/no-stub-resolv.conf",
		"/run/dnsmasq/resolv.conf",
		"/run/resolvconf/resolv.conf",
		"/var/run/systemd/resolve/resolv.conf",
		"/var/run/NetworkManager/no-stub-resolv.conf",
		"/var/run/dnsmasq/resolv.conf",
		"/var/run/resolvconf/resolv.conf",
	};
	_cleanup_(entry_vec_free) struct entry_vec servers = {};
	size_t before = out->count;
	int ret;

	ret = read_nameservers(root, "/etc/resolv.conf", MAXNS, &servers);
	if (ret == 0)
		ret = push_remote(&servers, out, before);
	if (ret == 0 && out->count == before) {
		for (size_t i = 0; i < sizeof(upstream) / sizeof(*upstream) && ret == 0; i++)
			ret = read_nameservers(root, upstream[i], SIZE_MAX, &servers);
		if (ret == 0)
			ret = push_remote(&servers, out, before);
	}
	if (ret < 0) {
		out->count = before;
		return fail(err, ret, "cannot look for resolvers: %s", strerror(-ret));
	}
	if (out->count == before)
		return fail(err, -ENOENT,
			    "found no DNS server besides this host itself in /etc/resolv.conf and "
			    "in the files of known stubs: allow yours by address, like "
			    "10.0.0.53:53");
	return 0;
}
