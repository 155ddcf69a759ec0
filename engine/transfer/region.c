// SPDX-License-Identifier: MIT
#include "region.h"
#include "push.h"

#include <math.h>
#include <string.h>

// How much of pixel i lies in [from, to).
static double overlap(double from, double to, uint32_t i)
{
    return fmin(to, i + 1.0) - fmax(from, i);
}

double vks_mask_at_layer(const float *mask, uint32_t width, uint32_t height, vks_shape shape,
                         float *to)
{
    if (!mask)
        return (double)shape.width * shape.height;
    double step_x = (double)width / shape.width, step_y = (double)height / shape.height, mass = 0;
    if (to)
        memset(to, 0, shape.plane * sizeof *to);
    for (uint32_t y = 0; y < shape.height; y++) {
        double y0 = y * step_y, y1 = fmin((y + 1) * step_y, height);
        for (uint32_t x = 0; x < shape.width; x++) {
            double x0 = x * step_x, x1 = fmin((x + 1) * step_x, width), sum = 0, area = 0;
            for (uint32_t v = (uint32_t)y0; v < y1 && v < height; v++)
                for (uint32_t u = (uint32_t)x0; u < x1 && u < width; u++) {
                    double part = overlap(y0, y1, v) * overlap(x0, x1, u);
                    sum += part * mask[(size_t)v * width + u];
                    area += part;
                }
            double mean = area > 0 ? sum / area : 0;
            mass += mean * mean;
            if (to)
                to[(size_t)y * shape.pitch + x] = (float)mean;
        }
    }
    return mass;
}

void vks_add_masked(vks_encoding *e, int layer, int from, int mask, int to, bool add)
{
    vks_plan *plan = e->plan;
    vks_shape shape = e->shape[layer];
    uint32_t step = vks_slice_quads(plan, shape);
    for (uint32_t q = 0; q < shape.quads; q += step) {
        uint32_t quads = step < shape.quads - q ? step : shape.quads - q;
        struct vks_push_mask push = {
            .count = quads * shape.plane, .plane = shape.plane, .add = add};
        vks_plan_add(plan, &(vks_step){.kernel = VKS_KERNEL_MASK,
                                       .spec = {64},
                                       .spec_count = 1,
                                       .uses = {vks_quads(plan, from, shape, q, quads),
                                                {mask, 0, 0},
                                                vks_quads(plan, to, shape, q, quads)},
                                       .use_count = 3,
                                       .push = &push,
                                       .push_bytes = sizeof push,
                                       .groups = {(push.count + 255) / 256},
                                       .label = "mask",
                                       .bytes = 32.0 * push.count});
    }
}
