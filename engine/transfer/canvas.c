// SPDX-License-Identifier: MIT
#include "canvas.h"
#include "push.h"
#include "raster.h"
#include "../error.h"

#include <stdlib.h>
#include <string.h>

enum { PIECE = 1 << 18 }; // pixels that go through host memory at a time

uint64_t vks_canvas_bytes(uint32_t width, uint32_t height)
{
    return (3ull * width * height + 3) / 4 * 16;
}

// ---------------------------------------------------------------- from and to pictures

static void pack(const vkstyle_image *image, size_t first, size_t count, float *to)
{
    size_t n = (size_t)image->width * (size_t)image->height;
    for (size_t i = 0; i < count; i++)
        for (size_t c = 0; c < 3; c++)
            to[3 * i + c] = image->rgb[c * n + first + i];
}

static void unpack(vkstyle_image *image, size_t first, size_t count, const float *from)
{
    size_t n = (size_t)image->width * (size_t)image->height;
    for (size_t i = 0; i < count; i++)
        for (size_t c = 0; c < 3; c++)
            image->rgb[c * n + first + i] = from[3 * i + c];
}

static bool move(vks_gpu *gpu, vks_slice canvas, vkstyle_image *image, bool put,
                 vkstyle_error *error)
{
    size_t n = (size_t)image->width * (size_t)image->height;
    char *map = vks_block_map(canvas.block);
    float *floats = map ? NULL : malloc(PIECE * 3 * sizeof *floats);
    if (!map && !floats)
        return vks_fail(error, VKSTYLE_NO_MEMORY, "out of memory for a picture");
    bool done = true;
    for (size_t at = 0; done && at < n; at += PIECE) {
        size_t count = n - at < PIECE ? n - at : PIECE;
        vks_slice part = {canvas.block, canvas.offset + at * 12, count * 12};
        float *here = map ? (float *)(void *)(map + part.offset) : floats;
        if (put) {
            pack(image, at, count, here);
            done = map || vks_upload(gpu, part, here, error);
        } else {
            done = map || vks_download(gpu, part, here, error);
            if (done)
                unpack(image, at, count, here);
        }
    }
    // What rounds up to whole vec4s takes part in sums.
    uint64_t tail = vks_canvas_bytes((uint32_t)image->width, (uint32_t)image->height) - n * 12;
    if (done && put && tail) {
        const float zeros[4] = {0};
        if (map)
            memcpy(map + canvas.offset + n * 12, zeros, tail);
        else
            done = vks_upload(gpu, (vks_slice){canvas.block, canvas.offset + n * 12, tail}, zeros,
                              error);
    }
    free(floats);
    return done;
}

bool vks_canvas_put(vks_gpu *gpu, vks_slice to, const vkstyle_image *image, vkstyle_error *error)
{
    return move(gpu, to, (vkstyle_image *)image, true, error); // which is only read then
}

bool vks_canvas_get(vks_gpu *gpu, vks_slice from, vkstyle_image *image, vkstyle_error *error)
{
    return move(gpu, from, image, false, error);
}

// ---------------------------------------------------------------- windows

// Rows of the rectangle in as many dispatches as the device's bindings want.
static void add_rows(vks_plan *plan, vks_kernel kernel, int canvas, uint32_t width, int window,
                     vks_rect r, const char *label)
{
    vks_raster whole = {canvas, width, r.y1, 3};
    uint32_t rows = vks_raster_rows(plan, whole, 1), across = r.x1 - r.x0;
    bool load = kernel == VKS_KERNEL_WINDOW_LOAD;
    for (uint32_t y = r.y0; rows && y < r.y1; y += rows) {
        uint32_t count = r.y1 - y < rows ? r.y1 - y : rows;
        struct vks_push_window push = {
            .width = across, .window_first = (y - r.y0) * across, .whole_pitch = 3 * width};
        vks_use there = vks_raster_part(plan, whole, y, count, &push.whole_first);
        vks_use here = {window, 0, 0};
        push.whole_first += 3 * r.x0;
        vks_plan_add(plan, &(vks_step){.kernel = kernel,
                                       .spec = {64},
                                       .spec_count = 1,
                                       .uses = {load ? there : here, load ? here : there},
                                       .use_count = 2,
                                       .push = &push,
                                       .push_bytes = sizeof push,
                                       .groups = {(across + 63) / 64, count},
                                       .label = label,
                                       .bytes = 40.0 * across * count});
    }
}

