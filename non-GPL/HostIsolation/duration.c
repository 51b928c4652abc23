// SPDX-License-Identifier: BSD-2-Clause
/* Durations: text to nanoseconds and back. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include "HostIsolation/duration.h"

#define SECONDS_MAX (DURATION_MAX_NS / SECOND_NS)

static const struct unit {
	char letter;
	uint32_t seconds;
} units[] = {{'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};

#define UNITS (sizeof(units) / sizeof(units[0]))

static int not_a_duration(const char *text, struct error *err)
{
	return fail(err, -EINVAL,
		    "\"%.40s\" is not a duration: write seconds, or days, hours, minutes and "
		    "seconds in this order, like 90s, 15m, 4h, 2d or 1h30m",
		    text);
}

/* Digits up to a number that is out of range anyway. NULL when there are none. */
static const char *parse_number(const char *s, uint64_t *n)
{
	const char *begin = s;

	for (*n = 0; *s >= '0' && *s <= '9'; s++)
		if (*n <= SECONDS_MAX)
			*n = *n * 10 + (*s - '0');
	return s == begin ? NULL : s;
}

int duration_parse(const char *text, uint64_t *ns, struct error *err)
{
	uint64_t total = 0, n;
	const char *s = text;
	size_t unit = 0;

	do {
		s = parse_number(s, &n);
		if (!s)
			return not_a_duration(text, err);
		if (!*s && unit == 0) {
			unit = UNITS - 1; /* a bare number */
		} else {
			while (unit < UNITS && units[unit].letter != *s)
				unit++;
			if (unit == UNITS)
				return not_a_duration(text, err);
			s++;
		}
		/* neither product nor sum can overflow: n < 11 * SECONDS_MAX, and total is capped
		 */
		total += n * units[unit++].seconds;
		if (total > SECONDS_MAX)
			return fail(err, -EINVAL,
				    "\"%.40s\" is longer than ten years, the longest duration",
				    text);
	} while (*s);
	if (!total)
		return fail(err, -EINVAL, "\"%.40s\" is no time at all: write at least 1s", text);
	*ns = total * SECOND_NS;
	return 0;
}

void duration_format(uint64_t ns, char *buf, size_t size)
{
	uint64_t left = ns / SECOND_NS, big, small;
	size_t i = 0;

	if (!left) {
		snprintf(buf, size, ns ? "<1s" : "0s");
		return;
	}
	while (left < units[i].seconds)
		i++;
	big = left / units[i].seconds;
	small = i + 1 < UNITS ? left % units[i].seconds / units[i + 1].seconds : 0;
	if (small)
		snprintf(buf, size, "%" PRIu64 "%c%" PRIu64 "%c", big, units[i].letter, small,
			 units[i + 1].letter);
	else
		snprintf(buf, size, "%" PRIu64 "%c", big, units[i].letter);
}
