// SPDX-License-Identifier: MIT
// How a tensor lies in memory: channel quads, each a plane of rows padded to multiples of 4 pixels,
// so that tiles of 4x4 never need a guard. What lies in the padding is unspecified.
#ifndef VKS_SHAPE_H
#define VKS_SHAPE_H

#include <stdint.h>

typedef struct vks_shape {
    uint32_t width, height, channels;
    uint32_t quads;      // channels / 4 rounded up
    uint32_t pitch;      // pixels a row in memory
    uint32_t plane;      // pixels a quad in memory, a multiple of 64
    uint32_t tiles_x;    // 4x4 tiles a row
    uint32_t tiles;      // in all
    uint32_t mask_plane; // uvec2s a quad of a mask, at least tiles, a multiple of 32
} vks_shape;

// The pixels of a layer that count in the losses (x1, y1 exclusive): the plan's rectangle less
// halo.
typedef struct vks_rect {
    uint32_t x0, y0, x1, y1;
} vks_rect;

static inline uint32_t vks_round_up(uint32_t n, uint32_t to)
{
    return (n + to - 1) / to * to;
}

static inline vks_shape vks_shape_of(uint32_t width, uint32_t height, uint32_t channels)
{
    vks_shape s = {.width = width, .height = height, .channels = channels};
    s.quads = vks_round_up(channels, 4) / 4;
    s.pitch = vks_round_up(width, 4);
    s.plane = vks_round_up(s.pitch * vks_round_up(height, 4), 64);
    s.tiles_x = s.pitch / 4;
    s.tiles = s.tiles_x * (vks_round_up(height, 4) / 4);
    s.mask_plane = vks_round_up(s.tiles, 32);
    return s;
}

#endif
