// SPDX-License-Identifier: BSD-2-Clause
/* The ENTRY grammar: text to key and back. */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "HostIsolation/entry.h"
#include "HostIsolation/prefix.h"

#define Q "\"%.100s\"" /* how messages quote the entry */
#define LABEL_MAX 63   /* RFC 1035 §2.3.4 */

static const struct {
	const char *name;
	__u8 number;
} protocols[] = {
	{"tcp", IPPROTO_TCP},	{"udp", IPPROTO_UDP},	      {"sctp", IPPROTO_SCTP},
	{"dccp", IPPROTO_DCCP}, {"udplite", IPPROTO_UDPLITE},
};

#define PROTOCOLS (sizeof(protocols) / sizeof(protocols[0]))

/* A stretch of the text; s is NULL when that part is not there. */
struct span {
	const char *s;
	size_t n;
};

struct parts {
	struct span host, len, ports;
	bool brackets;
};

static struct span span_to_end(const char *s)
{
	return (struct span){s, strlen(s)};
}

/* Cuts `s` before the first `c`; what is behind it, or nothing. */
static struct span span_cut(struct span *s, char c)
{
	const char *at = memchr(s->s, c, s->n);
	struct span rest = {};

	if (at) {
		rest = (struct span){at + 1, s->n - (at + 1 - s->s)};
		s->n = at - s->s;
	}
	return rest;
}

static bool span_has(struct span s, char c)
{
	return s.s && memchr(s.s, c, s.n);
}

static int parse_number(struct span s, unsigned int min, unsigned int max, unsigned int *out)
{
	unsigned int n = 0;

	if (!s.n || s.n > 5 || (s.n > 1 && s.s[0] == '0'))
		return -EINVAL;
	for (size_t i = 0; i < s.n; i++) {
		if (s.s[i] < '0' || s.s[i] > '9')
			return -EINVAL;
		n = n * 10 + (s.s[i] - '0');
	}
	if (n < min || n > max)
		return -EINVAL;
	*out = n;
	return 0;
}

static const char *take_direction(const char *s, __u8 *dir)
{
	*dir = ENTRY_DIR_BOTH;
	if (!strncasecmp(s, "in:", 3)) {
		*dir = DIR_IN;
		return s + 3;
	}
	if (!strncasecmp(s, "out:", 4)) {
		*dir = DIR_OUT;
		return s + 4;
	}
	return s;
}

/* [ADDR]…, [ADDR/LEN]… and what may follow */
static int split_brackets(const char *text, const char *s, struct parts *p, struct error *err)
{
	struct span rest;

	p->brackets = true;
	p->host = span_to_end(s + 1);
	rest = span_cut(&p->host, ']');
	if (!rest.s)
		return fail(err, -EINVAL, Q ": the bracket is not closed", text);
	p->len = span_cut(&p->host, '/');
	if (rest.n && rest.s[0] == '/') {
		if (p->len.s)
			return fail(err, -EINVAL, Q ": one prefix length is enough", text);
		p->len = (struct span){rest.s + 1, rest.n - 1};
		p->ports = span_cut(&p->len, ':');
	} else if (rest.n && rest.s[0] == ':') {
		p->ports = (struct span){rest.s + 1, rest.n - 1};
	} else if (rest.n) {
		return fail(err, -EINVAL, Q ": behind the bracket comes /LEN, :PORT or nothing",
			    text);
	}
	return 0;
}

static int split(const char *text, const char *s, struct parts *p, struct error *err)
{
	const char *colon = strchr(s, ':');

	if (*s == '[')
		return split_brackets(text, s, p, err);
	p->host = span_to_end(s);
	if (colon && strchr(colon + 1, ':')) { /* an IPv6 address, so no port */
		p->len = span_cut(&p->host, '/');
		return 0;
	}
	/* what is left of the colon is ADDR/LEN, right of it a slash belongs to PROTO */
	p->ports = span_cut(&p->host, ':');
	p->len = span_cut(&p->host, '/');
	return 0;
}

