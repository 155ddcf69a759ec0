// SPDX-License-Identifier: MIT
//
// A lost device, simulated by VKSTYLE_DEBUG_LOSE: said once, and by every call after it.
#include "support.h"

#include <stdlib.h>
#include <string.h>

static const product small = {
    .columns = 64, .n = 16, .k = 16, .batch = 1, .width = 64, .chunk = 16, .oc = 4};

static void lost(void **state)
{
    (void)state;
    vkstyle_error error = {0};
    setenv("VKSTYLE_DEBUG_LOSE", "3", 1);
    vks_gpu *gpu = open_with(NULL);
    unsetenv("VKSTYLE_DEBUG_LOSE");
    vks_block *block = vks_block_create(gpu, 1 << 20, VKS_MEMORY_DEVICE, "block", &error);
    need(block, &error);
    const vks_slice all = {block, 0, 1 << 20};
    const vks_slice slices[3] = {{block, 0, 4096}, {block, 4096, 4096}, {block, 8192, 4096}};
    need(vks_clear(gpu, all, &error), &error); // copies do not count
    need(vks_clear(gpu, all, &error), &error);
    need(vks_clear(gpu, all, &error), &error);
    vks_sequence *sequence = vks_sequence_create(gpu, false, &error);
    need(sequence, &error);
    product_add(sequence, &small, VKS_FLOAT, slices, false);
    need(vks_sequence_cut(sequence, 1, &error), &error);
    need(vks_sequence_record(sequence, &error), &error);
    vks_sequence *late = vks_sequence_create(gpu, false, &error);
    need(late, &error);
    uint64_t ticket = 0;
    need(vks_gpu_submit(gpu, sequence, 0, 1, &ticket, &error), &error);
    need(vks_gpu_submit(gpu, sequence, 0, 1, &ticket, &error), &error);

    uint64_t unused = 77;
    need_failure(vks_gpu_submit(gpu, sequence, 0, 1, &unused, &error), &error, VKSTYLE_FAILED,
                 "lost", "VK_ERROR_DEVICE_LOST", "--size", "log", NULL);
    vkstyle_device device;
    vks_gpu_describe(gpu, &device);
    assert_non_null(strstr(error.text, device.name));
    assert_int_equal(unused, 77);

    char text[sizeof error.text];
    memcpy(text, error.text, sizeof text);
    char data[16];
    bool done = true;
    const vks_slice some = {block, 0, 16};
    for (int i = 0; i < 10; ++i) {
        memset(&error, 0, sizeof error);
        switch (i) {
        case 0:
            assert_false(vks_gpu_submit(gpu, sequence, 0, 1, &ticket, &error));
            break;
        case 1:
            assert_false(vks_gpu_done(gpu, ticket, 0, &done, &error)); // submitted before the loss
            assert_false(done);
            break;
        case 2:
            assert_false(vks_upload(gpu, some, data, &error));
            break;
        case 3:
            assert_false(vks_download(gpu, some, data, &error));
            break;
        case 4:
            assert_false(vks_clear(gpu, some, &error));
            break;
        case 5:
            assert_null(vks_block_create(gpu, 16, VKS_MEMORY_DEVICE, "more", &error));
            break;
        case 6:
            assert_null(vks_sequence_create(gpu, false, &error));
            break;
        case 7:
            assert_false(vks_sequence_copy(late, slices[0], slices[1], &error));
            break;
        case 8:
            assert_false(vks_sequence_cut(late, 1, &error));
            break;
        case 9:
            assert_false(vks_sequence_record(late, &error));
            break;
        }
        assert_int_equal(error.status, VKSTYLE_FAILED);
        assert_string_equal(error.text, text);
    }
    // What does not touch the device still answers, and all can be freed.
    assert_true(vks_gpu_get_limits(gpu)->memory > 0);
    vks_sequence_free(&late);
    vks_sequence_free(&sequence);
    vks_block_free(&block);
    vks_gpu_close(&gpu);
    assert_int_equal(vks_gpu_validation_messages(), 0);
}

static void wrong_number(void **state)
{
    (void)state;
    const char *const wrong[] = {"0", "x", "3x"};
    for (int i = 0; i < 3; ++i) {
        vkstyle_error error = {0};
        setenv("VKSTYLE_DEBUG_LOSE", wrong[i], 1);
        vks_gpu *gpu = vks_gpu_open(NULL, &error);
        unsetenv("VKSTYLE_DEBUG_LOSE");
        need_failure(gpu, &error, VKSTYLE_USAGE, "VKSTYLE_DEBUG_LOSE", wrong[i], NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lost),
        cmocka_unit_test(wrong_number),
    };
    return cmocka_run_group_tests_name("lost", tests, NULL, NULL);
}