void vks_add_window_load(vks_plan *plan, int canvas, uint32_t width, int window, vks_rect rect)
{
    add_rows(plan, VKS_KERNEL_WINDOW_LOAD, canvas, width, window, rect, "window load");
}

void vks_add_window_sum(vks_plan *plan, int canvas, uint32_t width, int window, vks_rect rect)
{
    add_rows(plan, VKS_KERNEL_WINDOW_ADD, canvas, width, window, rect, "window sum");
}

void vks_add_fill(vks_plan *plan, int buffer, uint64_t bytes)
{
    enum { PER_GROUP = 256 };
    const vks_gpu_limits *limits = vks_plan_limits(plan);
    uint64_t count = bytes / 16, most = limits->storage_range / 16 / PER_GROUP * PER_GROUP;
    if (most > (uint64_t)limits->groups[0] * PER_GROUP)
        most = (uint64_t)limits->groups[0] * PER_GROUP;
    for (uint64_t at = 0; at < count; at += most) {
        struct vks_push_fill push = {(uint32_t)(count - at < most ? count - at : most)};
        vks_plan_add(plan, &(vks_step){.kernel = VKS_KERNEL_FILL,
                                       .spec = {64},
                                       .spec_count = 1,
                                       .uses = {{buffer, at * 16, push.count * 16ull}},
                                       .use_count = 1,
                                       .push = &push,
                                       .push_bytes = sizeof push,
                                       .groups = {(push.count + PER_GROUP - 1) / PER_GROUP},
                                       .label = "fill",
                                       .bytes = 16.0 * push.count});
    }
}

// ---------------------------------------------------------------- panes

bool vks_pane_create(vks_pane *p, vks_gpu *gpu, const vks_grid *grid, vks_storage storage,
                     bool backward, bool lean, int content_layer, vkstyle_error *error)
{
    uint64_t texel = storage == VKS_HALF ? 8 : 16, pixels = 0, features = 0;
    vks_window w;
    for (uint32_t n = 0; n < vks_grid_count(grid); n++) {
        vks_window_at(grid, n, &w);
        uint32_t width = w.rect.x1 - w.rect.x0, height = w.rect.y1 - w.rect.y0;
        uint64_t here = (uint64_t)width * height;
        pixels = here > pixels ? here : pixels;
        for (int i = 0; i <= content_layer; i++) {
            if (grid->model->layers[i].kind == VKS_POOL) {
                width = w.crop[i].x1 - w.crop[i].x0;
                height = w.crop[i].y1 - w.crop[i].y0;
            }
            vks_shape s =
                vks_shape_of(width, height, (uint32_t)grid->model->layers[content_layer].out);
            if (i == content_layer && s.quads * (uint64_t)s.plane * texel > features)
                features = s.quads * (uint64_t)s.plane * texel;
        }
    }
    *p = (vks_pane){0};
    if (lean && content_layer >= 0)
        features = pixels * 16;
    vks_slice *slices[] = {&p->picture, &p->gradient, &p->content, &p->values};
    uint64_t sizes[] = {pixels * 16, backward ? pixels * 16 : 0, features, 16};
    for (int i = 0; i < 4; i++) {
        *slices[i] = (vks_slice){NULL, p->bytes, sizes[i]};
        p->bytes += (sizes[i] + 255) / 256 * 256;
    }
    if (!gpu)
        return true;
    p->block = vks_block_create(gpu, p->bytes, VKS_MEMORY_DEVICE, "window", error);
    for (int i = 0; i < 4; i++)
        slices[i]->block = p->block;
    return p->block != NULL;
}

void vks_pane_free(vks_pane *p)
{
    vks_block_free(&p->block);
}
