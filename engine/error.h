// SPDX-License-Identifier: MIT
// Filling a vkstyle_error in one line: `return vks_fail(error, VKSTYLE_FAILED, "...", ...)`.
#ifndef VKS_ERROR_H
#define VKS_ERROR_H

#include "vkstyle.h"

// Formats the text (cut to fit), sets the status, returns false. A NULL error is legal.
bool vks_fail(vkstyle_error *error, vkstyle_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// Tells the user something that is not a failure, through vkstyle_set_notice.
void vks_notice(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
