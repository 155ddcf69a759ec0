// SPDX-License-Identifier: MIT
#include "watchdog.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    NUMBERLESS = 8, // iterations in a row: Adam skips, L-BFGS shortens its step, and that may do
    FLAT = 3,
    HIGH = 4,
    FIRST = 8 // iterations whose losses are taken as usual
};
static const double FLAT_SHARE = 1e-3; // of the variation of content or style, whichever is less
static const double HIGH_FACTOR = 100;

static double variation_of(const vkstyle_image *image)
{
    double sum = 0;
    size_t w = (size_t)image->width, h = (size_t)image->height;
    for (size_t c = 0; c < 3; c++) {
        for (size_t y = 0; y < h; y++) {
            for (size_t x = 0; x < w; x++) {
                const float *p = image->rgb + (c * h + y) * w + x;
                double right = x + 1 < w ? p[1] - p[0] : 0, below = y + 1 < h ? p[w] - p[0] : 0;
                sum += right * right + below * below;
            }
        }
    }
    return sum / (3.0 * (double)w * (double)h);
}

void vks_watchdog_start(vks_watchdog *dog, const vks_setting *setting, double early_stop,
                        const vkstyle_image *content, const vkstyle_image *style)
{
    double least = fmin(variation_of(content), variation_of(style));
    *dog = (vks_watchdog){.early_stop = early_stop,
                          .scale = setting->raw ? 0 : setting->alpha + setting->beta};
    dog->variation = FLAT_SHARE * least * 3.0 * content->width * content->height;
}

vks_trouble vks_watchdog_see(vks_watchdog *dog, const vks_losses *losses)
{
    int n = dog->seen++;
    if (!isfinite(losses->total)) {
        if (++dog->numberless >= NUMBERLESS)
            return VKS_NOT_A_NUMBER;
        return VKS_NO_TROUBLE;
    }
    dog->numberless = 0;
    bool flat = losses->variation < dog->variation;
    dog->was_alive |= !flat;
    dog->flat = flat && dog->was_alive ? dog->flat + 1 : 0;
    if (dog->flat >= FLAT)
        return VKS_FLAT;
    if (n < FIRST)
        dog->reference = fmax(dog->reference, losses->total);
    double usual = fmax(dog->reference, dog->scale);
    dog->high = n >= FIRST && losses->total > HIGH_FACTOR * usual ? dog->high + 1 : 0;
    if (dog->high >= HIGH)
        return VKS_EXPLODING;
    if (n % VKS_STILL_WINDOW == 0) {
        dog->sums[0] = dog->sums[1];
        dog->sums[1] = 0;
    }
    dog->sums[1] += losses->total;
    return VKS_NO_TROUBLE;
}

bool vks_watchdog_still(const vks_watchdog *dog)
{
    return dog->early_stop > 0 && dog->seen >= 3 * VKS_STILL_WINDOW &&
           dog->seen % VKS_STILL_WINDOW == 0 && dog->sums[1] > (1 - dog->early_stop) * dog->sums[0];
}

const char *vks_trouble_text(vks_trouble trouble)
{
    static const char *const texts[] = {"nothing wrong", "not a number", "a single colour",
                                        "exploding"};
    return texts[trouble];
}

bool vks_debug_picture(int iteration, float *value)
{
    static const struct {
        const char *name;
        float value;
    } pictures[] = {{"nan", NAN}, {"black", 0}, {"grey", 0.5f}, {"huge", 1e6f}};
    const char *text = getenv("VKSTYLE_DEBUG_PICTURE");
    for (int i = 0; text && i < 4; i++) {
        size_t length = strlen(pictures[i].name);
        if (strncmp(text, pictures[i].name, length) || (text[length] && text[length] != ':'))
            continue;
        *value = pictures[i].value;
        return iteration >= (text[length] ? atoi(text + length + 1) : 12);
    }
    return false;
}
