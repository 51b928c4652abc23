/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The ring and how records get into it. A record is built in its own reservation, never in a buffer
 * that another task on this CPU could write to meanwhile. Reservations come in size classes; who
 * finds its class too small discards it and takes the next.
 */
#pragma once

#include "read.bpf.h"
#include "events.h"
#include <bpf/bpf_tracing.h>

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 16 << 20);
} ring __weak SEC(".maps");

/* All builds want their globals in one order: what has a value comes first, as it is written. */
struct stream_state stream __weak = {}; /* user space maps it */

const volatile __u64 wake_at __weak = 2 << 20; /* bytes waiting that wake */

#ifdef OLD_KERNEL /* the verifier follows every class: one must do */
#define FIRST_CLASS 1
#define CLASSES 2
#else
#define FIRST_CLASS 0
#define CLASSES 3
#endif
#define CLASS_TINY 512 /* for records without paths */
#define CLASS_SMALL 1024
#define CLASS_MIDDLE 6144
#define CLASS_LARGE 20480
#define CLASS_HUGE RECORD_MAX

/*
 * A class's size goes through calls as its place in rodata. Verifiers before 6.5 that want to know
 * where an exact number came from give up at a call and take every number for an exact one, and
 * then no two states are equal any more. At a load they have found out.
 */
typedef const volatile __u64 cap_t;
const volatile __u64 class_small __weak = CLASS_SMALL;
const volatile __u64 class_middle __weak = CLASS_MIDDLE;
const volatile __u64 class_large __weak = CLASS_LARGE;
const volatile __u64 class_huge __weak = CLASS_HUGE;

static __always_inline void count_lost(u32 type)
{
	if (type < EVENT_COUNT)
		__sync_fetch_and_add(&stream.lost[type], 1);
}

/*
 * A wake-up costs more than all the rest of an event. The reader polls by timer while events flow;
 * only when it went to sleep, or when much is waiting, is it woken.
 */
static __always_inline u64 wake_flags(void)
{
	if (stream.asleep) {
		stream.asleep = 0;
		return BPF_RB_FORCE_WAKEUP;
	}
	if (bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) >= wake_at)
		return BPF_RB_FORCE_WAKEUP;
	return BPF_RB_NO_WAKEUP;
}

#define emit_submit(e) bpf_ringbuf_submit(e, wake_flags())
#define emit_discard(e) bpf_ringbuf_discard(e, BPF_RB_NO_WAKEUP)

/*
 * Hides a constant from the verifier. What only becomes data must not make two ways through the
 * code look different: each would be followed through everything behind it.
 */
__u64 zero __weak = 0; /* writable, so nobody may assume its value */
#define unknown(x) ((x) += *(volatile __u64 *)&zero)

/* The value alone: what is found out about it must not be known of the place it came from, too. */
#define value(x)                                                                                   \
	({                                                                                         \
		typeof(x) _x = (x);                                                                \
		unknown(_x);                                                                       \
		_x;                                                                                \
	})

/* The same of a kernel's pointer, found or NULL. Plain loads want to know what it points to. */
#ifdef CAST_KERNEL
#define unknown_pointer(p) ((p) = typed(p))
#else
#define unknown_pointer(p) unknown(*(__u64 *)&(p))
#endif

/*
 * One size class after the other, while too_large(class, …). 7.2 looks at a function beforehand,
 * once for every place that calls it, so a loop with one such place is best. Of a loop the
 * verifiers of old kernels would have to know the count exactly, across calls.
 */
#ifdef OLD_KERNEL
#define try_classes(count, too_large, ...)                                                         \
	(void)(too_large(0, __VA_ARGS__) && too_large(1, __VA_ARGS__) && (count) > 2 &&            \
	       too_large(2, __VA_ARGS__))
#else
#define try_classes(count, too_large, ...)                                                         \
	_Pragma("clang loop unroll(disable)") for (int _class = 0; _class < (count); _class++)     \
	{                                                                                          \
		if (!too_large(_class, __VA_ARGS__))                                               \
			break;                                                                     \
	}
#endif

/*
 * A function that the verifier follows once, on its own, whatever leads to it. It is given numbers
 * and structs of ours, in which a kernel's pointer is a number too. 5.10 takes no structs.
 */
#ifdef OLD_KERNEL
#define seen_once static __always_inline
#define absent(p) false
#else
#define seen_once __noinline
#define absent(p) (!(p)) /* what it is given may be NULL for all that it knows */
#endif

/* The compiler must not guess the class's size from elsewhere: the verifier follows the number. */
#define opaque(x) asm volatile("" : "+r"(x))

/*
 * Here all ways through the code become one again. A reservation is another one each time that the
 * verifier of old kernels comes to it, so what is behind it would be followed once for every way
 * that leads here. It compares only where it kept a state, which takes eight instructions and two
 * jumps since the last; these jumps lead nowhere and are taken out once it is done.
 */
#define meet()                                                                                     \
	asm volatile("goto +0\n\tgoto +0\n\tgoto +0\n\tgoto +0\n\t"                                \
		     "goto +0\n\tgoto +0\n\tgoto +0\n\tgoto +0")
#define reserve(size)                                                                              \
	({                                                                                         \
		meet();                                                                            \
		bpf_ringbuf_reserve(&ring, size, 0);                                               \
	})
