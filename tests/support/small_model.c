// SPDX-License-Identifier: MIT
#include "small_model.h"

#include "error.h"
#include "model/encoder.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Uniform in -1..1 (SplitMix64): rand() differs between C libraries.
static float uniform(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    return (float)((int32_t)(z >> 40) - (1 << 23)) * 0x1p-23f;
}

static bool add(vkstyle_model *model, const char *name, int out, uint64_t *state,
                vkstyle_error *error)
{
    vks_layer *layer = vks_model_add(model, name, out, error);
    if (!layer || layer->kind == VKS_POOL)
        return layer != NULL;
    size_t count = vks_layer_weight_count(layer);
    layer->weights = malloc(count * sizeof *layer->weights);
    layer->bias = malloc((size_t)out * sizeof *layer->bias);
    if (!layer->weights || !layer->bias)
        return vks_fail(error, VKSTYLE_NO_MEMORY, "out of memory for a small model");
    // A uniform value in -a..a has the variance a*a/3.
    float reach = sqrtf(6.0f / (9.0f * (float)layer->in));
    for (size_t i = 0; i < count; i++)
        layer->weights[i] = reach * uniform(state);
    for (int i = 0; i < out; i++)
        layer->bias[i] = uniform(state);
    return true;
}

bool small_model_write(const char *path, const char *chain, unsigned seed, vkstyle_error *error)
{
    static const double means[3] = {103.939, 116.779, 123.68};
    vkstyle_model *model = vks_model_create(error);
    if (!model)
        return false;
    for (int i = 0; i < 3; i++) {
        model->order[i] = 2 - i;
        model->scale[i] = 255;
        model->shift[i] = -means[i];
    }
    bool done = vks_model_set_text(&model->license, "CC0", error) &&
                vks_model_set_text(&model->source, "random numbers", error);
    uint64_t state = seed;
    char name[VKSTYLE_NAME];
    while (done && *(chain += strspn(chain, " "))) {
        int length = (int)strcspn(chain, " "), stem = (int)strcspn(chain, ": "), out = 0;
        snprintf(name, sizeof name, "%.*s", stem, chain);
        if (stem < length)
            out = atoi(chain + stem + 1);
        done = add(model, name, out, &state, error);
        chain += length;
    }
    done = done && vks_model_write(model, path, error);
    vkstyle_model_free(&model);
    return done;
}
