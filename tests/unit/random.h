/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers that look random and are the same on every run, so that what fails once fails again. */
#pragma once

#include <stdint.h>

static uint64_t random_state = 0x9e3779b97f4a7c15;

/* xorshift64* (Vigna 2014) */
static inline uint64_t random_next(void)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return random_state * 0x2545f4914f6cdd1d;
}

/* 0 .. n - 1 */
static inline unsigned int random_below(unsigned int n)
{
	return (random_next() >> 32) % n;
}
