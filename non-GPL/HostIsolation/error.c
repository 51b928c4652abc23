// SPDX-License-Identifier: BSD-2-Clause
/* The line that says why, with nothing in it that a terminal would obey. */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include "HostIsolation/error.h"

#define RAW_MAX 2048 /* more than error.text, so that a line cut here is seen to be cut there */

/* The length of the well-formed UTF-8 sequence at s (Unicode 15, table 3-7), 0 when it is none. */
static int utf8_length(const unsigned char *s, uint32_t *code)
{
	static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	int len = s[0] < 0x80 ? 1 : s[0] < 0xc0 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;

	if (len == 0 || s[0] > 0xf4)
		return 0;
	*code = len == 1 ? s[0] : s[0] & (0x7f >> len);
	for (int i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		*code = *code << 6 | (s[i] & 0x3f);
	}
	if (*code < smallest[len] || *code > 0x10ffff || (*code >= 0xd800 && *code <= 0xdfff))
		return 0;
	return len;
}

/* C0 and C1 controls, and the format characters that are not seen. */
static bool steers(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0xad || c == 0x61c ||
	       (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c >= 0xfff9 && c <= 0xfffb) ||
	       (c >= 0xe0000 && c <= 0xe007f);
}

void text_escape(const char *text, char *out, size_t size)
{
	static const char hex[] = "0123456789abcdef";
	const unsigned char *s = (const unsigned char *)text;
	size_t used = 0, mark = 0; /* mark: where "..." still fits */

	while (*s) {
		uint32_t code = 0;
		int len = utf8_length(s, &code);
		bool plain = len > 0 && !steers(code);
		size_t need = plain ? (size_t)len : 4;

		if (used + need >= size) {
			snprintf(out + mark, size - mark, "...");
			return;
		}
		if (plain) {
			memcpy(out + used, s, len);
			s += len;
		} else {
			const char escaped[4] = {'\\', 'x', hex[*s >> 4], hex[*s & 15]};

			memcpy(out + used, escaped, sizeof(escaped));
			s++;
		}
		used += need;
		if (used + sizeof("...") <= size)
			mark = used;
	}
	out[used] = 0;
}

int fail(struct error *err, int ret, const char *fmt, ...)
{
	int saved = errno;
	char raw[RAW_MAX];
	va_list args;

	if (!err)
		return ret;
	va_start(args, fmt);
	if (vsnprintf(raw, sizeof(raw), fmt, args) < 0)
		raw[0] = 0;
	va_end(args);
	text_escape(raw, err->text, sizeof(err->text));
	errno = saved;
	return ret;
}
