// SPDX-License-Identifier: MIT
// Replaying the plan of an earlier job: what "auto" came to then, from that job's report.
#ifndef VKS_REPLAY_H
#define VKS_REPLAY_H

#include "schedule.h"

// Takes kernels, precision, padding, total variation and levels from the "plan" of a report's JSON
// text, and the tile of products where it has one (else tile is left alone). The schedule's goal
// must suit a content of that size; what does not fit is VKSTYLE_USAGE.
bool vks_replay(const char *report, int content_width, int content_height, vkstyle_params *params,
                vks_schedule *schedule, char tile[VKSTYLE_NAME], vkstyle_error *error);

#endif
