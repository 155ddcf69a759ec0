// SPDX-License-Identifier: MIT
#include "cli.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

static void say(const char *prefix, const char *format, va_list args)
{
    cli_progress_end();
    fputs(prefix, stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
}

int cli_fail(vkstyle_status status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say("vkstyle: ", format, args);
    va_end(args);
    return status;
}

int cli_fail_error(const vkstyle_error *error)
{
    // An error without a status is a bug of the engine, and still no success.
    vkstyle_status status = error->status == VKSTYLE_DONE ? VKSTYLE_FAILED : error->status;
    return cli_fail(status, "%s", error->text[0] ? error->text : "failed without saying why");
}

void cli_note(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say("", format, args);
    va_end(args);
}

int cli_finish_output(int status)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    return cli_fail(VKSTYLE_FAILED, "standard output cannot be written: %s",
                    errno ? strerror(errno) : "an earlier write failed");
}

char *cli_bytes_text(char *buffer, size_t size, double bytes)
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    int unit = 0;
    for (; bytes >= 1024 && unit < 4; unit++)
        bytes /= 1024;
    snprintf(buffer, size, "%.*f %s", unit && bytes < 10 ? 1 : 0, bytes, units[unit]);
    return buffer;
}

char *cli_seconds_text(char *buffer, size_t size, double seconds)
{
    if (seconds < 10) {
        snprintf(buffer, size, "%.1f s", seconds);
        return buffer;
    }
    long whole = (long)(seconds + 0.5);
    if (whole < 60)
        snprintf(buffer, size, "%ld s", whole);
    else if (whole < 3600)
        snprintf(buffer, size, "%ld:%02ld min", whole / 60, whole % 60);
    else
        snprintf(buffer, size, "%ld:%02ld:%02ld h", whole / 3600, whole / 60 % 60, whole % 60);
    return buffer;
}
