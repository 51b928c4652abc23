/* SPDX-License-Identifier: BSD-2-Clause */
/* The words behind `hostiso kill`; each returns an exit code. */
#pragma once

int kill_chmod(int argc, char **argv);
int kill_list(int argc, char **argv);
int kill_remove(int argc, char **argv);
int kill_clear(int argc, char **argv);
int kill_spare(int argc, char **argv);
int kill_watch(int argc, char **argv);
