/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers and strings as JSON, fast; json.h says how. */
#include "Events/json.h"

static const char pairs[] = "00010203040506070809101112131415161718192021222324252627282930313233"
			    "34353637383940414243444546474849505152535455565758596061626364656667"
			    "6869707172737475767778798081828384858687888990919293949596979899";

void json_u64(struct json *j, uint64_t v)
{
	char buf[20], *p = buf + sizeof(buf);

	while (v >= 100) {
		p -= 2;
		memcpy(p, pairs + 2 * (v % 100), 2);
		v /= 100;
	}
	if (v >= 10) {
		p -= 2;
		memcpy(p, pairs + 2 * v, 2);
	} else {
		*--p = '0' + v;
	}
	json_bytes(j, p, buf + sizeof(buf) - p);
}

void json_i64(struct json *j, int64_t v)
{
	if (v < 0)
		json_char(j, '-');
	json_u64(j, v < 0 ? -(uint64_t)v : (uint64_t)v);
}

void json_octal(struct json *j, uint32_t v)
{
	char buf[11], *p = buf + sizeof(buf);

	do
		*--p = '0' + (v & 7);
	while (v >>= 3);
	json_bytes(j, p, buf + sizeof(buf) - p);
}

static const char hex[] = "0123456789abcdef";

static void escape(struct json *j, unsigned int c)
{
	char u[6] = {'\\', 'u', '0', '0', hex[c >> 4 & 15], hex[c & 15]};

	switch (c) {
	case '"':
		json_lit(j, "\\\"");
		return;
	case '\\':
		json_lit(j, "\\\\");
		return;
	case '\n':
		json_lit(j, "\\n");
		return;
	case '\t':
		json_lit(j, "\\t");
		return;
	case '\r':
		json_lit(j, "\\r");
		return;
	}
	json_bytes(j, u, sizeof(u));
}

/* Length of the UTF-8 sequence at s (RFC 3629: no overlong forms, no surrogates); 0: none. */
static size_t utf8(const unsigned char *s, size_t n)
{
	unsigned char c = s[0], low = 0x80, high = 0xbf;
	size_t len;

	if (c >= 0xc2 && c <= 0xdf)
		len = 2;
	else if (c >= 0xe0 && c <= 0xef)
		len = 3;
	else if (c >= 0xf0 && c <= 0xf4)
		len = 4;
	else
		return 0;
	if (n < len)
		return 0;
	if (c == 0xe0)
		low = 0xa0;
	else if (c == 0xed)
		high = 0x9f;
	else if (c == 0xf0)
		low = 0x90;
	else if (c == 0xf4)
		high = 0x8f;
	if (s[1] < low || s[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	}
	return len;
}

int json_text(struct json *j, const char *text, size_t n)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t i = 0, plain, len;
	int bad = 0;

	while (i < n) {
		plain = i;
		while (i < n && s[i] >= 0x20 && s[i] < 0x7f && s[i] != '"' && s[i] != '\\')
			i++;
		json_bytes(j, text + plain, i - plain);
		if (i == n)
			break;
		if (s[i] < 0x80) {
			escape(j, s[i++]);
			continue;
		}
		len = utf8(s + i, n - i);
		if (!len) {
			json_lit(j, "\xef\xbf\xbd");
			bad = 1;
			i++;
		} else if (len == 2 && s[i] == 0xc2 && s[i + 1] < 0xa0) {
			escape(j, s[i + 1]);
			i += 2;
		} else {
			json_bytes(j, text + i, len);
			i += len;
		}
	}
	return bad;
}

int json_string(struct json *j, const char *text, size_t n)
{
	int bad;

	json_char(j, '"');
	bad = json_text(j, text, n);
	json_char(j, '"');
	return bad;
}

void json_base64(struct json *j, const char *text, size_t n)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *s = (const unsigned char *)text;

	json_char(j, '"');
	for (; n >= 3; n -= 3, s += 3) {
		json_char(j, digits[s[0] >> 2]);
		json_char(j, digits[(s[0] & 3) << 4 | s[1] >> 4]);
		json_char(j, digits[(s[1] & 15) << 2 | s[2] >> 6]);
		json_char(j, digits[s[2] & 63]);
	}
	if (n) {
		unsigned int second = n == 2 ? s[1] : 0;

		json_char(j, digits[s[0] >> 2]);
		json_char(j, digits[(s[0] & 3) << 4 | second >> 4]);
		json_char(j, n == 2 ? digits[(second & 15) << 2] : '=');
		json_char(j, '=');
	}
	json_char(j, '"');
}
