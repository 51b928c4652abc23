/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Why something failed, in words for the responder. Functions return 0 or -errno and may leave
 * one line here; only cmd_*.c and main.c print it.
 */
#pragma once

#include <stddef.h>

struct error {
	char text[512]; /* one line, no newline; "" when nothing was said */
};

/*
 * Writes the line, escaped as text_escape() does, and returns `ret`, so
 * `return fail(err, -EINVAL, "…")`. err may be NULL, and err->text may be one of the arguments.
 * Keeps errno. Strings from outside go in with a precision ("%.100s"), so that a long one does not
 * push out what follows it.
 */
int fail(struct error *err, int ret, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/*
 * A copy that is safe on a terminal: control bytes, bytes that are no UTF-8 and characters that
 * steer the display without being seen (bidi overrides, zero width) become \xNN. What does not fit
 * is cut between two characters, and the copy then ends in "...". Always terminated; size > 0.
 */
void text_escape(const char *text, char *out, size_t size);
