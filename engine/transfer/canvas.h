// SPDX-License-Identifier: MIT
// Whole pictures beside which windows are worked on: floats (r, g, b) row by row without gaps, in
// one block of memory each, on the device or the host; and the steps that move a window's share.
#ifndef VKS_CANVAS_H
#define VKS_CANVAS_H

#include "window.h"

// Rounded up to whole vec4s.
uint64_t vks_canvas_bytes(uint32_t width, uint32_t height);

// From and to planar pictures, whose size it is. Without a second copy of the picture.
bool vks_canvas_put(vks_gpu *gpu, vks_slice to, const vkstyle_image *image, vkstyle_error *error);
bool vks_canvas_get(vks_gpu *gpu, vks_slice from, vkstyle_image *image, vkstyle_error *error);

// canvas (a buffer, `width` pixels a row) -> window ([height][width] vec4 of rect).
void vks_add_window_load(vks_plan *plan, int canvas, uint32_t width, int window, vks_rect rect);
// canvas += window.
void vks_add_window_sum(vks_plan *plan, int canvas, uint32_t width, int window, vks_rect rect);
// Zeros, `bytes` a multiple of 16.
void vks_add_fill(vks_plan *plan, int buffer, uint64_t bytes);

// What the plans of all tiles find at the same place: the window's picture, its gradient, the
// content's features under it, and sums of its losses.
typedef struct vks_pane {
    vks_block *block; // NULL: dry
    uint64_t bytes;
    vks_slice picture, gradient, content, values;
} vks_pane;

// As large as the largest window. content_layer < 0, backward false: without those. lean: `content`
// is the window of the content's picture.
bool vks_pane_create(vks_pane *pane, vks_gpu *gpu, const vks_grid *grid, vks_storage storage,
                     bool backward, bool lean, int content_layer, vkstyle_error *error);
void vks_pane_free(vks_pane *pane);

#endif
