// SPDX-License-Identifier: MIT
// Colours for transparent pixels, and the hash of a picture.
#include "check.h"

static vkstyle_image *gradient(int width, int height)
{
    vkstyle_image *image = vkstyle_image_create(width, height, true, NULL);
    assert_non_null(image);
    size_t pixels = (size_t)width * (size_t)height;
    for (size_t i = 0; i < pixels; i++) {
        image->rgb[i] = (float)(i % (size_t)width) / (float)width;
        image->rgb[pixels + i] = (float)(i / (size_t)width) / (float)height;
        image->rgb[2 * pixels + i] = 0.75f;
        image->alpha[i] = 1;
    }
    return image;
}

// A picture like it with other colours where nothing is seen.
static vkstyle_image *disguised(const vkstyle_image *image, int kind)
{
    vkstyle_image *copy = vkstyle_image_create(image->width, image->height, true, NULL);
    assert_non_null(copy);
    size_t pixels = (size_t)image->width * (size_t)image->height;
    memcpy(copy->rgb, image->rgb, 3 * pixels * sizeof(float));
    memcpy(copy->alpha, image->alpha, pixels * sizeof(float));
    for (size_t i = 0; i < 3 * pixels; i++)
        if (image->alpha[i % pixels] == 0)
            copy->rgb[i] = kind == 0 ? NAN : kind == 1 ? INFINITY : (float)(i % 97) - 50;
    return copy;
}

static vkstyle_image *fill(const vkstyle_image *image)
{
    vkstyle_error error = {0};
    vkstyle_image *filled = vks_image_fill_transparent(image, &error);
    assert_non_null(filled);
    assert_int_equal(filled->width, image->width);
    assert_int_equal(filled->height, image->height);
    return filled;
}

// Holes of many shapes: what is seen stays bit for bit, what was hidden leaves no trace, and the
// filling lies near the gradient that was punched.
static void test_holes(void **state)
{
    (void)state;
    static const int sizes[][2] = {{64, 64}, {61, 33}, {7, 100}, {2, 1}, {1, 5}, {130, 3}};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (int shape = 0; shape < 4; shape++) {
            int width = sizes[s][0], height = sizes[s][1];
            vkstyle_image *image = gradient(width, height);
            size_t pixels = (size_t)width * (size_t)height;
            for (int y = 0; y < height; y++)
                for (int x = 0; x < width; x++) {
                    bool hole = shape == 0   ? x >= width / 2
                                : shape == 1 ? abs(x - width / 2) < 9 && abs(y - height / 2) < 9
                                : shape == 2 ? made_sample(0, x, y, 9) > 0
                                             : x + y != 0;
                    if (hole)
                        image->alpha[(size_t)y * (size_t)width + (size_t)x] = 0;
                }
            vkstyle_image *filled = fill(image);
            assert_memory_equal(filled->alpha, image->alpha, pixels * sizeof(float));
            bool any = false;
            for (size_t i = 0; i < pixels; i++)
                any |= image->alpha[i] > 0;
            for (size_t i = 0; i < 3 * pixels; i++) {
                if (image->alpha[i % pixels] > 0)
                    assert_true(filled->rgb[i] == image->rgb[i]);
                assert_true(filled->rgb[i] >= 0 && filled->rgb[i] <= 1);
                if (any && i >= 2 * pixels)
                    assert_true(fabsf(filled->rgb[i] - 0.75f) < 1e-5f);
                if (shape == 1 && width > 60 && height > 60)
                    assert_true(fabsf(filled->rgb[i] - image->rgb[i]) < 0.15f);
            }
            for (int kind = 0; kind < 3; kind++) {
                vkstyle_image *other = disguised(image, kind), *same = fill(other);
                assert_memory_equal(same->rgb, filled->rgb, 3 * pixels * sizeof(float));
                vkstyle_image_free(&other);
                vkstyle_image_free(&same);
            }
            vkstyle_image_free(&filled);
            vkstyle_image_free(&image);
        }
}

