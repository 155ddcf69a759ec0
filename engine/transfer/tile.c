// SPDX-License-Identifier: MIT
#include "tile.h"

uint32_t vks_layer_stride(const vkstyle_model *model, int layer)
{
    uint32_t stride = 1;
    for (int i = 0; i <= layer; i++)
        if (model->layers[i].kind == VKS_POOL)
            stride *= 2;
    return stride;
}

// How far a position of layer `depth` - 1 sees beyond the pixels it covers: each 3x3 convolution
// adds one position of its own layer on every side.
static uint32_t radius(const vkstyle_model *model, int depth)
{
    uint32_t pixels = 0;
    for (int i = 0; i < depth; i++)
        if (model->layers[i].kind == VKS_CONV)
            pixels += vks_layer_stride(model, i);
    return pixels;
}

// The left edge of column (or row) n. The first tile is narrower than the others, so that windows,
// which begin a halo before the others' edges, begin at multiples of 4 strides.
static uint32_t edge(const vks_tiling *t, uint32_t n, uint32_t length)
{
    if (!n || !t->size)
        return n ? length : 0;
    uint32_t grain = 4 * t->stride;
    uint64_t at = (uint64_t)n * t->size;
    if (t->size % grain == 0)
        at -= (grain - t->halo % grain) % grain;
    return at < length ? (uint32_t)at : length;
}

static uint32_t count_of(const vks_tiling *t, uint32_t length)
{
    uint32_t n = 1;
    while (edge(t, n, length) < length)
        n++;
    return n;
}

vks_tiling vks_tiling_make(const vkstyle_model *model, int depth, uint32_t width, uint32_t height,
                           uint32_t size)
{
    vks_tiling t = {.width = width, .height = height, .columns = 1, .rows = 1};
    t.stride = vks_layer_stride(model, depth - 1);
    t.halo = vks_round_up(radius(model, depth), t.stride);
    if (size) {
        t.size = size < t.stride ? t.stride : size / t.stride * t.stride;
        t.columns = count_of(&t, width);
        t.rows = count_of(&t, height);
    }
    return t;
}

vks_rect vks_tile_own(const vks_tiling *t, uint32_t column, uint32_t row)
{
    return (vks_rect){edge(t, column, t->width), edge(t, row, t->height),
                      edge(t, column + 1, t->width), edge(t, row + 1, t->height)};
}

static uint32_t before(uint32_t at, uint32_t halo)
{
    return at > halo ? at - halo : 0;
}

static uint32_t after(uint32_t at, uint32_t halo, uint32_t end)
{
    return end - at > halo ? at + halo : end;
}

vks_rect vks_tile_window(const vks_tiling *t, uint32_t column, uint32_t row)
{
    vks_rect own = vks_tile_own(t, column, row);
    return (vks_rect){before(own.x0, t->halo), before(own.y0, t->halo),
                      after(own.x1, t->halo, t->width), after(own.y1, t->halo, t->height)};
}

// The last position may lie over a rest that is narrower than a stride: it is cut off, as in the
// whole picture.
static uint32_t position(uint32_t edge_at, uint32_t origin, uint32_t end, uint32_t pooled,
                         uint32_t length)
{
    return edge_at == end ? length : (edge_at - origin) / pooled;
}

vks_rect vks_tile_positions(const vks_tiling *t, uint32_t column, uint32_t row, vks_shape shape,
                            uint32_t pooled)
{
    vks_rect own = vks_tile_own(t, column, row), window = vks_tile_window(t, column, row);
    vks_rect r = {position(own.x0, window.x0, UINT32_MAX, pooled, 0),
                  position(own.y0, window.y0, UINT32_MAX, pooled, 0),
                  position(own.x1, window.x0, t->width, pooled, shape.width),
                  position(own.y1, window.y0, t->height, pooled, shape.height)};
    // A last tile narrower than a stride has no position of its own there.
    r.x0 = r.x0 < r.x1 ? r.x0 : r.x1;
    r.y0 = r.y0 < r.y1 ? r.y0 : r.y1;
    return r;
}

double vks_tiling_cost(const vks_tiling *t)
{
    double pixels = 0;
    for (uint32_t row = 0; row < t->rows; row++)
        for (uint32_t column = 0; column < t->columns; column++) {
            vks_rect w = vks_tile_window(t, column, row);
            pixels += (double)(w.x1 - w.x0) * (w.y1 - w.y0);
        }
    return pixels / ((double)t->width * t->height);
}
