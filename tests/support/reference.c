// SPDX-License-Identifier: MIT
#include "reference.h"

#include <stdio.h>
#include <stdlib.h>

static void *room(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size);
    if (!memory) {
        fprintf(stderr, "reference: out of memory\n");
        abort();
    }
    return memory;
}

size_t reference_count(const reference_tensor *t)
{
    return (size_t)t->channels * (size_t)t->height * (size_t)t->width;
}

reference_tensor reference_zeros(int channels, int height, int width)
{
    reference_tensor t = {channels, height, width, NULL};
    t.at = room(reference_count(&t), sizeof *t.at);
    return t;
}

reference_tensor reference_picture(const vkstyle_image *image)
{
    reference_tensor t = reference_zeros(3, image->height, image->width);
    for (size_t i = 0; i < reference_count(&t); i++)
        t.at[i] = image->rgb[i];
    return t;
}

void reference_free(reference_tensor *t)
{
    free(t->at);
    t->at = NULL;
}

static double *row_of(const reference_tensor *t, int channel, int y)
{
    return t->at + ((size_t)channel * (size_t)t->height + (size_t)y) * (size_t)t->width;
}

// ---------------------------------------------------------------- convolution

// to's row y += w * from's row y + dy, moved by dx; what lies outside is zero.
static void add_moved(const reference_tensor *to, int n, const reference_tensor *from, int k,
                      int dy, int dx, double w)
{
    for (int y = 0; y < to->height; y++) {
        if (y + dy < 0 || y + dy >= from->height)
            continue;
        double *out = row_of(to, n, y);
        const double *in = row_of(from, k, y + dy);
        int first = dx < 0 ? -dx : 0;
        int last = to->width + dx > from->width ? from->width - dx : to->width;
        for (int x = first; x < last; x++)
            out[x] += w * in[x + dx];
    }
}

reference_tensor reference_conv(const reference_tensor *in, const float *weights, const float *bias,
                                int out, int border)
{
    int less = 2 - 2 * border;
    reference_tensor t = reference_zeros(out, in->height - less, in->width - less);
    size_t plane = (size_t)t.height * (size_t)t.width;
    for (int n = 0; n < out; n++) {
        for (size_t p = 0; p < plane && bias; p++)
            t.at[(size_t)n * plane + p] = bias[n];
        for (int k = 0; k < in->channels; k++)
            for (int tap = 0; tap < 9; tap++)
                add_moved(&t, n, in, k, tap / 3 - border, tap % 3 - border,
                          weights[(n * in->channels + k) * 9 + tap]);
    }
    return t;
}

reference_tensor reference_conv_backward(const reference_tensor *gradient, const float *weights,
                                         int in, int border)
{
    int more = 2 - 2 * border;
    reference_tensor t = reference_zeros(in, gradient->height + more, gradient->width + more);
    for (int k = 0; k < in; k++)
        for (int n = 0; n < gradient->channels; n++)
            for (int tap = 0; tap < 9; tap++)
                add_moved(&t, k, gradient, n, border - tap / 3, border - tap % 3,
                          weights[(n * in + k) * 9 + tap]);
    return t;
}

// ---------------------------------------------------------------- padding

// Where a coordinate of the border takes its value; -1: zero.
static int origin(int i, int count, vkstyle_padding padding)
{
    if (i >= 0 && i < count)
        return i;
    if (padding == VKSTYLE_PAD_ZERO)
        return -1;
    if (padding == VKSTYLE_PAD_REFLECT && count > 1)
        return i < 0 ? 1 : count - 2;
    return i < 0 ? 0 : count - 1;
}

reference_tensor reference_pad(const reference_tensor *in, vkstyle_padding padding)
{
    reference_tensor t = reference_zeros(in->channels, in->height + 2, in->width + 2);
    for (int c = 0; c < t.channels; c++) {
        for (int y = 0; y < t.height; y++) {
            for (int x = 0; x < t.width; x++) {
                int sy = origin(y - 1, in->height, padding), sx = origin(x - 1, in->width, padding);
                row_of(&t, c, y)[x] = sy < 0 || sx < 0 ? 0 : row_of(in, c, sy)[sx];
            }
        }
    }
    return t;
}

reference_tensor reference_pad_backward(const reference_tensor *gradient, vkstyle_padding padding)
{
    reference_tensor t =
        reference_zeros(gradient->channels, gradient->height - 2, gradient->width - 2);
    for (int c = 0; c < t.channels; c++) {
        for (int y = 0; y < gradient->height; y++) {
            for (int x = 0; x < gradient->width; x++) {
                int sy = origin(y - 1, t.height, padding), sx = origin(x - 1, t.width, padding);
                if (sy >= 0 && sx >= 0)
                    row_of(&t, c, sy)[sx] += row_of(gradient, c, y)[x];
            }
        }
    }
    return t;
}

// ---------------------------------------------------------------- pooling

static int first_largest(const double v[4])
{
    int at = 0;
    for (int i = 1; i < 4; i++)
        if (v[i] > v[at])
            at = i;
    return at;
}