static int parse_ports(const char *text, struct span s, struct entry_key *key, struct error *err)
{
	struct span proto = span_cut(&s, '/'), high = span_cut(&s, '-');
	unsigned int lo, hi;

	if (parse_number(s, 1, 65535, &lo) < 0 || (high.s && parse_number(high, 1, 65535, &hi) < 0))
		return fail(err, -EINVAL, Q ": a port is 1 to 65535, a range LOW-HIGH", text);
	if (!high.s)
		hi = lo;
	if (lo > hi)
		return fail(err, -EINVAL, Q ": the range is reversed: did you mean %u-%u?", text,
			    hi, lo);
	key->port_lo = lo;
	key->port_hi = hi;
	if (key->dir == ENTRY_DIR_BOTH)
		key->dir = DIR_OUT;
	if (!proto.s)
		return 0;
	for (size_t i = 0; i < PROTOCOLS; i++) {
		if (strlen(protocols[i].name) == proto.n &&
		    !strncasecmp(protocols[i].name, proto.s, proto.n)) {
			key->proto = protocols[i].number;
			return 0;
		}
	}
	return fail(err, -EINVAL, Q ": a protocol with ports is tcp, udp, sctp, dccp or udplite",
		    text);
}

static void format_prefix(int family, const __u8 addr[16], unsigned int len, bool brackets,
			  char *buf, size_t size)
{
	char a[INET6_ADDRSTRLEN] = "?", l[8] = "";

	inet_ntop(family, addr, a, sizeof(a));
	if (len != prefix_max(family))
		snprintf(l, sizeof(l), "/%u", len);
	snprintf(buf, size, brackets ? "[%s]%s" : "%s%s", a, l);
}

static int check_mapped(const char *text, const struct entry_key *key, struct error *err)
{
	static const __u8 mapped[12] = {[10] = 0xff, [11] = 0xff};
	char as_ip4[ENTRY_TEXT_MAX];
	__u8 addr[16] = {};

	if (key->family != AF_INET6 || key->prefixlen < 96 || memcmp(key->addr, mapped, 12))
		return 0;
	memcpy(addr, key->addr + 12, 4);
	prefix_mask(addr, key->prefixlen - 96);
	format_prefix(AF_INET, addr, key->prefixlen - 96, false, as_ip4, sizeof(as_ip4));
	return fail(err, -EINVAL, Q ": on the wire this is IPv4: write %s", text, as_ip4);
}

static int parse_prefix(const char *text, struct span len, struct entry_key *key, struct error *err)
{
	unsigned int max = prefix_max(key->family), n = max;
	char masked[ENTRY_TEXT_MAX], host[ENTRY_TEXT_MAX];
	__u8 addr[16];

	if (len.s && parse_number(len, 0, max, &n) < 0)
		return fail(err, -EINVAL,
			    Q ": the prefix length of an IPv%d address is 0 to %u (a port is "
			      "written %s, a protocol behind it /tcp)",
			    text, key->family == AF_INET ? 4 : 6, max,
			    key->family == AF_INET ? "ADDR:PORT" : "[ADDR]:PORT");
	key->prefixlen = n;
	if (check_mapped(text, key, err) < 0)
		return -EINVAL;
	memcpy(addr, key->addr, sizeof(addr));
	prefix_mask(addr, n);
	if (!memcmp(addr, key->addr, sizeof(addr)))
		return 0;
	format_prefix(key->family, addr, n, false, masked, sizeof(masked));
	format_prefix(key->family, key->addr, max, false, host, sizeof(host));
	return fail(err, -EINVAL, Q ": did you mean %s? (for the one address write %s)", text,
		    masked, host);
}

static bool read_address(int family, struct span host, __u8 addr[16])
{
	char text[INET6_ADDRSTRLEN];
	__u8 bytes[16] = {};

	if (!host.n || host.n >= sizeof(text))
		return false;
	memcpy(text, host.s, host.n);
	text[host.n] = 0;
	if (inet_pton(family, text, bytes) != 1)
		return false;
	memcpy(addr, bytes, sizeof(bytes));
	return true;
}

static int parse_address6(const char *text, const struct parts *p, struct entry_key *key,
			  struct error *err)
{
	key->family = AF_INET6;
	if (span_has(p->host, '%'))
		return fail(err, -EINVAL,
			    Q ": an entry holds on every device: leave out the zone from %% on",
			    text);
	if (!read_address(AF_INET6, p->host, key->addr))
		return fail(err, -EINVAL, Q ": \"%.*s\" is not an IPv6 address%s", text,
			    (int)(p->host.n > 64 ? 64 : p->host.n), p->host.s,
			    p->brackets ? ", and only these take brackets"
					: "; with a port write [ADDR]:PORT");
	if (!p->brackets && span_has(p->len, ':'))
		return fail(err, -EINVAL,
			    Q ": with a port, brackets go around an IPv6 address: [%.*s]/%.*s",
			    text, (int)p->host.n, p->host.s, (int)p->len.n, p->len.s);
	return parse_prefix(text, p->len, key, err);
}

