// SPDX-License-Identifier: MIT
#include "error.h"

#include <stdarg.h>
#include <stdio.h>

static vkstyle_notice_fn notice_fn;
static void *notice_user;

bool vks_fail(vkstyle_error *error, vkstyle_status status, const char *format, ...)
{
    if (!error)
        return false;
    va_list args;
    va_start(args, format);
    vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
    error->status = status;
    return false;
}

void vks_notice(const char *format, ...)
{
    if (!notice_fn)
        return;
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    notice_fn(text, notice_user);
}

void vkstyle_set_notice(vkstyle_notice_fn notice, void *user)
{
    notice_fn = notice;
    notice_user = user;
}
