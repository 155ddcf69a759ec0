// SPDX-License-Identifier: MIT
#include "style_cache.h"

#include <string.h>

// Everything the Gram matrices depend on. The setting goes in whole: what does not matter to them
// costs a hit at worst, and what is added to it later is not forgotten here. But for the goal: it
// chooses between products of the same bits (convolution.c), and a preview's styles are then those
// of the picture's own coarse levels.
static void make_key(char key[VKS_SHA256_TEXT], const vks_network *network,
                     const vks_setting *setting, const vkstyle_image *const *images,
                     const double *weights, int count)
{
    vks_sha256 hash;
    vks_setting any_goal;
    memcpy(&any_goal, setting, sizeof any_goal); // padding and all
    any_goal.encode.goal = 0;
    vks_sha256_init(&hash);
    uint64_t serial = vks_network_model(network)->serial;
    vks_sha256_update(&hash, &serial, sizeof serial);
    vks_sha256_update(&hash, &any_goal, sizeof any_goal);
    for (int i = 0; i < count; i++) {
        double weight = weights ? weights[i] : 1;
        size_t values = 3 * (size_t)images[i]->width * (size_t)images[i]->height;
        vks_sha256_update(&hash, &weight, sizeof weight);
        vks_sha256_update(&hash, &images[i]->width, sizeof images[i]->width);
        vks_sha256_update(&hash, &images[i]->height, sizeof images[i]->height);
        vks_sha256_update(&hash, images[i]->rgb, values * sizeof *images[i]->rgb);
    }
    vks_sha256_final(&hash, key);
}

bool vks_cached_style(vks_style_cache *cache, const vks_style **style, bool *found, vks_gpu *gpu,
                      vks_network *network, const vks_setting *setting,
                      const vkstyle_image *const *images, const double *weights, int count,
                      vkstyle_error *error)
{
    char key[VKS_SHA256_TEXT];
    make_key(key, network, setting, images, weights, count);
    if (found)
        *found = true;
    cache->calls++;
    int slot = 0;
    for (int i = 0; i < VKS_STYLE_CACHE; i++) {
        if (!strcmp(cache->entries[i].key, key)) {
            cache->entries[i].used = cache->calls;
            *style = &cache->entries[i].style;
            return true;
        }
        slot = cache->entries[i].used < cache->entries[slot].used ? i : slot;
    }
    if (found)
        *found = false;
    vks_style fresh = {0};
    if (!vks_prepare_style(&fresh, gpu, network, setting, images, weights, count, error)) {
        vks_style_free(&fresh);
        return false;
    }
    vks_style_free(&cache->entries[slot].style);
    memcpy(cache->entries[slot].key, key, sizeof key);
    cache->entries[slot].style = fresh;
    cache->entries[slot].used = cache->calls;
    *style = &cache->entries[slot].style;
    return true;
}

void vks_style_cache_clear(vks_style_cache *cache)
{
    for (int i = 0; i < VKS_STYLE_CACHE; i++) {
        vks_style_free(&cache->entries[i].style);
        cache->entries[i].key[0] = 0;
    }
}
