/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A JSON writer for one line at a time: bytes go straight into a buffer that the caller has made
 * large enough (json_room), so the hot path has no printf and no check per byte. Pure.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct json {
	char *p, *end; /* where the next byte goes; one past the buffer */
	char *start;
};

/* No string of n bytes grows past this when escaped ("\u0000" for each), quotes included. */
#define JSON_STRING_ROOM(n) (6 * (n) + 2)

#define json_lit(j, text) json_bytes(j, text, sizeof(text) - 1)

static inline void json_bytes(struct json *j, const char *bytes, size_t n)
{
	memcpy(j->p, bytes, n);
	j->p += n;
}

static inline void json_char(struct json *j, char c)
{
	*j->p++ = c;
}

void json_u64(struct json *j, uint64_t v);
void json_i64(struct json *j, int64_t v);
void json_octal(struct json *j, uint32_t v);
/* "2026-11-23T12:09:10.000000005Z", of ns since 1970. */
void json_date(struct json *j, uint64_t ns);
/* Quoted; `addr` has 4 or 16 bytes. */
void json_address(struct json *j, int family, const uint8_t *addr);

/*
 * A quoted string. Control characters (also the C1 ones, which a terminal obeys) are written as
 * \uNNNN; bytes that are not UTF-8 become U+FFFD. Returns 0, or 1 when there were such bytes: the
 * caller then adds json_base64() beside it, so that nothing is lost.
 */
int json_string(struct json *j, const char *s, size_t n);
/* The same without its quotes. */
int json_text(struct json *j, const char *s, size_t n);
void json_base64(struct json *j, const char *s, size_t n);
