// SPDX-License-Identifier: MIT
// Where the tiles of a picture lie. A tile owns a rectangle of pixels; its window is that rectangle
// and a halo: all the pixels that the features of its own part depend on, which are also all the
// pixels that the gradient of a loss over those features reaches. Windows end where the picture
// ends, so the encoder's border is the true one there.
#ifndef VKS_TILE_H
#define VKS_TILE_H

#include "../model/encoder.h"
#include "shape.h"

typedef struct vks_tiling {
    uint32_t width, height; // of the picture
    uint32_t size;          // side of a tile; 0: the picture is one tile
    uint32_t stride;        // pixels a position of the deepest layer in use: 16 for VGG-19
    uint32_t halo;          // a multiple of stride
    uint32_t columns, rows;
} vks_tiling;

// Tiles of about size x size pixels (rounded down to the stride, at least one stride) for an
// encoder used up to layer `depth` - 1. With sizes that are multiples of 4 strides all windows
// begin at multiples of 4 strides: the 4x4 tiles of Winograd's transforms then lie as in the whole
// picture, and so do all roundings.
vks_tiling vks_tiling_make(const vkstyle_model *model, int depth, uint32_t width, uint32_t height,
                           uint32_t size);

// The pixels that a tile owns; every pixel of the picture belongs to just one.
vks_rect vks_tile_own(const vks_tiling *tiling, uint32_t column, uint32_t row);
// The same and the halo.
vks_rect vks_tile_window(const vks_tiling *tiling, uint32_t column, uint32_t row);
// The tile's own positions at a layer with `shape` in its window, in the window's coordinates.
// `pooled`: pixels a position of that layer.
vks_rect vks_tile_positions(const vks_tiling *tiling, uint32_t column, uint32_t row,
                            vks_shape shape, uint32_t pooled);

// Pixels a position of a layer: 1, 2, 4, ...
uint32_t vks_layer_stride(const vkstyle_model *model, int layer);

// Pixels of all windows over pixels of the picture: what halos cost. 1: nothing.
double vks_tiling_cost(const vks_tiling *tiling);

static inline bool vks_tiled(const vks_tiling *tiling)
{
    return tiling->columns * tiling->rows > 1;
}

#endif
