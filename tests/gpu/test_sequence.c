// SPDX-License-Identifier: MIT
//
// Sequences: order, replay, parts, overlap, times; and every limit that a dispatch can break.
#include "support.h"

#include "gpu/internal.h"

#include <stdlib.h>
#include <string.h>

// result += weights * source, again and again: wrong order or a missing barrier shows in the sums.
static const product small = {
    .columns = 64, .n = 16, .k = 64, .batch = 2, .width = 64, .chunk = 16, .oc = 2};

typedef struct fixture {
    vks_gpu *gpu;
    vks_block *block;
    vks_slice slices[3];
    uint64_t result_bytes;
} fixture;

static int open_fixture(fixture *f, const char *limits)
{
    vkstyle_error error = {0};
    *f = (fixture){.gpu = open_with(limits), .result_bytes = 4 * product_result(&small)};
    const uint64_t sizes[3] = {4 * product_weights(&small), 4 * product_source(&small),
                               f->result_bytes};
    f->block = vks_block_create(f->gpu, sizes[0] + sizes[1] + sizes[2], VKS_MEMORY_DEVICE,
                                "sequence", &error);
    need(f->block, &error);
    float *data = malloc(sizes[0] + sizes[1]);
    assert_non_null(data);
    fill_random(data, (sizes[0] + sizes[1]) / 4, 5);
    need(vks_upload(f->gpu, (vks_slice){f->block, 0, sizes[0] + sizes[1]}, data, &error), &error);
    free(data);
    uint64_t at = 0;
    for (int i = 0; i < 3; ++i) {
        f->slices[i] = (vks_slice){f->block, at, sizes[i]};
        at += sizes[i];
    }
    return 0;
}

static int close_fixture(fixture *f)
{
    vks_block_free(&f->block);
    vks_gpu_close(&f->gpu);
    return vks_gpu_validation_messages();
}

static fixture own;

static int setup(void **state)
{
    (void)state;
    return open_fixture(&own, NULL);
}

static int teardown(void **state)
{
    (void)state;
    return close_fixture(&own);
}

// `parts` parts, each the whole product added to the result.
static vks_sequence *make_sequence(fixture *f, int parts, bool timed)
{
    vkstyle_error error = {0};
    vks_sequence *sequence = vks_sequence_create(f->gpu, timed, &error);
    need(sequence, &error);
    for (int i = 0; i < parts; ++i) {
        product_add(sequence, &small, VKS_FLOAT, f->slices, true);
        need(vks_sequence_cut(sequence, 10 + i, &error), &error);
    }
    need(vks_sequence_record(sequence, &error), &error);
    return sequence;
}

static float *result_of(fixture *f)
{
    vkstyle_error error = {0};
    float *values = malloc(f->result_bytes);
    assert_non_null(values);
    need(vks_download(f->gpu, f->slices[2], values, &error), &error);
    return values;
}

// The result of n products added up one after the other, in one go each.
static float *expected(fixture *f, int n)
{
    vkstyle_error error = {0};
    vks_sequence *sequence = make_sequence(f, 1, false);
    need(vks_clear(f->gpu, f->slices[2], &error), &error);
    for (int i = 0; i < n; ++i)
        run(f->gpu, sequence);
    vks_sequence_free(&sequence);
    return result_of(f);
}

static void replay(void **state)
{
    (void)state;
    vkstyle_error error = {0};
    vks_sequence *sequence = make_sequence(&own, 3, false);
    assert_int_equal(vks_sequence_parts(sequence), 3);
    assert_true(vks_sequence_cost(sequence, 0) == 10 && vks_sequence_cost(sequence, 2) == 12);
    float *wanted = expected(&own, 3);
    float largest = 0;
    for (uint64_t i = 0; i < own.result_bytes / 4; ++i)
        largest = wanted[i] > largest ? wanted[i] : largest;
    assert_true(largest > 1); // it did something
    for (int i = 0; i < 5; ++i) {
        need(vks_clear(own.gpu, own.slices[2], &error), &error);
        run(own.gpu, sequence);
        float *got = result_of(&own);
        assert_memory_equal(got, wanted, own.result_bytes); // to the bit
        free(got);
    }
    free(wanted);
    vks_sequence_free(&sequence);
}

