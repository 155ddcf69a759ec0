// SPDX-License-Identifier: MIT
// Models in 32, 16 and 8 bits; codebooks of 256 values; MD5.
#include <stddef.h>
#include <stdint.h>
#include "scratch.h"

#include "model/codebook.h"
#include "model/encoder.h"
#include "model/md5.h"
#include "small_model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// 251 different values, exact in float32.
static float some_value(size_t k)
{
    return (float)((int)(k * 7 % 251) - 125) / 128;
}

static void check_codebook(const float *values, size_t count, double bound)
{
    float codebook[256];
    uint8_t *indices = malloc(count);
    vkstyle_error error;
    assert_done(vks_codebook_fit(values, count, codebook, indices, &error), error);
    double difference = 0, norm = 1e-300;
    for (int k = 1; k < 256; k++)
        assert_true(codebook[k] >= codebook[k - 1]);
    for (size_t i = 0; i < count; i++) {
        float mine = fabsf(values[i] - codebook[indices[i]]);
        for (int k = 0; k < 256; k++)
            assert_true(fabsf(values[i] - codebook[k]) >= mine * 0.9999f);
        difference += (double)mine * mine;
        norm += (double)values[i] * values[i];
    }
    if (sqrt(difference / norm) > bound)
        fail_msg("relative error %g, wanted %g", sqrt(difference / norm), bound);
    free(indices);
}

static void test_codebook(void **state)
{
    (void)state;
    enum { COUNT = 5000 };
    static float values[COUNT];
    for (int i = 0; i < COUNT; i++)
        values[i] = 3;
    check_codebook(values, COUNT, 0);
    check_codebook(values, 1, 0);
    for (int i = 0; i < COUNT; i++)
        values[i] = some_value((size_t)i * 31); // 251 different ones
    check_codebook(values, COUNT, 0);
    for (int i = 0; i < COUNT; i++)
        values[i] = (float)i / COUNT; // uniform: at best, steps of 1/256
    check_codebook(values, COUNT, 1.02 / 256 / sqrt(12) * sqrt(3));
    for (int i = 0; i < COUNT; i++) // heavy tails, which a network's layers have
        values[i] = powf(some_value((size_t)i * 17) + (float)i / COUNT, 5);
    values[77] = 1e4f;
    values[78] = -1e30f;
    check_codebook(values, COUNT, 1e-3);
    values[77] = 3e38f; // differences beyond float32
    values[78] = -3e38f;
    check_codebook(values, COUNT, 1e-3);
}

static void test_md5(void **state)
{
    (void)state;
    // The test suite of RFC 1321, and lengths around the border of a block.
    static const struct {
        const char *text, *sum;
    } known[] = {
        {"", "d41d8cd98f00b204e9800998ecf8427e"},
        {"a", "0cc175b9c0f1b6a831c399e269772661"},
        {"message digest", "f96b697d7cb7938d525a2f31aaf161d0"},
        {"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
         "d174ab98d277d9f5a5611c2c9f419d9f"},
        {"12345678901234567890123456789012345678901234567890123456789012345678901234567890",
         "57edf4a22be3c955ac49da2e2107b67a"}};
    char sum[33];
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        vks_md5(known[i].text, strlen(known[i].text), sum);
        assert_string_equal(sum, known[i].sum);
    }
    static const char *const zeros[] = {"c9ea3314b91c9fd4e38f9432064fd1f2",
                                        "e3c4dd21a9171fd39d208efa09bf7883",
                                        "3b5d3c7d207e37dceeedd301e35e2e58"};
    static const char nothing[64];
    for (int i = 0; i < 3; i++) {
        vks_md5(nothing, (size_t[]){55, 56, 64}[i], sum);
        assert_string_equal(sum, zeros[i]);
    }
}

// A native file may be imported, too: to be stored with other bits, even over itself.
static void test_native_again(void **state)
{
    (void)state;
    vkstyle_error error;
    const char *path = scratch_path("native.safetensors");
    assert_done(small_model_write(path, "conv1_1:8 pool1 conv2_1:64", 3, &error), error);
    vkstyle_model *whole = vkstyle_model_load(path, &error);
    assert_done(whole, error);
    static const int bits[] = {16, 8, 8, 32};
    char sums[4][65];
    for (int i = 0; i < 4; i++) {
        assert_done(vkstyle_model_import(path, path, bits[i], &error), error);
        vkstyle_model *model = vkstyle_model_load(path, &error);
        assert_done(model, error);
        assert_int_equal(model->bits, bits[i]);
        assert_string_equal(model->license, "CC0");
        assert_done(vks_model_sha256(model, sums[i], &error), error);
        float *weights = vks_layer_weights(&model->layers[2], &error);
        assert_done(weights, error);
        double difference = 0, norm = 0;
        for (size_t k = 0; k < vks_layer_weight_count(&model->layers[2]); k++) {
            double wanted = whole->layers[2].weights[k];
            difference += pow(weights[k] - wanted, 2);
            norm += wanted * wanted;
        }
        assert_true(sqrt(difference / norm) < (i == 0 ? 0.0005 : 0.005));
        free(weights);
        vkstyle_model_free(&model);
    }
    assert_string_equal(sums[1], sums[2]); // a codebook of a codebook is itself
    vkstyle_model_free(&whole);
}

static void test_too_large_for_half(void **state)
{
    (void)state;
    vkstyle_error error;
    const char *path = scratch_path("large.safetensors"), *to = scratch_path("half.safetensors");
    assert_done(small_model_write(path, "conv1_1:2", 3, &error), error);
    vkstyle_model *model = vkstyle_model_load(path, &error);
    assert_done(model, error);
    model->layers[0].weights[3] = 1e5f;
    assert_done(vks_model_write(model, path, &error), error);
    vkstyle_model_free(&model);
    assert_false(vkstyle_model_import(path, to, 16, &error));
    assert_failure(error, VKSTYLE_FAILED, "'conv1_1' has weights beyond the range of 16 bits");
    assert_false(scratch_exists(to));
    assert_done(vkstyle_model_import(path, to, 8, &error), error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_codebook), cmocka_unit_test(test_md5),
                                       cmocka_unit_test(test_native_again),
                                       cmocka_unit_test(test_too_large_for_half)};
    return cmocka_run_group_tests(tests, scratch_create, scratch_remove);
}
