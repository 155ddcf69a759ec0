// SPDX-License-Identifier: MIT
//
// What the tests of engine/gpu share.
#ifndef VKS_TEST_GPU_SUPPORT_H
#define VKS_TEST_GPU_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
// cmocka.h wants these four before it
#include <cmocka.h>

#include "gpu/gpu.h"

// Ends the test with the error's text when `good` is false.
void need(bool good, const vkstyle_error *error);
// Ends the test unless `good` is false, the status is the one given, and the text holds all of the
// words (NULL-terminated).
void need_failure(bool good, const vkstyle_error *error, vkstyle_status status, ...);

// Opens a device with VKSTYLE_DEBUG_LIMITS set to `limits` (NULL: unset) for this one call.
vks_gpu *open_with(const char *limits);

// Small numbers, the same each time.
void fill_random(float *values, size_t count, uint32_t seed);

// A matrix product as one or more dispatches of kernel gemm. K is a multiple of 4 * chunk quads.
typedef struct product {
    uint32_t columns, n, k, batch; // columns a multiple of width, n of 4 * oc, k of chunk
    uint32_t width, chunk, oc;
} product;

uint64_t product_weights(const product *p); // sizes in floats
uint64_t product_source(const product *p);
uint64_t product_result(const product *p);
// Adds the dispatches: slices are weights, source, result.
void product_add(vks_sequence *sequence, const product *p, vks_storage storage,
                 const vks_slice slices[3], bool accumulate_first);
// In double precision; `result` in the kernel's layout.
void product_reference(const product *p, const float *weights, const float *source, double *result);

// Submits all parts and waits.
void run(vks_gpu *gpu, vks_sequence *sequence);
void finish(vks_gpu *gpu, uint64_t ticket);

#endif