// Many submissions of single parts in flight, more than there are fences, before anyone waits.
static void in_flight(void **state)
{
    (void)state;
    vkstyle_error error = {0};
    enum { ROUNDS = 50, PARTS = 3 };
    vks_sequence *sequence = make_sequence(&own, PARTS, false);
    float *wanted = expected(&own, ROUNDS * PARTS);
    need(vks_clear(own.gpu, own.slices[2], &error), &error);
    uint64_t ticket = 0, before = 0;
    for (int i = 0; i < ROUNDS; ++i)
        for (int p = 0; p < PARTS; ++p) {
            need(vks_gpu_submit(own.gpu, sequence, p, p + 1, &ticket, &error), &error);
            assert_true(ticket > before);
            before = ticket;
        }
    bool done = true;
    need(vks_gpu_done(own.gpu, ticket, 0, &done, &error), &error); // may or may not be
    finish(own.gpu, ticket);
    need(vks_gpu_done(own.gpu, ticket, 0, &done, &error), &error);
    assert_true(done);
    need(vks_gpu_done(own.gpu, 1, 0, &done, &error), &error); // an old one
    assert_true(done);
    need_failure(vks_gpu_done(own.gpu, ticket + 1, 0, &done, &error), &error, VKSTYLE_FAILED,
                 "ticket", NULL);
    assert_false(done);
    float *got = result_of(&own);
    assert_memory_equal(got, wanted, own.result_bytes);
    free(got);

    // Freed while it runs: it waits. A NULL ticket is legal.
    need(vks_gpu_submit(own.gpu, sequence, 0, PARTS, NULL, &error), &error);
    vks_sequence_free(&sequence);
    vks_sequence_free(&sequence);
    free(wanted);
}

// Dispatches that do not touch each other's results run without barriers, and the one after them
// waits for all.
static void overlap(void **state)
{
    (void)state;
    vkstyle_error error = {0};
    enum { COUNT = 4 };
    const uint64_t bytes = own.result_bytes;
    vks_block *block =
        vks_block_create(own.gpu, (COUNT + 1) * bytes, VKS_MEMORY_DEVICE, "overlap", &error);
    need(block, &error);
    need(vks_clear(own.gpu, (vks_slice){block, 0, (COUNT + 1) * bytes}, &error), &error);
    const product once = {
        .columns = 64, .n = 16, .k = 64, .batch = 2, .width = 64, .chunk = 64, .oc = 2};
    vks_sequence *sequence = vks_sequence_create(own.gpu, false, &error);
    need(sequence, &error);
    for (int i = 0; i < COUNT; ++i) {
        const vks_slice slices[3] = {
            own.slices[0], own.slices[1], {block, (uint64_t)i * bytes, bytes}};
        product_add(sequence, &once, VKS_FLOAT, slices, false);
        sequence->items[i].dispatch.overlap = i > 0;
    }
    need(vks_sequence_copy(sequence, (vks_slice){block, (COUNT - 1) * bytes, bytes},
                           (vks_slice){block, COUNT * bytes, bytes}, &error),
         &error);
    need(vks_sequence_cut(sequence, 1, &error), &error);
    need(vks_sequence_record(sequence, &error), &error);
    run(own.gpu, sequence);
    char *all = malloc((COUNT + 1) * bytes);
    assert_non_null(all);
    need(vks_download(own.gpu, (vks_slice){block, 0, (COUNT + 1) * bytes}, all, &error), &error);
    float first;
    memcpy(&first, all, sizeof first);
    assert_true(first != 0);
    for (int i = 1; i <= COUNT; ++i)
        assert_memory_equal(all, all + (uint64_t)i * bytes, bytes);
    free(all);
    vks_sequence_free(&sequence);
    vks_block_free(&block);
}

static void times(void **state)
{
    (void)state;
    vkstyle_error error = {0};
    int count = -1;
    vks_sequence *sequence = make_sequence(&own, 2, true);
    need_failure(vks_sequence_timings(sequence, &count, &error), &error, VKSTYLE_FAILED, "no times",
                 NULL);
    assert_int_equal(count, 0);
    uint64_t ticket;
    need(vks_gpu_submit(own.gpu, sequence, 0, 1, &ticket, &error), &error);
    finish(own.gpu, ticket);
    need_failure(vks_sequence_timings(sequence, &count, &error), &error, VKSTYLE_FAILED,
                 "not all of it", NULL);
    for (int i = 0; i < 3; ++i) {
        run(own.gpu, sequence);
        const vks_timing *timings = vks_sequence_timings(sequence, &count, &error);
        need(timings, &error);
        assert_int_equal(count, 8);
        double sum = 0;
        for (int j = 0; j < count; ++j) {
            assert_int_equal(timings[j].kernel, VKS_KERNEL_GEMM);
            assert_string_equal(timings[j].label, "product");
            assert_true(timings[j].flops == 2.0 * 64 * 16 * 16 * 2 && timings[j].bytes > 0);
            assert_true(timings[j].seconds >= 0 && timings[j].seconds < 60);
            sum += timings[j].seconds;
        }
        assert_true(sum > 0);
    }
    vks_sequence_free(&sequence);

    sequence = make_sequence(&own, 1, false);
    run(own.gpu, sequence);
    need_failure(vks_sequence_timings(sequence, &count, &error), &error, VKSTYLE_FAILED,
                 "not created as timed", NULL);
    vks_sequence_free(&sequence);

    own.gpu->is.timestamp_bits = 0;
    need_failure(vks_sequence_create(own.gpu, true, &error), &error, VKSTYLE_FAILED, "timestamps",
                 NULL);
    own.gpu->is.timestamp_bits = 64;
}

