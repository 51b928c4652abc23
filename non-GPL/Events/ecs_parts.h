/* SPDX-License-Identifier: BSD-2-Clause */
/* What writes more, or less, than one field of one place. Rows without a name write their own
 * keys. Inside ecs*.c. Pure. */
#pragma once

#include "Events/ecs_doc.h"

ECS_PUT(ecs_source);
ECS_PUT(ecs_cgroup);
ECS_PUT(ecs_container);
ECS_PUT(ecs_file_path); /* path, directory, name, extension */
ECS_PUT(ecs_file_info);
ECS_PUT(ecs_file_ours);
ECS_PUT(ecs_forker);
ECS_PUT(ecs_tty);
ECS_PUT(ecs_executable);
ECS_PUT(ecs_args_count);
ECS_PUT(ecs_exec_ours);
ECS_PUT(ecs_exit_code);
ECS_PUT(ecs_exit_ours);
ECS_PUT(ecs_event_time);
ECS_PUT(ecs_io_type);
ECS_PUT(ecs_io_text);
ECS_PUT(ecs_part_size);
ECS_PUT(ecs_memfd_flags);
ECS_PUT(ecs_net_ends); /* source, destination, network */
