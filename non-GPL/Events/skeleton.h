/* SPDX-License-Identifier: BSD-2-Clause */
/* The tracer's programs and maps, with the types its globals have. */
#pragma once

#include "Events/events.h"
#include "Events/routes.h"
#include "events.skel.h"