// Calls in the wrong order are told so, and harm nothing.
static void misuse(void **state)
{
    (void)state;
    vkstyle_error error = {0};
    uint64_t ticket;
    vks_sequence *sequence = vks_sequence_create(own.gpu, false, &error);
    need(sequence, &error);
    need_failure(vks_sequence_cut(sequence, 1, &error), &error, VKSTYLE_FAILED, "at least one",
                 NULL);
    need_failure(vks_sequence_record(sequence, &error), &error, VKSTYLE_FAILED, "cut", NULL);
    need_failure(vks_gpu_submit(own.gpu, sequence, 0, 1, &ticket, &error), &error, VKSTYLE_FAILED,
                 "not been recorded", NULL);
    product_add(sequence, &small, VKS_FLOAT, own.slices, false);
    need_failure(vks_sequence_record(sequence, &error), &error, VKSTYLE_FAILED,
                 "4 dispatches after its last cut", NULL);
    need(vks_sequence_cut(sequence, 1, &error), &error);
    need(vks_sequence_record(sequence, &error), &error);
    need_failure(vks_sequence_record(sequence, &error), &error, VKSTYLE_FAILED, "recorded", NULL);
    need_failure(vks_sequence_cut(sequence, 1, &error), &error, VKSTYLE_FAILED, "recorded", NULL);
    const int wrong[][2] = {{0, 0}, {-1, 1}, {0, 2}, {1, 1}, {1, 0}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; ++i)
        need_failure(vks_gpu_submit(own.gpu, sequence, wrong[i][0], wrong[i][1], &ticket, &error),
                     &error, VKSTYLE_FAILED, "parts", NULL);
    need_failure(vks_sequence_copy(sequence, own.slices[0], own.slices[0], &error), &error,
                 VKSTYLE_FAILED, "recorded", NULL);
    run(own.gpu, sequence);
    vks_sequence_free(&sequence);

    sequence = vks_sequence_create(own.gpu, false, &error);
    vks_slice a = {own.block, 0, 64}, b = {own.block, 32, 64}, c = {own.block, 64, 32};
    need_failure(vks_sequence_copy(sequence, a, b, &error), &error, VKSTYLE_FAILED, "overlap",
                 NULL);
    need_failure(vks_sequence_copy(sequence, a, c, &error), &error, VKSTYLE_FAILED, "64", "32",
                 NULL);
    vks_gpu *other = open_with(NULL);
    need_failure(vks_gpu_submit(other, sequence, 0, 1, &ticket, &error), &error, VKSTYLE_FAILED,
                 "another device", NULL);
    vks_gpu_close(&other);
    vks_sequence_free(&sequence);
}

// ---------------------------------------------------------------- limits

static vks_dispatch good_dispatch(const fixture *f)
{
    return (vks_dispatch){
        .kernel = VKS_KERNEL_GEMM,
        .spec = {64, 16, 2},
        .spec_count = 3,
        .slices = {f->slices[0], f->slices[1], f->slices[2]},
        .slice_count = 3,
        .push_bytes = 36,
        .groups = {1, 2, 2},
        .label = "layer one",
    };
}

// Pipelines begun ahead: the one that is needed, twice; one that cannot be (its kernel is left out
// of builds without matrix units, and else refuses such constants) and one that nobody asks for
// again.
static void foretold(void **state)
{
    (void)state;
    fixture f;
    assert_int_equal(open_fixture(&f, NULL), 0);
    vks_dispatch ahead[4] = {good_dispatch(&f), good_dispatch(&f), good_dispatch(&f)};
    ahead[2].spec[0] = 32;
    ahead[3] = ahead[0];
    if (!vks_coopmat_built())
        ahead[3].kernel = VKS_KERNEL_CONV_COOP_FORWARD;
    vks_gpu_foretell(f.gpu, ahead, 4);
    float *got = expected(&f, 2), *wanted = expected(&own, 2);
    assert_memory_equal(got, wanted, f.result_bytes);
    assert_null(f.gpu->batch); // the wait was for all of it
    ahead[2].spec[0] = 16;
    vks_gpu_foretell(f.gpu, ahead, 4);
    vks_gpu_foretell(f.gpu, ahead, 0);
    vks_gpu_foretell(f.gpu, ahead, 4);
    free(got);
    free(wanted);
    assert_int_equal(close_fixture(&f), 0); // with whatever is still at work
}

