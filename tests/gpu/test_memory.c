// SPDX-License-Identifier: MIT
//
// Blocks and copies: round trips, bounds, limits, sums; and which memory is chosen on cards that we
// do not have here.
#include "support.h"

#include "gpu/internal.h"

#include <stdlib.h>
#include <string.h>

static vks_gpu *gpu;

static int open_gpu(void **state)
{
    (void)state;
    gpu = open_with(NULL);
    return 0;
}

static int close_gpu(void **state)
{
    (void)state;
    vks_gpu_close(&gpu);
    return vks_gpu_validation_messages();
}

static void fill_bytes(unsigned char *bytes, size_t count, uint32_t seed)
{
    for (size_t i = 0; i < count; ++i) {
        seed = seed * 1664525u + 1013904223u;
        bytes[i] = (unsigned char)(seed >> 24);
    }
}

// Any size, any offset, and more than the staging block at once: what is around stays as it was.
static void round_trips(void **state)
{
    (void)state;
    const struct {
        uint64_t offset, bytes;
    } cases[] = {
        {0, 1},
        {3, 7},
        {4, 4},
        {16, 64},
        {1001, 3333},
        {0, VKS_STAGING_BYTES},
        {0, VKS_STAGING_BYTES + 1},
        {16, 2 * VKS_STAGING_BYTES},
        {5, 2 * VKS_STAGING_BYTES + 12345},
    };
    vkstyle_error error = {0};
    const uint64_t size = 3 * VKS_STAGING_BYTES;
    vks_block *block = vks_block_create(gpu, size, VKS_MEMORY_DEVICE, "round trip", &error);
    need(block, &error);
    assert_int_equal(vks_block_bytes(block), size);
    unsigned char *model = malloc(size), *got = malloc(size);
    assert_true(model && got);
    fill_bytes(model, size, 1);
    need(vks_upload(gpu, (vks_slice){block, 0, size}, model, &error), &error);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; ++i) {
        const vks_slice slice = {block, cases[i].offset, cases[i].bytes};
        fill_bytes(model + slice.offset, slice.bytes, 7 + (uint32_t)i);
        need(vks_upload(gpu, slice, model + slice.offset, &error), &error);
        memset(got, 0x55, size);
        need(vks_download(gpu, slice, got, &error), &error);
        assert_memory_equal(got, model + slice.offset, slice.bytes);
        assert_int_equal(got[slice.bytes], 0x55);
        need(vks_download(gpu, (vks_slice){block, 0, size}, got, &error), &error);
        assert_memory_equal(got, model, size);
    }
    free(model);
    free(got);
    vks_block_free(&block);
}

static void clears(void **state)
{
    (void)state;
    const struct {
        uint64_t offset, bytes;
    } cases[] = {{0, 4}, {16, 16}, {4, 3}, {8, 1001}, {400, 4098}};
    vkstyle_error error = {0};
    const uint64_t size = 5000;
    vks_block *block = vks_block_create(gpu, size, VKS_MEMORY_DEVICE, "clear", &error);
    need(block, &error);
    unsigned char model[5000], got[5000];
    fill_bytes(model, size, 3);
    need(vks_upload(gpu, (vks_slice){block, 0, size}, model, &error), &error);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; ++i) {
        memset(model + cases[i].offset, 0, cases[i].bytes);
        need(vks_clear(gpu, (vks_slice){block, cases[i].offset, cases[i].bytes}, &error), &error);
        need(vks_download(gpu, (vks_slice){block, 0, size}, got, &error), &error);
        assert_memory_equal(got, model, size);
    }
    need_failure(vks_clear(gpu, (vks_slice){block, 2, 8}, &error), &error, VKSTYLE_FAILED, "clear",
                 "multiple of 4", NULL);
    vks_block_free(&block);
}

