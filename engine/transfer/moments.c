// SPDX-License-Identifier: MIT
#include "moments.h"
#include "push.h"

void vks_add_channel_sums(vks_encoding *e, int layer, vks_rect rect, int mask, int sums, bool add)
{
    vks_plan *plan = e->plan;
    vks_shape shape = e->shape[layer];
    uint32_t padded = vks_gram_padded(shape.channels), step = vks_slice_quads(plan, shape);
    // Enough workgroups for a large GPU, few enough that their sums are added at once.
    uint32_t pixels = vks_round_up((shape.plane + 63) / 64, 64);
    pixels = pixels < 1024 ? 1024 : pixels;
    uint32_t splits = (shape.plane + pixels - 1) / pixels;
    int partials =
        vks_plan_buffer(plan, "channel partials", (uint64_t)splits * padded * 4, VKS_PASSING);
    for (uint32_t q = 0; q < shape.quads; q += step) {
        uint32_t quads = step < shape.quads - q ? step : shape.quads - q;
        bool last = q + quads == shape.quads;
        struct vks_push_channels push = {.pitch = shape.pitch,
                                         .plane = shape.plane,
                                         .channels = padded,
                                         .quads = quads,
                                         .quad_first = q,
                                         .pixels = pixels,
                                         .masked = mask >= 0,
                                         .x0 = rect.x0,
                                         .y0 = rect.y0,
                                         .x1 = rect.x1,
                                         .y1 = rect.y1};
        vks_plan_add(plan,
                     &(vks_step){.kernel = VKS_KERNEL_CHANNEL_SUMS,
                                 .spec = {64},
                                 .spec_count = 1,
                                 .uses = {vks_quads(plan, e->activation[layer], shape, q, quads),
                                          {mask >= 0 ? mask : partials, 0, 0},
                                          {partials, 0, 0}},
                                 .use_count = 3,
                                 .push = &push,
                                 .push_bytes = sizeof push,
                                 .groups = {splits, last ? padded / 4 - q : quads},
                                 .label = "channel sums",
                                 .bytes = 16.0 * quads * shape.plane});
    }
    vks_add_accumulate(plan, partials, splits, padded / 4, sums, add);
}

void vks_add_moments_loss(vks_encoding *e, const vks_gram *gram, double positions,
                          const vks_aim *aim, int sums, int values, int shift, int difference)
{
    vks_plan *plan = e->plan;
    uint32_t groups = gram->padded / 64;
    int partials = vks_plan_buffer(plan, "moment partials", groups * 4, VKS_PASSING);
    double scale = e->options.scale, gradient = aim->beta / positions * e->options.gradient;
    struct vks_push_moments push = {.channels = gram->channels,
                                    .padded = gram->padded,
                                    .scale = (float)(1 / (positions * scale)),
                                    .floor = (float)aim->floor,
                                    .mean = (float)aim->k,
                                    .deviation = (float)aim->k_spread,
                                    .factor = (float)(gradient / (scale * scale)),
                                    .shift = (float)(gradient / scale)};
    vks_plan_add(plan, &(vks_step){.kernel = VKS_KERNEL_MOMENTS_LOSS,
                                   .spec = {64},
                                   .spec_count = 1,
                                   .uses = {{sums, 0, 0},
                                            {aim->buffer, 0, 0},
                                            {gram->buffer, 0, 0},
                                            {difference, 0, 0},
                                            {shift, 0, 0},
                                            {partials, 0, 0}},
                                   .use_count = 6,
                                   .push = &push,
                                   .push_bytes = sizeof push,
                                   .groups = {groups},
                                   .label = "moments loss"});
    (aim->first ? vks_add_sum : vks_add_more)(plan, partials, groups, values, VKS_VALUE_MOMENTS, 1);
}

void vks_add_shift(vks_encoding *e, int layer, int shift, int mask)
{
    vks_plan *plan = e->plan;
    vks_shape shape = e->shape[layer];
    uint32_t step = vks_slice_quads(plan, shape);
    for (uint32_t q = 0; q < shape.quads; q += step) {
        uint32_t quads = step < shape.quads - q ? step : shape.quads - q;
        struct vks_push_shift push = {.count = quads * shape.plane,
                                      .plane = shape.plane,
                                      .quad_first = q,
                                      .masked = mask >= 0};
        vks_plan_add(plan,
                     &(vks_step){.kernel = VKS_KERNEL_SHIFT,
                                 .spec = {64},
                                 .spec_count = 1,
                                 .uses = {{shift, 0, 0},
                                          {mask >= 0 ? mask : shift, 0, 0},
                                          vks_quads(plan, e->joining[layer], shape, q, quads)},
                                 .use_count = 3,
                                 .push = &push,
                                 .push_bytes = sizeof push,
                                 .groups = {(push.count + 255) / 256},
                                 .label = "shift",
                                 .bytes = 32.0 * push.count});
    }
    vks_plan_cut(plan);
}
