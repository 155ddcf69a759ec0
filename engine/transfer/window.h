// SPDX-License-Identifier: MIT
// The geometry of tiles. A picture is cut into tiles; a tile is worked on in its window, which is
// the tile and the halo that its features and gradients depend on. Halos shrink layer by layer: at
// each pooling, what no deeper layer of the tile needs is cut off.
//
//   - A tile begins at a multiple of the deepest layer's stride, so that each feature of each layer
//     belongs to exactly one tile.
//   - A window, and what is left of it behind each pooling, begins at a multiple of four pixels of
//     that layer, so that Winograd's 4x4 tiles and the masks' lie as they do in the whole picture:
//     for VGG-19 up to conv5_1 that is a multiple of 64 pixels.
//   - A window ends at the picture's edge, where the padding is the true one; inside the picture
//   its
//     own padding spoils a pixel a convolution, and that is what the halo is for.
#ifndef VKS_WINDOW_H
#define VKS_WINDOW_H

#include "encode.h"

typedef struct vks_grid {
    const vkstyle_model *model;
    int depth;              // layers used
    uint32_t width, height; // of the picture
    uint32_t tile;          // side of a tile, a multiple of the deepest stride
    uint32_t offset;        // the first tile is longer by so much: halos fit the alignment better
    uint32_t columns, rows; // of tiles
} vks_grid;

// One tile. Rectangles of a layer count from the layer's tensor in the window's plan.
typedef struct vks_window {
    vks_rect own, rect;           // tile and window, in the picture
    vks_rect crop[VKS_MAX_DEPTH]; // of poolings, as vks_encode_options takes it
    vks_rect at[VKS_MAX_DEPTH];   // the tile at each layer
    // Where the layer's tensor begins in the whole picture's layer.
    struct {
        uint32_t x, y;
    } origin[VKS_MAX_DEPTH];
} vks_window;

// Multiples of this are tile sizes: the stride of the deepest layer.
uint32_t vks_tile_grain(const vkstyle_model *model, int depth);
// tile: rounded up to the grain. A tile that covers the picture makes a grid of one.
vks_grid vks_grid_make(const vkstyle_model *model, int depth, uint32_t width, uint32_t height,
                       uint32_t tile);
uint32_t vks_grid_count(const vks_grid *grid);
// Tile `number`, row by row.
void vks_window_at(const vks_grid *grid, uint32_t number, vks_window *window);
// Whether two windows differ in nothing but their place: one plan serves both.
bool vks_window_alike(const vks_window *a, const vks_window *b);
// Size of a layer of the whole picture.
vks_shape vks_grid_shape(const vks_grid *grid, int layer);
// Work of all windows in one pass forward up to layer depth - 1, over that of the whole picture up
// to the deepest: what halos cost.
double vks_grid_overhead(const vks_grid *grid, int depth);

#endif
