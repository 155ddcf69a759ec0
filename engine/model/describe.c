// SPDX-License-Identifier: MIT
// A model in words.
#include "encoder.h"

#include "../error.h"
#include "../number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_layers(FILE *out, const vkstyle_model *model)
{
    // A value of the layer sees field x field pixels; neighbours are `step` pixels apart.
    long field = 1, step = 1;
    size_t all = 0;
    fprintf(out, "layer            channels       parameters  sees pixels  every\n");
    for (int i = 0; i < model->layer_count; i++) {
        const vks_layer *layer = &model->layers[i];
        size_t parameters = vks_layer_weight_count(layer);
        char channels[32], pixels[48];
        if (layer->kind == VKS_CONV) {
            parameters += (size_t)layer->out;
            field += 2 * step;
        } else {
            field += step;
            step *= 2;
        }
        all += parameters;
        snprintf(channels, sizeof channels, "%d -> %d", layer->in, layer->out);
        snprintf(pixels, sizeof pixels, "%ldx%ld", field, field);
        fprintf(out, "%-12s %14s %14zu %12s %6ld\n", layer->name, channels, parameters, pixels,
                step);
    }
    fprintf(out, "parameters:     %zu\n", all);
}

char *vkstyle_model_describe(const vkstyle_model *model, vkstyle_error *error)
{
    char sum[65] = "", scale[32], shift[32];
    if (model->path[0] && !vks_model_sha256(model, sum, error))
        return NULL;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out) {
        vks_fail(error, VKSTYLE_NO_MEMORY, "out of memory while describing a model");
        return NULL;
    }
    fprintf(out, "model:          %s\n", model->name);
    if (model->path[0])
        fprintf(out, "file:           %s\nsha256:         %s\n", model->path, sum);
    fprintf(out, "weights:        %d bits%s\n", model->bits,
            model->bits == 8 ? ", one codebook of 256 values a layer" : "");
    for (int i = 0; i < 3; i++)
        fprintf(out, "input %d:        %c * %s %c %s, where %c is sRGB-encoded, 0..1\n", i,
                "RGB"[model->order[i]], vks_print_real(scale, sizeof scale, model->scale[i]),
                model -> shift[i] < 0 ? '-' : '+',
                vks_print_real(shift, sizeof shift, fabs(model->shift[i])), "RGB"[model->order[i]]);
    fprintf(out, "license:        %s\nsource:         %s\n", model->license, model->source);
    print_layers(out, model);
    bool failed = ferror(out);
    if (fclose(out) != 0 || failed) {
        free(text);
        vks_fail(error, VKSTYLE_NO_MEMORY, "out of memory while describing a model");
        return NULL;
    }
    return text;
}