static void bounds(void **state)
{
    (void)state;
    vkstyle_error error = {0};
    char data[64] = {0};
    vks_block *block = vks_block_create(gpu, 64, VKS_MEMORY_DEVICE, "bounded", &error);
    need(block, &error);
    const vks_slice wrong[] = {{block, 0, 65},
                               {block, 64, 1},
                               {block, 65, 1},
                               {block, 1, UINT64_MAX},
                               {block, UINT64_MAX, 1}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; ++i) {
        need_failure(vks_upload(gpu, wrong[i], data, &error), &error, VKSTYLE_FAILED, "upload",
                     "bounded", "64", NULL);
        need_failure(vks_download(gpu, wrong[i], data, &error), &error, VKSTYLE_FAILED, "download",
                     NULL);
        need_failure(vks_clear(gpu, wrong[i], &error), &error, VKSTYLE_FAILED, "clear", NULL);
    }
    need_failure(vks_upload(gpu, (vks_slice){block, 0, 0}, data, &error), &error, VKSTYLE_FAILED,
                 "empty", NULL);
    need_failure(vks_upload(gpu, (vks_slice){NULL, 0, 4}, data, &error), &error, VKSTYLE_FAILED,
                 "empty", NULL);
    vks_block_free(&block);
    need_failure(vks_block_create(gpu, 0, VKS_MEMORY_DEVICE, "nothing", &error), &error,
                 VKSTYLE_FAILED, "size", NULL);
}

static void sums(void **state)
{
    (void)state;
    vkstyle_error error = {0};
    const uint64_t before = vks_gpu_allocated(gpu);
    vks_block *a = vks_block_create(gpu, 1 << 20, VKS_MEMORY_DEVICE, "a", &error);
    vks_block *b = vks_block_create(gpu, 2 << 20, VKS_MEMORY_READBACK, "b", &error);
    assert_true(a && b);
    assert_int_equal(vks_gpu_allocated(gpu), before + (3 << 20));
    assert_true(vks_gpu_peak(gpu) >= before + (3 << 20));
    const uint64_t peak = vks_gpu_peak(gpu);
    assert_null(vks_block_map(a));
    assert_non_null(vks_block_map(b));
    vks_block_free(&a);
    vks_block_free(&b);
    vks_block_free(&b);
    assert_int_equal(vks_gpu_allocated(gpu), before);
    assert_int_equal(vks_gpu_peak(gpu), peak);
}

// What the device writes is in the map when the ticket is done; what the host writes is seen by the
// next submission.
static void readback(void **state)
{
    (void)state;
    vkstyle_error error = {0};
    enum { BYTES = 4096 };
    vks_block *device = vks_block_create(gpu, BYTES, VKS_MEMORY_DEVICE, "device", &error);
    vks_block *host = vks_block_create(gpu, 2 * BYTES, VKS_MEMORY_READBACK, "host", &error);
    assert_true(device && host);
    unsigned char *map = vks_block_map(host);
    vks_sequence *sequence = vks_sequence_create(gpu, false, &error);
    need(sequence, &error);
    need(vks_sequence_copy(sequence, (vks_slice){host, 0, BYTES}, (vks_slice){device, 0, BYTES},
                           &error),
         &error);
    need(vks_sequence_copy(sequence, (vks_slice){device, 0, BYTES}, (vks_slice){host, BYTES, BYTES},
                           &error),
         &error);
    need(vks_sequence_cut(sequence, 1, &error), &error);
    need(vks_sequence_record(sequence, &error), &error);
    for (uint32_t i = 0; i < 5; ++i) {
        fill_bytes(map, BYTES, i);
        memset(map + BYTES, 0, BYTES);
        run(gpu, sequence);
        assert_memory_equal(map, map + BYTES, BYTES);
    }
    vks_sequence_free(&sequence);
    vks_block_free(&device);
    vks_block_free(&host);
}

static void limits(void **state)
{
    (void)state;
    vkstyle_error error = {0};
    vks_gpu *small = open_with("memory=50331648,allocation=33554432");
    assert_int_equal(vks_gpu_get_limits(small)->memory, 48 << 20);
    need_failure(vks_block_create(small, 40 << 20, VKS_MEMORY_DEVICE, "too large", &error), &error,
                 VKSTYLE_NO_MEMORY, "too large", "40 MiB", "32 MiB", "--size", NULL);
    vks_block *a = vks_block_create(small, 30 << 20, VKS_MEMORY_DEVICE, "first", &error);
    need(a, &error);
    assert_int_equal(vks_gpu_budget(small), 18 << 20);
    need_failure(vks_block_create(small, 20 << 20, VKS_MEMORY_DEVICE, "second", &error), &error,
                 VKSTYLE_NO_MEMORY, "second", "20 MiB", "18 MiB free", "--size", NULL);
    vks_block_free(&a);
    a = vks_block_create(small, 20 << 20, VKS_MEMORY_DEVICE, "second", &error);
    need(a, &error);
    vks_block_free(&a);
    vks_gpu_close(&small);

    // Refused before the driver is asked: lavapipe would say yes to a petabyte.
    need_failure(vks_block_create(gpu, (uint64_t)1 << 50, VKS_MEMORY_DEVICE, "petabyte", &error),
                 &error, VKSTYLE_NO_MEMORY, "petabyte", NULL);
    need_failure(vks_block_create(gpu, UINT64_MAX, VKS_MEMORY_READBACK, "all", &error), &error,
                 VKSTYLE_NO_MEMORY, "all", NULL);

    vks_gpu *busy = open_with("budget=16777216");
    assert_int_equal(vks_gpu_get_limits(busy)->budget, 16 << 20);
    need_failure(vks_block_create(busy, 17 << 20, VKS_MEMORY_DEVICE, "over", &error), &error,
                 VKSTYLE_NO_MEMORY, "17 MiB", "16 MiB free", NULL);
    vks_gpu_close(&busy);
}

