// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* kill_lsm.bpf.c for kernels with bpf_loop() (5.17): the verifier follows no loop to its end there.
 */
#define WITH_BPF_LOOP
#include "kill_lsm.bpf.c"
