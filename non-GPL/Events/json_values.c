/* SPDX-License-Identifier: BSD-2-Clause */
/* Dates and addresses as JSON, without the C library's formatting, which costs more than the line.
 */
#include <arpa/inet.h>
#include "Events/json.h"

static uint32_t days_before(uint32_t year) /* from 1970-01-01, of the Gregorian calendar */
{
	uint32_t past = year - 1;

	return 365 * (year - 1970) + past / 4 - past / 100 + past / 400 - 477;
}

static void digits(char *at, uint32_t v, int n)
{
	while (n--) {
		at[n] = '0' + v % 10;
		v /= 10;
	}
}

void json_date(struct json *j, uint64_t ns)
{
	static const uint16_t before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
	uint64_t seconds = ns / 1000000000;
	uint32_t days = seconds / 86400, second = seconds % 86400;
	uint32_t year = 1970 + days / 366, month = 12, day, leap; /* never too late */

	while (days >= days_before(year + 1))
		year++;
	day = days - days_before(year);
	leap = !(year % 4) && (year % 100 || !(year % 400));
	while (day < before[month - 1] + (month > 2 ? leap : 0))
		month--;
	day -= before[month - 1] + (month > 2 ? leap : 0);
	memcpy(j->p, "\"0000-00-00T00:00:00.000000000Z\"", 32);
	digits(j->p + 1, year, 4);
	digits(j->p + 6, month, 2);
	digits(j->p + 9, day + 1, 2);
	digits(j->p + 12, second / 3600, 2);
	digits(j->p + 15, second / 60 % 60, 2);
	digits(j->p + 18, second % 60, 2);
	digits(j->p + 21, ns % 1000000000, 9);
	j->p += 32;
}

void json_address(struct json *j, int family, const uint8_t *addr)
{
	char text[INET6_ADDRSTRLEN] = "";

	json_char(j, '"');
	if (family == AF_INET) {
		for (int i = 0; i < 4; i++) {
			if (i)
				json_char(j, '.');
			json_u64(j, addr[i]);
		}
	} else {
		inet_ntop(AF_INET6, addr, text, sizeof(text));
		json_bytes(j, text, strlen(text));
	}
	json_char(j, '"');
}
