// SPDX-License-Identifier: MIT
// What the tests of pictures share around cmocka.
#ifndef CHECK_H
#define CHECK_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../engine/image/image.h"
#include "made.h"

// The last notice; "" when there was none since the last call of clear_notice.
extern char last_notice[1024];
void clear_notice(void);

// Group fixtures: a folder for files and notices into last_notice.
int check_setup(void **state);
int check_teardown(void **state);

// Decodes and fails the test when that fails. The file is freed.
vkstyle_image *decode(made file);
// Decodes and expects a refusal whose text holds all of these words (separated by '|') and the
// name.
void refuse(const made *file, const char *words);
void expect_words(const vkstyle_error *error, vkstyle_status status, const char *words);

// Value of channel c (3: alpha, 1 where there is none).
float value_at(const vkstyle_image *image, int c, int x, int y);

#endif
