// SPDX-License-Identifier: MIT
// Between a fuzz target and whoever drives it: libFuzzer, or fuzz_main.c where there is none.
#ifndef FUZZ_H
#define FUZZ_H

#include "vkstyle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// For fuzz_main.c. Writes seed number `index` to path; false when there are no more.
bool fuzz_seed(int index, const char *path);
// Set by the target when it accepted the input: a fuzzer whose seeds are refused tests nothing.
extern bool fuzz_accepted;

// The path of a file in memory with this content, the same path every time. Aborts on failure.
const char *fuzz_file(const uint8_t *data, size_t size);
// Aborts unless error tells a failure in one printable sentence. Running out of memory is none: no
// input is so large that it justifies that.
void fuzz_check_failure(const vkstyle_error *error);

#endif