// ---------------------------------------------------------------- cards that are not here

enum {
    LOCAL = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT,
    VISIBLE = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT,
    CACHED = VK_MEMORY_PROPERTY_HOST_CACHED_BIT,
};

static void check_card(const char *what, const VkPhysicalDeviceMemoryProperties *memory,
                       uint32_t heap, int device, int back)
{
    vks_candidate card = {.memory = *memory};
    vks_choose_heap(&card);
    if (card.heap != heap || card.limits.memory != memory->memoryHeaps[heap].size)
        fail_msg("%s: heap %u", what, card.heap);
    const int got_device = vks_choose_type(&card, UINT32_MAX, VKS_MEMORY_DEVICE);
    const int got_back = vks_choose_type(&card, UINT32_MAX, VKS_MEMORY_READBACK);
    if (got_device != device || got_back != back)
        fail_msg("%s: types %d and %d", what, got_device, got_back);
}

static void memory_types(void **state)
{
    (void)state;
    const uint64_t gib = (uint64_t)1 << 30;
    check_card("discrete with a window of 256 MiB, which comes first",
               &(VkPhysicalDeviceMemoryProperties){
                   .memoryHeapCount = 3,
                   .memoryHeaps = {{gib / 4, 1}, {8 * gib, 1}, {16 * gib, 0}},
                   .memoryTypeCount = 5,
                   .memoryTypes = {{LOCAL | VISIBLE, 0},
                                   {LOCAL, 1},
                                   {VISIBLE, 2},
                                   {VISIBLE | CACHED, 2},
                                   {LOCAL | VK_MEMORY_PROPERTY_PROTECTED_BIT, 1}},
               },
               1, 1, 3);
    check_card(
        "discrete, all of it visible",
        &(VkPhysicalDeviceMemoryProperties){
            .memoryHeapCount = 2,
            .memoryHeaps = {{24 * gib, 1}, {16 * gib, 0}},
            .memoryTypeCount = 4,
            .memoryTypes = {{LOCAL | VISIBLE, 0}, {LOCAL, 0}, {VISIBLE, 1}, {VISIBLE | CACHED, 1}},
        },
        0, 1, 3);
    check_card("integrated",
               &(VkPhysicalDeviceMemoryProperties){
                   .memoryHeapCount = 1,
                   .memoryHeaps = {{12 * gib, 1}},
                   .memoryTypeCount = 3,
                   .memoryTypes = {{LOCAL, 0}, {LOCAL | VISIBLE, 0}, {LOCAL | VISIBLE | CACHED, 0}},
               },
               0, 0, 2);
    check_card("AMD's uncached types are left alone",
               &(VkPhysicalDeviceMemoryProperties){
                   .memoryHeapCount = 2,
                   .memoryHeaps = {{8 * gib, 1}, {8 * gib, 0}},
                   .memoryTypeCount = 3,
                   .memoryTypes = {{LOCAL | VK_MEMORY_PROPERTY_DEVICE_UNCACHED_BIT_AMD, 0},
                                   {LOCAL, 0},
                                   {VISIBLE, 1}},
               },
               0, 1, 2);
    vks_candidate none = {.memory = {.memoryTypeCount = 1, .memoryTypes = {{VISIBLE, 0}}}};
    assert_int_equal(vks_choose_type(&none, UINT32_MAX, VKS_MEMORY_DEVICE), -1);
    assert_int_equal(vks_choose_type(&none, 2, VKS_MEMORY_READBACK), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trips),  cmocka_unit_test(clears),   cmocka_unit_test(bounds),
        cmocka_unit_test(sums),         cmocka_unit_test(readback), cmocka_unit_test(limits),
        cmocka_unit_test(memory_types),
    };
    return cmocka_run_group_tests_name("memory", tests, open_gpu, close_gpu);
}
