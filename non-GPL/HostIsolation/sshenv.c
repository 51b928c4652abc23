// SPDX-License-Identifier: BSD-2-Clause
/* What environments say of the connection a session came over. Pure. */
#include "HostIsolation/ssh.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

bool address_is_loopback(int family, const __u8 addr[16])
{
	static const __u8 zero[16], one[16] = {[15] = 1};

	if (family == AF_INET)
		return addr[0] == 127 || !memcmp(addr, zero, 4);
	return !memcmp(addr, zero, 16) || !memcmp(addr, one, 16);
}

/* The next word, words being separated by exactly one blank as sshd writes them. */
static bool take_word(const char **text, const char *end, char *word, size_t room)
{
	const char *stop = memchr(*text, ' ', (size_t)(end - *text));
	size_t len = (size_t)((stop ? stop : end) - *text);

	if (!len || len >= room || memchr(*text, 0, len))
		return false;
	memcpy(word, *text, len);
	word[len] = 0;
	*text = stop ? stop + 1 : end;
	return true;
}

static bool take_address(const char **text, const char *end, int *family, __u8 addr[16])
{
	static const __u8 mapped[12] = {[10] = 0xff, [11] = 0xff};
	char word[INET6_ADDRSTRLEN + 32]; /* an IPv6 address, %, and an interface name */

	if (!take_word(text, end, word, sizeof(word)))
		return false;
	memset(addr, 0, 16);
	if (inet_pton(AF_INET, word, addr) == 1) {
		*family = AF_INET;
		return true;
	}

	char *zone = strchr(word, '%');

	if (zone)
		*zone = 0;
	if (inet_pton(AF_INET6, word, addr) != 1)
		return false;
	*family = AF_INET6;
	if (!memcmp(addr, mapped, sizeof(mapped))) {
		memmove(addr, addr + 12, 4);
		memset(addr + 4, 0, 12);
		*family = AF_INET;
	}
	return true;
}

static bool take_port(const char **text, const char *end, __u16 *port)
{
	unsigned long value = 0;
	char word[6];

	if (!take_word(text, end, word, sizeof(word)))
		return false;
	for (const char *c = word; *c; c++) {
		if (*c < '0' || *c > '9')
			return false;
		value = value * 10 + (unsigned long)(*c - '0');
	}
	*port = (__u16)value;
	return value > 0 && value <= 65535;
}

int ssh_connection_parse(const char *text, size_t size, struct ssh_connection *out)
{
	struct ssh_connection c = {.begun_by = DIR_IN};
	const char *end = text + size;
	int local_family;

	if (!take_address(&text, end, &c.family, c.peer) || !take_port(&text, end, &c.peer_port) ||
	    !take_address(&text, end, &local_family, c.local) ||
	    !take_port(&text, end, &c.local_port) || text != end || end[-1] == ' ')
		return -EINVAL;
	if (local_family != c.family)
		return -EINVAL;
	*out = c;
	return 0;
}

const char *environ_next(const char *env, size_t size, size_t *pos, const char *name, size_t *len)
{
	size_t name_len = strlen(name);

	while (*pos < size) {
		const char *entry = env + *pos;
		size_t entry_len = strnlen(entry, size - *pos);

		*pos += entry_len + 1; /* may step behind size: the last NUL can be missing */
		if (entry_len > name_len && !memcmp(entry, name, name_len) &&
		    entry[name_len] == '=') {
			*len = entry_len - name_len - 1;
			return entry + name_len + 1;
		}
	}
	return NULL;
}
