// SPDX-License-Identifier: MIT
//
// Kernel gemm through the whole of engine/gpu, against double-precision C, in all four variants,
// with canaries around every slice.
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CANARY = 64 };                       // vec4s between the slices
static const uint32_t PATTERN = 0x7fc0beef; // a NaN: read by mistake, it shows too

static uint64_t padded(const vks_gpu *gpu, uint64_t bytes)
{
    const uint64_t alignment = vks_gpu_get_limits(gpu)->alignment;
    return (bytes + alignment - 1) / alignment * alignment;
}

static void check_product(vks_gpu *gpu, const product *p, vks_storage storage)
{
    vkstyle_error error = {0};
    const uint64_t sizes[3] = {4 * product_weights(p), 4 * product_source(p),
                               4 * product_result(p)};
    vks_slice slices[3];
    uint64_t at = padded(gpu, CANARY * 16);
    for (int i = 0; i < 3; ++i) {
        slices[i] = (vks_slice){.offset = at, .bytes = sizes[i]};
        at = padded(gpu, at + sizes[i] + CANARY * 16);
    }
    vks_block *block = vks_block_create(gpu, at, VKS_MEMORY_DEVICE, "product", &error);
    need(block, &error);
    uint32_t *before = malloc(at), *after = malloc(at);
    double *wanted = malloc(2 * sizes[2]);
    assert_true(before && after && wanted);
    for (uint64_t i = 0; i < at / 4; ++i)
        before[i] = PATTERN;
    float *weights = (float *)before + slices[0].offset / 4;
    float *source = (float *)before + slices[1].offset / 4;
    fill_random(weights, sizes[0] / 4, 1);
    fill_random(source, sizes[1] / 4, 2);
    product_reference(p, weights, source, wanted);
    need(vks_upload(gpu, (vks_slice){block, 0, at}, before, &error), &error);

    vks_sequence *sequence = vks_sequence_create(gpu, false, &error);
    need(sequence, &error);
    for (int i = 0; i < 3; ++i)
        slices[i].block = block;
    product_add(sequence, p, storage, slices, false);
    need(vks_sequence_cut(sequence, 1, &error), &error);
    need(vks_sequence_record(sequence, &error), &error);
    run(gpu, sequence);
    need(vks_download(gpu, (vks_slice){block, 0, at}, after, &error), &error);

    const uint64_t from = slices[2].offset / 4, to = from + sizes[2] / 4;
    for (uint64_t i = 0; i < at / 4; ++i) {
        if (i < from || i >= to) {
            if (before[i] != after[i])
                fail_msg("the kernel wrote outside its result, at byte %llu",
                         (unsigned long long)(4 * i));
            continue;
        }
        float got;
        memcpy(&got, &after[i], sizeof got);
        // Terms are below 1 in size, so that rounding grows with their number.
        if (!(fabs((double)got - wanted[i - from]) <= 1e-7 * p->k))
            fail_msg("columns %u n %u k %u: value %llu is %g and not %g", p->columns, p->n, p->k,
                     (unsigned long long)(i - from), (double)got, wanted[i - from]);
    }
    vks_sequence_free(&sequence);
    assert_null(sequence);
    vks_block_free(&block);
    assert_null(block);
    free(before);
    free(after);
    free(wanted);
}

static const product products[] = {
    {.columns = 64, .n = 16, .k = 64, .batch = 1, .width = 64, .chunk = 64, .oc = 4},
    {.columns = 192, .n = 48, .k = 128, .batch = 1, .width = 64, .chunk = 64, .oc = 4},
    {.columns = 96, .n = 32, .k = 256, .batch = 2, .width = 48, .chunk = 128, .oc = 4},
    {.columns = 16, .n = 16, .k = 512, .batch = 2, .width = 16, .chunk = 256, .oc = 4},
    {.columns = 32, .n = 4, .k = 4, .batch = 1, .width = 32, .chunk = 4, .oc = 1},
    {.columns = 21, .n = 24, .k = 36, .batch = 5, .width = 7, .chunk = 12, .oc = 3},
    {.columns = 1, .n = 8, .k = 20, .batch = 2, .width = 1, .chunk = 20, .oc = 2},
    {.columns = 128, .n = 16, .k = 96, .batch = 36, .width = 128, .chunk = 32, .oc = 4},
};

static void check_products(const char *limits, vks_storage storage)
{
    vks_gpu *gpu = open_with(limits);
    for (size_t i = 0; i < sizeof products / sizeof products[0]; ++i)
        check_product(gpu, &products[i], storage);
    vks_gpu_close(&gpu);
    assert_null(gpu);
    assert_int_equal(vks_gpu_validation_messages(), 0);
}

static void float_buffers(void **state)
{
    (void)state;
    check_products("texel=0", VKS_FLOAT);
}

static void float_texels(void **state)
{
    (void)state;
    check_products("texel=1", VKS_FLOAT);
}

static void half_buffers(void **state)
{
    (void)state;
    check_products("texel=0", VKS_HALF);
}

static void half_texels(void **state)
{
    (void)state;
    check_products("texel=1", VKS_HALF);
}

// As small as the floor of Vulkan: nothing of this size may depend on more.
static void smallest_device(void **state)
{
    (void)state;
    check_products("texel=0,invocations=128,shared_bytes=16384,push_bytes=128,alignment=256,"
                   "storage_range=134217728,subgroup=0",
                   VKS_FLOAT);
    check_products("texel=1,alignment=256", VKS_FLOAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(float_buffers),   cmocka_unit_test(float_texels),
        cmocka_unit_test(half_buffers),    cmocka_unit_test(half_texels),
        cmocka_unit_test(smallest_device),
    };
    return cmocka_run_group_tests_name("gemm", tests, NULL, NULL);
}
