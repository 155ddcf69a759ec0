// SPDX-License-Identifier: MIT
// What the tests of models share: a scratch folder, files in it, and looking at failures.
#ifndef SCRATCH_H
#define SCRATCH_H

#include "vkstyle.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

// cmocka group fixtures: make and remove the folder.
int scratch_create(void **state);
int scratch_remove(void **state);
// The path of a file in the folder; the answer is good until sixteen calls later.
const char *scratch_path(const char *name);
void scratch_write(const char *path, const void *data, size_t size);
// The whole file, followed by a zero byte; free() it.
char *scratch_read(const char *path, size_t *size);
bool scratch_exists(const char *path);
// Number of files in the folder.
int scratch_count(void);
// A file of ../shared (or $VKSTYLE_SHARED), or NULL when it is not there.
const char *scratch_shared(const char *name);

// Checks that a failure filled error with this status and one printable sentence that contains the
// words.
void check_failure(const vkstyle_error *error, vkstyle_status status, const char *words,
                   const char *file, int line);
#define assert_failure(error, status, words)                                                       \
    check_failure(&(error), status, words, __FILE__, __LINE__)
// For calls that must succeed: shows the error's text.
#define assert_done(call, error)                                                                   \
    do {                                                                                           \
        if (!(call))                                                                               \
            fail_msg("%s", (error).text);                                                          \
    } while (0)

#endif
