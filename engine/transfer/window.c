// SPDX-License-Identifier: MIT
#include "window.h"

#include <string.h>

enum { ALIGN = 4 }; // pixels of a layer: Winograd's and the masks' tiles

// A run of pixels, rows or columns.
typedef struct run {
    uint32_t first, end;
} run;

// One axis of a window: in the picture, and at each layer, all in coordinates of the whole.
typedef struct axis {
    run own, rect;
    run own_at[VKS_MAX_DEPTH];
    run rect_at[VKS_MAX_DEPTH];
    run uncropped[VKS_MAX_DEPTH]; // of poolings
} axis;

static bool is_pool(const vks_grid *g, int layer)
{
    return g->model->layers[layer].kind == VKS_POOL;
}

static run both(run a, run b)
{
    return (run){a.first < b.first ? a.first : b.first, a.end > b.end ? a.end : b.end};
}

// The input that a 3x3 convolution needs for `out`.
static run widened(run out, uint32_t length)
{
    return (run){out.first ? out.first - 1 : 0, out.end < length ? out.end + 1 : length};
}

uint32_t vks_tile_grain(const vkstyle_model *model, int depth)
{
    uint32_t stride = 1;
    for (int i = 0; i < depth; i++)
        stride *= model->layers[i].kind == VKS_POOL ? 2 : 1;
    return stride;
}

// From the deepest layer down: what must be right at each layer, and what is worked on.
static void make_axis(const vks_grid *g, uint32_t length, run own, axis *a)
{
    uint32_t lengths[VKS_MAX_DEPTH], size = length;
    run at = own;
    a->own = own;
    for (int i = 0; i < g->depth; i++) {
        if (is_pool(g, i)) {
            bool last = at.end == size;
            size /= 2;
            at = (run){at.first / 2, last ? size : at.end / 2};
        }
        lengths[i] = size;
        a->own_at[i] = at;
    }
    run need = a->own_at[g->depth - 1];
    int first = g->depth - 1; // of the layers that share a resolution
    for (int i = g->depth - 1; i >= 0; i--) {
        uint32_t below = i ? lengths[i - 1] : length;
        run own_below = i ? a->own_at[i - 1] : own;
        if (is_pool(g, i)) {
            need.first = need.first / ALIGN * ALIGN;
            a->rect_at[i] = need;
            for (int k = i + 1; k <= first; k++)
                a->rect_at[k] = need;
            first = i - 1;
            need = both((run){2 * need.first, 2 * need.end}, own_below);
            if (need.end > below)
                need.end = below;
        } else {
            need = both(widened(need, below), own_below);
        }
    }
    need.first = need.first / ALIGN * ALIGN;
    a->rect = need;
    for (int k = 0; k <= first; k++)
        a->rect_at[k] = need;
    // Behind a pooling there is as much as the layer before had, halved, until it is cropped.
    for (int i = 1; i < g->depth; i++) {
        if (!is_pool(g, i))
            continue;
        run before = a->rect_at[i - 1];
        a->uncropped[i] =
            (run){before.first / 2, before.first / 2 + (before.end - before.first) / 2};
    }
}

static run own_run(const vks_grid *g, uint32_t number, uint32_t count, uint32_t length)
{
    run own = {number ? g->offset + number * g->tile : 0, g->offset + (number + 1) * g->tile};
    if (number + 1 == count)
        own.end = length;
    return own;
}

// Multiply-adds a pixel of the layer's own, weighed by its stride: one axis of the cost.
static double cost_of(const vks_grid *g, const axis *a)
{
    double cost = 0, stride = 1;
    for (int i = 0; i < g->depth; i++) {
        const vks_layer *layer = &g->model->layers[i];
        if (is_pool(g, i))
            stride *= 2;
        else
            cost += (double)layer->in * layer->out * (a->rect_at[i].end - a->rect_at[i].first);
    }
    return cost;
}

// The last tile has at least a grain of its own, so that it has features at every layer.
static uint32_t count_tiles(const vks_grid *g, uint32_t length, uint32_t grain)
{
    uint32_t count = 1;
    while (g->offset + count * g->tile + grain <= length)
        count++;
    return count;
}

