// SPDX-License-Identifier: MIT
#include "support.h"

#include "push.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void need(bool good, const vkstyle_error *error)
{
    if (!good)
        fail_msg("status %d: %s", (int)error->status, error->text);
}

void need_failure(bool good, const vkstyle_error *error, vkstyle_status status, ...)
{
    if (good)
        fail_msg("succeeded, and should have failed");
    if (error->status != status)
        fail_msg("status %d and not %d: %s", (int)error->status, (int)status, error->text);
    va_list words;
    va_start(words, status);
    for (const char *word; (word = va_arg(words, const char *));)
        if (!strstr(error->text, word))
            fail_msg("no \"%s\" in: %s", word, error->text);
    va_end(words);
    if (strchr(error->text, '\n'))
        fail_msg("a newline in: %s", error->text);
}

vks_gpu *open_with(const char *limits)
{
    vkstyle_error error = {0};
    if (limits)
        setenv("VKSTYLE_DEBUG_LIMITS", limits, 1);
    vks_gpu *gpu = vks_gpu_open(NULL, &error);
    unsetenv("VKSTYLE_DEBUG_LIMITS");
    need(gpu, &error);
    return gpu;
}

void fill_random(float *values, size_t count, uint32_t seed)
{
    for (size_t i = 0; i < count; ++i) {
        seed = seed * 1664525u + 1013904223u;
        values[i] = (float)(seed >> 8) / 8388608.0f - 1.0f;
    }
}

uint64_t product_weights(const product *p)
{
    return (uint64_t)p->batch * p->n * p->k;
}

uint64_t product_source(const product *p)
{
    return (uint64_t)p->batch * p->k * p->columns;
}

uint64_t product_result(const product *p)
{
    return (uint64_t)p->batch * p->n * p->columns;
}

void product_add(vks_sequence *sequence, const product *p, vks_storage storage,
                 const vks_slice slices[3], bool accumulate_first)
{
    for (uint32_t k = 0; k < p->k; k += p->chunk) {
        vks_dispatch d = {
            .kernel = VKS_KERNEL_GEMM,
            .storage = storage,
            .spec = {p->width, p->chunk, p->oc},
            .spec_count = 3,
            .slices = {slices[0], slices[1], slices[2]},
            .slice_count = 3,
            .groups = {p->columns / p->width, p->n / (4 * p->oc), p->batch},
            .label = "product",
            .flops = 2.0 * p->columns * p->n * p->chunk * p->batch,
            .bytes = 4.0 * p->columns * (p->n + p->chunk) * p->batch,
        };
        const struct vks_push_gemm push = {
            .source_columns = p->columns,
            .k_quads = p->k / 4,
            .k_first = k / 4,
            .source_quad = k / 4,
            .out_quads = p->n / 4,
            .result_columns = p->columns,
            .accumulate = k > 0 || accumulate_first,
        };
        memcpy(d.push, &push, sizeof push);
        d.push_bytes = sizeof push;
        vkstyle_error error = {0};
        need(vks_sequence_add(sequence, &d, &error), &error);
    }
}

void product_reference(const product *p, const float *weights, const float *source, double *result)
{
    const uint32_t block = 4 * p->oc;
    for (uint32_t b = 0; b < p->batch; ++b)
        for (uint32_t n = 0; n < p->n; ++n)
            for (uint32_t x = 0; x < p->columns; ++x) {
                double sum = 0;
                for (uint32_t k = 0; k < p->k; ++k) {
                    // [batch][n / block][k][n % block]
                    const size_t w =
                        (((size_t)b * (p->n / block) + n / block) * p->k + k) * block + n % block;
                    // [batch][k / 4][x][k % 4]
                    const size_t s =
                        (((size_t)b * (p->k / 4) + k / 4) * p->columns + x) * 4 + k % 4;
                    sum += (double)weights[w] * (double)source[s];
                }
                result[(((size_t)b * (p->n / 4) + n / 4) * p->columns + x) * 4 + n % 4] = sum;
            }
}

void finish(vks_gpu *gpu, uint64_t ticket)
{
    vkstyle_error error = {0};
    for (bool done = false; !done;)
        need(vks_gpu_done(gpu, ticket, 0.1, &done, &error), &error);
}

void run(vks_gpu *gpu, vks_sequence *sequence)
{
    vkstyle_error error = {0};
    uint64_t ticket = 0;
    need(vks_gpu_submit(gpu, sequence, 0, vks_sequence_parts(sequence), &ticket, &error), &error);
    finish(gpu, ticket);
}
