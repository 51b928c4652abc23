/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* The verb `trace`, and the whole command when called as EventsTrace. Returns the exit code. */
int cmd_trace(int argc, char **argv);