// No steep steps inside the filling.
static void test_smooth(void **state)
{
    (void)state;
    vkstyle_image *image = gradient(128, 128);
    for (int i = 0; i < 128 * 128; i++) {
        image->rgb[i] = i % 128 < 16 ? 0.0f : 1.0f;
        if (i % 128 >= 16 && i % 128 < 112)
            image->alpha[i] = 0;
    }
    vkstyle_image *filled = fill(image);
    for (int y = 0; y < 128; y++) {
        assert_true(fabsf(value_at(filled, 0, 64, y) - 0.5f) < 0.1f);
        for (int x = 16; x < 112; x++)
            assert_true(fabsf(value_at(filled, 0, x, y) - value_at(filled, 0, x - 1, y)) < 0.1f);
    }
    vkstyle_image_free(&filled);
    vkstyle_image_free(&image);
}

// Nearly transparent pixels fade into the filling.
static void test_faint(void **state)
{
    (void)state;
    vkstyle_image *image = gradient(32, 32);
    for (int i = 0; i < 3 * 1024; i++)
        image->rgb[i] = 0.5f;
    static const float alphas[] = {0.5f, 1.0f / 16, 1.0f / 64, 1.0f / 100000};
    for (int i = 0; i < 4; i++) {
        image->alpha[200 + i * 100] = alphas[i];
        image->rgb[200 + i * 100] = 1;
    }
    vkstyle_image *filled = fill(image);
    assert_true(filled->rgb[200] == 1 && filled->rgb[300] == 1);
    assert_true(filled->rgb[400] > 0.6f && filled->rgb[400] < 0.7f);
    assert_true(filled->rgb[500] < 0.501f);
    vkstyle_image_free(&filled);
    vkstyle_image_free(&image);
}

static void test_nothing_seen(void **state)
{
    (void)state;
    static const int sizes[][2] = {{1, 1}, {5, 1}, {17, 30}};
    for (int s = 0; s < 3; s++) {
        vkstyle_image *image = gradient(sizes[s][0], sizes[s][1]);
        size_t pixels = (size_t)image->width * (size_t)image->height;
        memset(image->alpha, 0, pixels * sizeof(float));
        vkstyle_image *filled = fill(image);
        for (size_t i = 0; i < 3 * pixels; i++)
            assert_true(filled->rgb[i] == 0.5f);
        vkstyle_image_free(&filled);
        vkstyle_image_free(&image);
    }
    vkstyle_image *opaque = vkstyle_image_create(9, 4, false, NULL);
    assert_non_null(opaque);
    opaque->rgb[50] = 0.3f;
    vkstyle_image *filled = fill(opaque);
    assert_null(filled->alpha);
    assert_memory_equal(filled->rgb, opaque->rgb, 3 * 36 * sizeof(float));
    vkstyle_image_free(&filled);
    vkstyle_image_free(&opaque);
}

static void test_hash(void **state)
{
    (void)state;
    // printf '\2\0\0\0\1\0\0\0\0\0\200\077' followed by 20 zeros | sha256sum
    vkstyle_image *image = vkstyle_image_create(2, 1, false, NULL);
    assert_non_null(image);
    image->rgb[0] = 1.0f;
    char text[VKS_SHA256_TEXT], other[VKS_SHA256_TEXT];
    vks_image_hash(image, text);
    assert_string_equal(text, "5d30ea40c1b67022e113784627f8c12e125082a9a2c0c2297f1591f6c61dfaa1");
    image->rgb[5] = -0.0f; // the bits count, not the value
    vks_image_hash(image, other);
    assert_string_not_equal(text, other);
    vkstyle_image_free(&image);
    // FIPS 180-2, B.1 and B.3.
    vks_sha256 hash;
    vks_sha256_init(&hash);
    vks_sha256_update(&hash, "abc", 3);
    vks_sha256_final(&hash, text);
    assert_string_equal(text, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    vks_sha256_init(&hash);
    char letters[997];
    memset(letters, 'a', sizeof letters);
    for (size_t left = 1000000, some; left; left -= some) {
        some = left < 997 ? left : 1 + left % 997;
        vks_sha256_update(&hash, letters, some);
    }
    vks_sha256_final(&hash, text);
    assert_string_equal(text, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_holes), cmocka_unit_test(test_smooth),
        cmocka_unit_test(test_faint), cmocka_unit_test(test_nothing_seen),
        cmocka_unit_test(test_hash),
    };
    return cmocka_run_group_tests_name("image fill", tests, check_setup, check_teardown);
}
