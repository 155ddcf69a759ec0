// SPDX-License-Identifier: MIT
// Gram matrices of style images kept between runs, in $XDG_CACHE_HOME/vkstyle/style-KEY: a pass
// through the encoder less before the first iteration. The key is a hash of all that they depend
// on. A cache only: where a file is missing, foreign, damaged or cannot be written, they are
// computed.
#ifndef VKS_GRAM_STORE_H
#define VKS_GRAM_STORE_H

#include "../sha256.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    VKS_GRAMS_EACH = 16 << 20, // bytes of values; more are not kept
    VKS_GRAMS_MOST = 64 << 20  // of all files together: some 25 of VGG-19's
};

// Whether to look here at all: false where VKSTYLE_STYLES is 0.
bool vks_grams_are_kept(void);
// Fills `count` matrices of sizes[i] values (0: none, whose pointer may be NULL). False where they
// are not there; what the matrices hold is undefined then.
bool vks_grams_find(const char key[VKS_SHA256_TEXT], float *const *grams, const size_t *sizes,
                    int count);
// Keeps them, and forgets those that have not been asked for for longest, if there are too many.
void vks_grams_keep(const char key[VKS_SHA256_TEXT], float *const *grams, const size_t *sizes,
                    int count);

#endif
