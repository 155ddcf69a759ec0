// SPDX-License-Identifier: MIT
// Gram matrices of styles that are already known, so that many contents with one style prepare it
// once. They lie in the context and are found by the pixels and by all that was asked of them.
#ifndef VKS_STYLE_CACHE_H
#define VKS_STYLE_CACHE_H

#include "prepare.h"
#include "../sha256.h"

enum { VKS_STYLE_CACHE = 8 }; // pyramid levels remembered; about 2.5 MB each with VGG-19

typedef struct vks_style_cache {
    struct {
        char key[VKS_SHA256_TEXT];
        vks_style style;
        uint64_t used; // number of the call that asked for it last
    } entries[VKS_STYLE_CACHE];
    uint64_t calls;
} vks_style_cache;

// Prepares the style as vks_prepare_style does, or finds it. *style stays the cache's, valid for
// the next VKS_STYLE_CACHE - 1 calls, since the one not asked for the longest goes first; *found
// says which it was (may be NULL).
bool vks_cached_style(vks_style_cache *cache, const vks_style **style, bool *found, vks_gpu *gpu,
                      vks_network *network, const vks_setting *setting,
                      const vkstyle_image *const *images, const double *weights, int count,
                      vkstyle_error *error);
void vks_style_cache_clear(vks_style_cache *cache);

#endif