static void refused(fixture *f, const vks_dispatch *dispatch, const char *word, const char *more)
{
    vkstyle_error error = {0};
    vks_sequence *sequence = vks_sequence_create(f->gpu, false, &error);
    need(sequence, &error);
    need_failure(vks_sequence_add(sequence, dispatch, &error), &error, VKSTYLE_FAILED, "layer one",
                 word, more, NULL);
    // Nothing of it has stuck.
    need_failure(vks_sequence_cut(sequence, 1, &error), &error, VKSTYLE_FAILED, "at least one",
                 NULL);
    vks_sequence_free(&sequence);
}

static void dispatch_limits(void **state)
{
    (void)state;
    fixture f;
    open_fixture(&f, "texel=0,invocations=128,groups=100,alignment=64,storage_range=65536");
    const vks_dispatch good = good_dispatch(&f);
    vkstyle_error error = {0};
    vks_sequence *sequence = vks_sequence_create(f.gpu, false, &error);
    need(vks_sequence_add(sequence, &good, &error), &error);
    vks_sequence_free(&sequence);

    vks_dispatch d = good;
    d.kernel = VKS_KERNEL_COUNT;
    refused(&f, &d, "no kernel", NULL);
    d = good, d.slice_count = 2;
    refused(&f, &d, "gemm", "2 slices for 3");
    d = good, d.storage = (vks_storage)2;
    refused(&f, &d, "storage 2", NULL);
    d = good, d.spec_count = 0;
    refused(&f, &d, "specialisation", NULL);
    d = good, d.spec_count = VKS_MAX_SPEC + 1;
    refused(&f, &d, "specialisation", NULL);
    d = good, d.spec[0] = 0;
    refused(&f, &d, "width", NULL);
    d = good, d.spec[0] = 129;
    refused(&f, &d, "129", "allows 128 (invocations)");
    d = good, d.push_bytes = 6;
    refused(&f, &d, "multiple of 4", NULL);
    d = good, d.push_bytes = 132;
    refused(&f, &d, "132", "128 (push_bytes)");
    for (int i = 0; i < 3; ++i) {
        static const char *const axes[] = {" x is", " y is", " z is"};
        d = good, d.groups[i] = 101;
        refused(&f, &d, axes[i], "101, and");
        d.groups[i] = 0;
        refused(&f, &d, axes[i], "is 0");
    }
    d = good, d.slices[1].offset += 32;
    refused(&f, &d, "binding 1", "alignment");
    d = good, d.slices[2].bytes += 16;
    refused(&f, &d, "binding 2", "inside the block");
    d = good, d.slices[0].block = NULL;
    refused(&f, &d, "binding 0", "empty");
    vks_block *big = vks_block_create(f.gpu, 65552, VKS_MEMORY_DEVICE, "big", &error);
    need(big, &error);
    d = good, d.slices[1] = (vks_slice){big, 0, 65552};
    refused(&f, &d, "binding 1 is 65552", "65536 (storage_range)");
    d.slices[1].bytes = 65536;
    sequence = vks_sequence_create(f.gpu, false, &error);
    need(vks_sequence_add(sequence, &d, &error), &error);
    vks_sequence_free(&sequence);
    d = good, d.slices[1].block = own.block;
    refused(&f, &d, "another device", NULL);
    vks_block_free(&big);
    assert_int_equal(close_fixture(&f), 0);
}

static void texel_limits(void **state)
{
    (void)state;
    fixture f;
    open_fixture(&f, "texel=1,texel_elements=4096,storage_range=32768");
    vkstyle_error error = {0};
    vks_block *big = vks_block_create(f.gpu, 65552, VKS_MEMORY_DEVICE, "big", &error);
    need(big, &error);
    vks_dispatch d = good_dispatch(&f);
    d.slices[1] = (vks_slice){big, 0, 65552};
    refused(&f, &d, "vec4s of binding 1 is 4097", "4096 (texel_elements)");
    d.slices[1].bytes = 40;
    refused(&f, &d, "binding 1", "whole number of texels");
    // A source is not a storage buffer here: its range does not count, that of a target does.
    d.slices[1].bytes = 65536;
    vks_sequence *sequence = vks_sequence_create(f.gpu, false, &error);
    need(vks_sequence_add(sequence, &d, &error), &error);
    vks_sequence_free(&sequence);
    d.slices[2] = d.slices[1];
    refused(&f, &d, "binding 2", "storage_range");
    vks_block_free(&big);
    assert_int_equal(close_fixture(&f), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replay),       cmocka_unit_test(in_flight),
        cmocka_unit_test(overlap),      cmocka_unit_test(times),
        cmocka_unit_test(misuse),       cmocka_unit_test(dispatch_limits),
        cmocka_unit_test(texel_limits), cmocka_unit_test(foretold),
    };
    return cmocka_run_group_tests_name("sequence", tests, setup, teardown);
}