/* Would a resolver read an address out of it (inet_aton(3): 10.1, 0x7f.1)? */
static bool ends_in_number(struct span s)
{
	size_t i;

	if (s.n && s.s[s.n - 1] == '.')
		s.n--;
	for (i = s.n; i > 0 && s.s[i - 1] != '.'; i--)
		;
	s = (struct span){s.s + i, s.n - i};
	if (!s.n)
		return false;
	if (s.n >= 2 && s.s[0] == '0' && (s.s[1] | 0x20) == 'x') {
		for (i = 2; i < s.n && isxdigit((unsigned char)s.s[i]); i++)
			;
		return i == s.n;
	}
	for (i = 0; i < s.n && s.s[i] >= '0' && s.s[i] <= '9'; i++)
		;
	return i == s.n;
}

static bool is_label_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-';
}

/* RFC 1123 §2.1; a dot at the end is the root's. */
static bool is_host_name(struct span s)
{
	size_t label = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (s.s[i] == '.') {
			if (!label || s.s[i - 1] == '-')
				return false;
			label = 0;
			continue;
		}
		if (!is_label_char(s.s[i]) || ++label > LABEL_MAX || (label == 1 && s.s[i] == '-'))
			return false;
	}
	return s.n && s.s[s.n - 1] != '-';
}

static int parse_name(const char *text, const struct parts *p, struct entry *e, struct error *err)
{
	if (ends_in_number(p->host))
		return fail(err, -EINVAL,
			    Q ": \"%.*s\" is not an IPv4 address (four numbers of 0 to 255, no "
			      "leading zeros)",
			    text, (int)(p->host.n > 64 ? 64 : p->host.n), p->host.s);
	if (p->host.n > HOST_NAME_MAX_LEN)
		return fail(err, -EINVAL, Q ": a host name has at most %d bytes", text,
			    HOST_NAME_MAX_LEN);
	if (!is_host_name(p->host))
		return fail(err, -EINVAL,
			    Q ": \"%.*s\" is neither an address nor a host name (letters, digits "
			      "and hyphens; IDNs as xn--...)",
			    text, (int)(p->host.n > 64 ? 64 : p->host.n), p->host.s);
	if (p->len.s)
		return fail(err, -EINVAL,
			    Q ": a host name takes no prefix length (a protocol comes behind a "
			      "port, like :443/tcp)",
			    text);
	for (size_t i = 0; i < p->host.n; i++)
		e->name[i] = tolower((unsigned char)p->host.s[i]);
	return 0;
}

int entry_parse(const char *text, struct entry *out, struct error *err)
{
	struct entry e = {.key = {.port_lo = 0, .port_hi = 65535}};
	struct parts p = {};
	const char *s = take_direction(text, &e.key.dir);
	int ret;

	if (text[strcspn(text, " \t\r\n\v\f")])
		return fail(err, -EINVAL, Q ": an entry has no white space in it", text);
	ret = split(text, s, &p, err);
	if (ret < 0)
		return ret;
	if (!p.host.n)
		return fail(err, -EINVAL,
			    Q " names no address: write one like 10.0.0.5, 10.0.0.0/8, "
			      "2001:db8::1, 10.0.0.5:443/tcp or a host name",
			    text);
	if (p.brackets || span_has(p.host, ':')) {
		ret = parse_address6(text, &p, &e.key, err);
	} else if (read_address(AF_INET, p.host, e.key.addr)) {
		e.key.family = AF_INET;
		ret = parse_prefix(text, p.len, &e.key, err);
	} else {
		ret = parse_name(text, &p, &e, err);
	}
	if (ret == 0 && p.ports.s)
		ret = parse_ports(text, p.ports, &e.key, err);
	if (ret == 0)
		*out = e;
	return ret;
}

void entry_format(const struct entry_key *key, char *buf, size_t size)
{
	bool ports = key->port_lo != 0;
	const char *dir = key->dir == DIR_IN ? "in:" : key->dir == DIR_OUT && !ports ? "out:" : "";
	char addr[64], range[16] = "", proto[16] = "";

	format_prefix(key->family, key->addr, key->prefixlen, ports && key->family == AF_INET6,
		      addr, sizeof(addr));
	if (ports && key->port_lo == key->port_hi)
		snprintf(range, sizeof(range), ":%u", key->port_lo);
	else if (ports)
		snprintf(range, sizeof(range), ":%u-%u", key->port_lo, key->port_hi);
	for (size_t i = 0; i < PROTOCOLS; i++)
		if (protocols[i].number == key->proto)
			snprintf(proto, sizeof(proto), "/%s", protocols[i].name);
	snprintf(buf, size, "%s%s%s%s", dir, addr, range, proto);
}
