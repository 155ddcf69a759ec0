// SPDX-License-Identifier: MIT
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

bool fuzz_accepted;

static void demand(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "fuzz: %s\n", what);
    abort();
}

const char *fuzz_file(const uint8_t *data, size_t size)
{
    static int file = -1;
    static char path[64];
    if (file < 0) {
        file = memfd_create("fuzz", 0);
        snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    }
    demand(file >= 0 && ftruncate(file, 0) == 0 && pwrite(file, data, size, 0) == (ssize_t)size,
           "cannot write a file in memory");
    return path;
}

void fuzz_check_failure(const vkstyle_error *error)
{
    demand(error->status == VKSTYLE_FAILED, "a failure with another status than VKSTYLE_FAILED");
    demand(error->text[0] && strlen(error->text) < sizeof error->text - 1, "no whole sentence");
    for (const char *c = error->text; *c; c++)
        demand((unsigned char)*c >= 0x20 && *c != 0x7f, "a sentence with control characters");
}
