/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Why something failed, in words for the responder. Functions return 0 or -errno and may leave
 * one line here; only cmd_*.c and main.c print it.
 */
#pragma once

struct error {
	char text[512]; /* one line, no newline; "" when nothing was said */
};

/* Writes the line (escaping control bytes) and returns `ret`, so `return fail(err, -EINVAL, "…")`.
 * err may be NULL. */
int fail(struct error *err, int ret, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
