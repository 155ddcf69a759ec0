// SPDX-License-Identifier: MIT
#include "carry.h"
#include "../error.h"
#include "state.h"

#include <stdlib.h>
#include <string.h>

static const vks_optimiser_part *find(const vks_iteration *it, const char *name)
{
    int count;
    const vks_optimiser_part *parts = vks_optimiser_parts(it->optimiser, &count);
    for (int i = 0; i < count; i++)
        if (!strcmp(parts[i].name, name))
            return &parts[i];
    return NULL;
}

void vks_carry_free(vks_carry *carry)
{
    vkstyle_image_free(&carry->first);
    vkstyle_image_free(&carry->second);
    free(carry->state);
    *carry = (vks_carry){0};
}

static vkstyle_image *save(const vks_iteration *it, vks_gpu *gpu, const vks_optimiser_part *part,
                           vkstyle_error *error)
{
    vkstyle_image *image = vkstyle_image_create((int)it->width, (int)it->height, false, error);
    if (image && !vks_iteration_get(it, gpu, part->buffer, image, error))
        vkstyle_image_free(&image);
    return image;
}

bool vks_carry_save(vks_carry *carry, const vks_iteration *it, vks_gpu *gpu, vkstyle_error *error)
{
    *carry = (vks_carry){0};
    const vks_optimiser_part *first = find(it, "first moment"), *second = find(it, "second moment");
    const vks_optimiser_part *state = find(it, "state");
    if (!first || !second || !state)
        return true;
    carry->state_bytes = sizeof(struct vks_adam_state);
    carry->state = malloc(carry->state_bytes);
    if (!carry->state)
        return vks_fail(error, VKSTYLE_NO_MEMORY, "out of memory for the optimiser's state");
    vks_slice from = vks_plan_slice(it->plan, state->buffer);
    from.bytes = carry->state_bytes;
    carry->first = save(it, gpu, first, error);
    carry->second = carry->first ? save(it, gpu, second, error) : NULL;
    if (!carry->second || !vks_download(gpu, from, carry->state, error)) {
        vks_carry_free(carry);
        return false;
    }
    return true;
}

// Resizes and scales one moment and uploads it.
static bool restore(const vkstyle_image *moment, double factor, bool positive,
                    const vks_iteration *it, vks_gpu *gpu, const vks_optimiser_part *part,
                    vkstyle_error *error)
{
    vkstyle_image *image = vkstyle_image_resize(moment, (int)it->width, (int)it->height, error);
    if (!image)
        return false;
    size_t n = 3 * (size_t)it->width * it->height;
    for (size_t i = 0; i < n; i++) {
        image->rgb[i] *= (float)factor;
        if (positive && image->rgb[i] < 0) // bicubic overshoot
            image->rgb[i] = 0;
    }
    bool done = vks_iteration_put(it, gpu, part->buffer, image, error);
    vkstyle_image_free(&image);
    return done;
}

bool vks_carry_restore(vks_carry *carry, const vks_iteration *it, vks_gpu *gpu,
                       vkstyle_error *error)
{
    const vks_optimiser_part *first = find(it, "first moment"), *second = find(it, "second moment");
    const vks_optimiser_part *state = find(it, "state");
    if (!carry->state || !first || !second || !state)
        return true;
    // Losses are relative, so a pixel's gradient shrinks as the number of pixels grows.
    double factor =
        ((double)carry->first->width * carry->first->height) / ((double)it->width * it->height);
    ((struct vks_adam_state *)carry->state)->weight_average = 0;
    vks_slice to = vks_plan_slice(it->plan, state->buffer);
    to.bytes = carry->state_bytes;
    bool done = restore(carry->first, factor, false, it, gpu, first, error) &&
                restore(carry->second, factor * factor, true, it, gpu, second, error) &&
                vks_upload(gpu, to, carry->state, error);
    vks_carry_free(carry);
    return done;
}