vks_grid vks_grid_make(const vkstyle_model *model, int depth, uint32_t width, uint32_t height,
                       uint32_t tile)
{
    uint32_t grain = vks_tile_grain(model, depth);
    vks_grid g = {.model = model, .depth = depth, .width = width, .height = height};
    g.tile = vks_round_up(tile ? tile : 1, grain);
    uint32_t best = 0;
    double least = 0;
    for (uint32_t offset = 0; offset < ALIGN * grain; offset += grain) {
        // An inner tile of a long picture.
        axis a;
        uint32_t first = 64 * grain * ALIGN + offset;
        make_axis(&g, 1u << 24, (run){first, first + g.tile}, &a);
        double cost = cost_of(&g, &a);
        if (!offset || cost < least) {
            least = cost;
            best = offset;
        }
    }
    g.offset = best;
    g.columns = count_tiles(&g, width, grain);
    g.rows = count_tiles(&g, height, grain);
    return g;
}

uint32_t vks_grid_count(const vks_grid *g)
{
    return g->columns * g->rows;
}

void vks_window_at(const vks_grid *g, uint32_t number, vks_window *w)
{
    axis x, y;
    make_axis(g, g->width, own_run(g, number % g->columns, g->columns, g->width), &x);
    make_axis(g, g->height, own_run(g, number / g->columns, g->rows, g->height), &y);
    memset(w, 0, sizeof *w); // windows are compared byte by byte
    w->own = (vks_rect){x.own.first, y.own.first, x.own.end, y.own.end};
    w->rect = (vks_rect){x.rect.first, y.rect.first, x.rect.end, y.rect.end};
    for (int i = 0; i < g->depth; i++) {
        run rx = x.rect_at[i], ry = y.rect_at[i];
        w->origin[i].x = rx.first;
        w->origin[i].y = ry.first;
        w->at[i] = (vks_rect){x.own_at[i].first - rx.first, y.own_at[i].first - ry.first,
                              x.own_at[i].end - rx.first, y.own_at[i].end - ry.first};
        if (is_pool(g, i))
            w->crop[i] =
                (vks_rect){rx.first - x.uncropped[i].first, ry.first - y.uncropped[i].first,
                           rx.end - x.uncropped[i].first, ry.end - y.uncropped[i].first};
    }
}

bool vks_window_alike(const vks_window *a, const vks_window *b)
{
    vks_rect p = a->own, q = b->own, r = a->rect, s = b->rect;
    return r.x1 - r.x0 == s.x1 - s.x0 && r.y1 - r.y0 == s.y1 - s.y0 && p.x0 - r.x0 == q.x0 - s.x0 &&
           p.y0 - r.y0 == q.y0 - s.y0 && p.x1 - p.x0 == q.x1 - q.x0 && p.y1 - p.y0 == q.y1 - q.y0 &&
           !memcmp(a->crop, b->crop, sizeof a->crop) && !memcmp(a->at, b->at, sizeof a->at);
}

vks_shape vks_grid_shape(const vks_grid *g, int layer)
{
    uint32_t width = g->width, height = g->height;
    for (int i = 0; i <= layer; i++) {
        if (is_pool(g, i)) {
            width /= 2;
            height /= 2;
        }
    }
    return vks_shape_of(width, height, (uint32_t)g->model->layers[layer].out);
}

double vks_grid_overhead(const vks_grid *g, int depth)
{
    double work = 0, whole = 0; // multiply-adds, over nine
    vks_window w;
    for (uint32_t n = 0; n < vks_grid_count(g); n++) {
        vks_window_at(g, n, &w);
        double width = w.rect.x1 - w.rect.x0, height = w.rect.y1 - w.rect.y0;
        for (int i = 0; i < depth; i++) {
            const vks_layer *layer = &g->model->layers[i];
            if (is_pool(g, i)) {
                width = w.crop[i].x1 - w.crop[i].x0;
                height = w.crop[i].y1 - w.crop[i].y0;
            } else {
                work += (double)layer->in * layer->out * width * height;
            }
        }
    }
    double width = g->width, height = g->height;
    for (int i = 0; i < g->depth; i++) {
        const vks_layer *layer = &g->model->layers[i];
        if (is_pool(g, i)) {
            width = (uint32_t)width / 2;
            height = (uint32_t)height / 2;
        } else {
            whole += (double)layer->in * layer->out * width * height;
        }
    }
    return work / whole;
}