static void cell(const reference_tensor *t, int c, int y, int x, double v[4])
{
    for (int i = 0; i < 4; i++)
        v[i] = row_of(t, c, 2 * y + i / 2)[2 * x + i % 2];
}

reference_tensor reference_pool(const reference_tensor *in, vkstyle_pool pool)
{
    reference_tensor t = reference_zeros(in->channels, in->height / 2, in->width / 2);
    for (int c = 0; c < t.channels; c++) {
        for (int y = 0; y < t.height; y++) {
            for (int x = 0; x < t.width; x++) {
                double v[4];
                cell(in, c, y, x, v);
                row_of(&t, c, y)[x] = pool == VKSTYLE_POOL_MAX ? v[first_largest(v)]
                                                               : (v[0] + v[1] + v[2] + v[3]) / 4;
            }
        }
    }
    return t;
}

reference_tensor reference_pool_backward(const reference_tensor *gradient,
                                         const reference_tensor *in, vkstyle_pool pool)
{
    reference_tensor t = reference_zeros(in->channels, in->height, in->width);
    for (int c = 0; c < t.channels; c++) {
        for (int y = 0; y < gradient->height; y++) {
            for (int x = 0; x < gradient->width; x++) {
                double v[4], g = row_of(gradient, c, y)[x];
                cell(in, c, y, x, v);
                for (int i = 0; i < 4; i++)
                    row_of(&t, c, 2 * y + i / 2)[2 * x + i % 2] = pool == VKSTYLE_POOL_AVG ? g / 4
                                                                  : i == first_largest(v)  ? g
                                                                                           : 0;
            }
        }
    }
    return t;
}

// ---------------------------------------------------------------- the encoder

static float *weights_of(const vks_layer *layer)
{
    vkstyle_error error;
    float *weights = vks_layer_weights(layer, &error);
    if (!weights)
        abort();
    return weights;
}

void reference_forward(reference_pass *pass, const reference_encoder *e,
                       const reference_tensor *picture)
{
    const vkstyle_model *m = e->model;
    size_t plane = (size_t)picture->height * (size_t)picture->width;
    reference_tensor input = reference_zeros(3, picture->height, picture->width);
    for (int c = 0; c < 3; c++)
        for (size_t p = 0; p < plane; p++)
            input.at[(size_t)c * plane + p] =
                picture->at[(size_t)m->order[c] * plane + p] * m->scale[c] + m->shift[c];
    reference_tensor bordered = reference_pad(&input, e->padding);
    reference_free(&input);
    *pass = (reference_pass){.depth = e->depth};
    for (int i = 0; i < e->depth; i++) {
        const vks_layer *l = &m->layers[i];
        if (l->kind == VKS_POOL) {
            pass->layer[i] = reference_pool(&pass->layer[i - 1], e->pool);
            continue;
        }
        float *weights = weights_of(l);
        pass->layer[i] =
            reference_conv(i ? &pass->layer[i - 1] : &bordered, weights, l->bias, l->out, i > 0);
        free(weights);
        for (size_t p = 0; p < reference_count(&pass->layer[i]); p++)
            if (!(pass->layer[i].at[p] > 0))
                pass->layer[i].at[p] = 0;
    }
    reference_free(&bordered);
}

void reference_pass_free(reference_pass *pass)
{
    for (int i = 0; i < pass->depth; i++)
        reference_free(&pass->layer[i]);
    pass->depth = 0;
}

reference_tensor reference_backward(const reference_pass *pass, const reference_encoder *e,
                                    const reference_tensor *joining)
{
    const vkstyle_model *m = e->model;
    const reference_tensor *top = &pass->layer[e->depth - 1];
    reference_tensor at = reference_zeros(top->channels, top->height, top->width);
    for (int i = e->depth - 1; i >= 0; i--) {
        const vks_layer *l = &m->layers[i];
        const reference_tensor *activation = &pass->layer[i];
        reference_tensor below;
        for (size_t p = 0; p < reference_count(&at) && joining[i].at; p++)
            at.at[p] += joining[i].at[p];
        if (l->kind == VKS_POOL) {
            below = reference_pool_backward(&at, &pass->layer[i - 1], e->pool);
        } else {
            for (size_t p = 0; p < reference_count(&at); p++)
                at.at[p] = activation->at[p] > 0 ? at.at[p] : 0;
            float *weights = weights_of(l);
            below = reference_conv_backward(&at, weights, l->in, i > 0);
            free(weights);
        }
        reference_free(&at);
        at = below;
    }
    reference_tensor input = reference_pad_backward(&at, e->padding);
    reference_tensor picture = reference_zeros(3, input.height, input.width);
    size_t plane = (size_t)input.height * (size_t)input.width;
    for (int c = 0; c < 3; c++)
        for (size_t p = 0; p < plane; p++)
            picture.at[(size_t)m->order[c] * plane + p] +=
                input.at[(size_t)c * plane + p] * m->scale[c];
    reference_free(&at);
    reference_free(&input);
    return picture;
}
