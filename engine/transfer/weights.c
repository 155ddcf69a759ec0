// SPDX-License-Identifier: MIT
#include "weights.h"
#include "../image/image.h"

#include <string.h>

vks_extent vks_extent_of(const vks_layer *layer, vks_direction direction)
{
    uint64_t in = (uint64_t)(direction == VKS_FORWARD ? layer->in : layer->out);
    uint64_t out = (uint64_t)(direction == VKS_FORWARD ? layer->out : layer->in);
    return (vks_extent){(in + 3) / 4 * 4, (out + VKS_BLOCK - 1) / VKS_BLOCK};
}

const float *vks_taps_at(const vks_layer *layer, size_t at, float room[VKS_TAPS])
{
    if (layer->weights)
        return layer->weights + at * VKS_TAPS;
    for (size_t t = 0; t < VKS_TAPS; t++)
        room[t] = layer->codebook[layer->indices[at * VKS_TAPS + t]];
    return room;
}

// The taps of a block's outputs and one input, [9][16].
static void pack_block(const vks_layer *layer, vks_direction direction, size_t block, size_t k,
                       float *to)
{
    bool forward = direction == VKS_FORWARD;
    size_t ins = (size_t)(forward ? layer->in : layer->out);
    size_t outs = (size_t)(forward ? layer->out : layer->in);
    float room[VKS_TAPS];
    for (size_t o = 0; o < VKS_BLOCK; o++) {
        size_t n = block * VKS_BLOCK + o;
        bool there = k < ins && n < outs;
        const float *w =
            there ? vks_taps_at(layer, forward ? n * ins + k : k * outs + n, room) : NULL;
        for (size_t t = 0; t < VKS_TAPS; t++)
            to[t * VKS_BLOCK + o] = !w ? 0 : forward ? w[t] : w[VKS_TAPS - 1 - t];
    }
}

// Block by block and input by input: what is written then lies together.
void vks_pack_direct(const vks_layer *layer, vks_direction direction, float *to)
{
    vks_extent e = vks_extent_of(layer, direction);
    for (size_t b = 0; b < e.blocks; b++)
        for (size_t k = 0; k < e.k; k++, to += VKS_TAPS * VKS_BLOCK)
            pack_block(layer, direction, b, k, to);
}

// ---------------------------------------------------------------- Winograd's domain

// G g for one line of three taps, 16 outputs side by side.
static void line(const float *g0, const float *g1, const float *g2, float *u[6])
{
    for (int o = 0; o < VKS_BLOCK; o++) {
        float even = (g0[o] + g2[o]) * (1.0f / 6), odd = g1[o] * (1.0f / 6);
        float a = g0[o] * (1.0f / 24) + g2[o] * (1.0f / 6), b = g1[o] * (1.0f / 12);
        u[0][o] = g0[o] * 0.25f;
        u[1][o] = -even - odd;
        u[2][o] = -even + odd;
        u[3][o] = a + b;
        u[4][o] = a - b;
        u[5][o] = g2[o];
    }
}

typedef struct packing {
    const vks_layer *layer;
    vks_direction direction;
    bool wide;
    float *to;
} packing;

// Four inputs of one block side by side.
static void interleave(float four[4][VKS_FREQUENCIES][VKS_BLOCK], float *to, size_t step)
{
    for (size_t f = 0; f < VKS_FREQUENCIES; f++, to += step)
        for (size_t o = 0; o < VKS_BLOCK; o++)
            for (size_t i = 0; i < 4; i++)
                to[o * 4 + i] = four[i][f][o];
}

static bool winograd_blocks(int first, int last, void *user)
{
    const packing *p = user;
    vks_extent e = vks_extent_of(p->layer, p->direction);
    size_t step = e.blocks * e.k * VKS_BLOCK;
    float taps[VKS_TAPS][VKS_BLOCK], rows[6][3][VKS_BLOCK], *u[6];
    float four[4][VKS_FREQUENCIES][VKS_BLOCK]; // of four inputs
    for (size_t b = (size_t)first; b < (size_t)last; b++) {
        for (size_t k = 0; k < e.k; k++) {
            float *to = p->to + (b * e.k + k) * VKS_BLOCK;
            pack_block(p->layer, p->direction, b, k, taps[0]);
            for (int x = 0; x < 3; x++) {
                for (int y = 0; y < 6; y++)
                    u[y] = rows[y][x];
                line(taps[x], taps[3 + x], taps[6 + x], u);
            }
            for (size_t y = 0; y < 6; y++) {
                for (size_t x = 0; x < 6; x++)
                    u[x] = p->wide ? four[k % 4][y * 6 + x] : to + (y * 6 + x) * step;
                line(rows[y][0], rows[y][1], rows[y][2], u);
            }
            if (p->wide && k % 4 == 3)
                interleave(four, to - 3 * VKS_BLOCK, step);
        }
    }
    return true;
}

void vks_pack_winograd(const vks_layer *layer, vks_direction direction, bool wide, float *to)
{
    packing p = {layer, direction, wide, to};
    vks_image_rows((int)vks_extent_of(layer, direction).blocks, winograd_blocks, &p);
}
