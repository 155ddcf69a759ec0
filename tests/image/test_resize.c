// SPDX-License-Identifier: MIT
// Resampling against the definition, computed here without separation and without tables.
#include "check.h"

static vkstyle_image *pattern(int width, int height, bool alpha)
{
    vkstyle_image *image = vkstyle_image_create(width, height, alpha, NULL);
    assert_non_null(image);
    size_t pixels = (size_t)width * (size_t)height;
    for (size_t i = 0; i < pixels; i++)
        for (int c = 0; c < (alpha ? 4 : 3); c++) {
            int x = (int)(i % (size_t)width), y = (int)(i / (size_t)width);
            float value = (float)made_sample(c, x, y, 1000) / 1000;
            *(c < 3 ? &image->rgb[(size_t)c * pixels + i] : &image->alpha[i]) = value;
        }
    return image;
}

static vkstyle_image *resize(const vkstyle_image *image, int width, int height)
{
    vkstyle_error error = {0};
    vkstyle_image *to = vkstyle_image_resize(image, width, height, &error);
    if (!to)
        print_error("%s\n", error.text);
    assert_non_null(to);
    assert_int_equal(to->width, width);
    assert_int_equal(to->height, height);
    assert_int_equal(to->alpha != NULL, image->alpha != NULL);
    return to;
}

static double sinc(double x)
{
    return x == 0 ? 1 : sin(M_PI * x) / (M_PI * x);
}

// The filter at a distance of x input pixels, unnormalised.
static double filter(double x, int from, int to)
{
    if (to == from)
        return fabs(x) < 0.5;
    if (to < from) {
        x *= (double)to / from;
        return fabs(x) < 3 ? sinc(x) * sinc(x / 3) : 0;
    }
    // Keys' cubic with a = -1/2.
    x = fabs(x);
    const double a = -0.5;
    if (x <= 1)
        return (a + 2) * x * x * x - (a + 3) * x * x + 1;
    return x < 2 ? a * x * x * x - 5 * a * x * x + 8 * a * x - 4 * a : 0;
}

static double clamp(double value, double low, double high)
{
    return fmin(fmax(value, low), high);
}

// One output pixel over the whole input: r, g, b, alpha.
static void reference(const vkstyle_image *from, int width, int height, int x, int y, double out[4])
{
    double sum[4] = {0}, weights = 0;
    for (int j = 0; j < from->height; j++)
        for (int i = 0; i < from->width; i++) {
            double across = (x + 0.5) * from->width / width - 0.5 - i;
            double down = (y + 0.5) * from->height / height - 0.5 - j;
            double w = filter(across, from->width, width) * filter(down, from->height, height);
            double alpha = value_at(from, 3, i, j);
            weights += w;
            for (int c = 0; c < 3; c++)
                sum[c] += w * alpha * value_at(from, c, i, j);
            sum[3] += w * alpha;
        }
    for (int c = 0; c < 3; c++)
        out[c] = sum[c] / sum[3];
    out[3] = sum[3] / weights;
}

static void check(int from_width, int from_height, int width, int height, bool alpha)
{
    vkstyle_image *from = pattern(from_width, from_height, alpha);
    vkstyle_image *to = resize(from, width, height);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            double due[4];
            reference(from, width, height, x, y, due);
            for (int c = 0; c < 4; c++) {
                double got = value_at(to, c, x, y);
                // Colours are worth as much as their alpha; where it is gone there are none.
                if (c < 3 && due[3] < 1e-3)
                    continue;
                double tolerance = c < 3 ? 1e-6 / fmin(due[3], 1) : 1e-6;
                if (fabs(got - clamp(due[c], 0, 1)) > tolerance)
                    fail_msg("%dx%d to %dx%d: channel %d at %d,%d is %g, not %g", from_width,
                             from_height, width, height, c, x, y, got, due[c]);
            }
        }
    vkstyle_image_free(&from);
    vkstyle_image_free(&to);
}

static void test_reference(void **state)
{
    (void)state;
    static const int cases[][4] = {
        {40, 30, 20, 15}, {40, 30, 13, 7}, {41, 29, 40, 28}, {10, 8, 25, 21}, {7, 5, 7, 20},
        {33, 21, 8, 50},  {9, 1, 4, 1},    {1, 9, 1, 30},    {5, 5, 1, 1},    {1, 1, 6, 4},
        {2, 3, 1, 2},     {3, 2, 4, 3},    {64, 2, 3, 2},    {23, 17, 23, 17}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int alpha = 0; alpha < 2; alpha++)
            check(cases[i][0], cases[i][1], cases[i][2], cases[i][3], alpha);
}

static void test_same_size(void **state)
{
    (void)state;
    vkstyle_image *from = pattern(31, 17, false), *to = resize(from, 31, 17);
    assert_memory_equal(from->rgb, to->rgb, 3 * 31 * 17 * sizeof(float));
    vkstyle_image_free(&from);
    vkstyle_image_free(&to);
}

// To the last bit, also under any alpha that is not too faint.
static void test_constant(void **state)
{
    (void)state;
    static const int sizes[][2] = {{1, 1}, {3, 100}, {64, 48}, {199, 3}, {37, 41}, {333, 222}};
    static const float values[3] = {0.1f, 1.0f / 3, 0.987654f};
    for (int alpha = 0; alpha < 2; alpha++)
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
            for (size_t t = 0; t < sizeof sizes / sizeof *sizes; t++) {
                int width = sizes[s][0], height = sizes[s][1];
                vkstyle_image *from = vkstyle_image_create(width, height, alpha, NULL);
                assert_non_null(from);
                size_t pixels = (size_t)width * (size_t)height;
                for (size_t i = 0; i < 3 * pixels; i++)
                    from->rgb[i] = values[i / pixels];
                for (size_t i = 0; alpha && i < pixels; i++)
                    from->alpha[i] = 0.5f + (float)made_sample(0, (int)i, 0, 100) / 200;
                vkstyle_image *to = resize(from, sizes[t][0], sizes[t][1]);
                size_t out = (size_t)to->width * (size_t)to->height;
                for (size_t i = 0; i < 3 * out; i++)
                    assert_true(to->rgb[i] == values[i / out]);
                vkstyle_image_free(&from);
                vkstyle_image_free(&to);
            }
}

// Steps do not ring out of 0..1, nor of the picture's own range where that is larger.
static void test_overshoot(void **state)
{
    (void)state;
    for (int wide = 0; wide < 2; wide++) {
        float low = wide ? -2.0f : 0.0f, high = wide ? 5.0f : 1.0f;
        vkstyle_image *from = vkstyle_image_create(60, 60, false, NULL);
        assert_non_null(from);
        for (int i = 0; i < 3 * 3600; i++)
            from->rgb[i] = i % 60 < 30 ? low : high;
        for (int size = 25; size < 120; size += 50) {
            vkstyle_image *to = resize(from, size, size);
            float least = high, most = low;
            for (int i = 0; i < 3 * size * size; i++) {
                least = fminf(least, to->rgb[i]);
                most = fmaxf(most, to->rgb[i]);
            }
            assert_true(least == low && most == high);
            vkstyle_image_free(&to);
        }
        vkstyle_image_free(&from);
    }
}

// Colours that are not seen do not bleed into those that are.
static void test_hidden_colours(void **state)
{
    (void)state;
    vkstyle_image *from = vkstyle_image_create(40, 40, true, NULL);
    assert_non_null(from);
    for (int i = 0; i < 1600; i++) {
        from->alpha[i] = i % 40 < 20 ? 1.0f : 0.0f;
        for (int c = 0; c < 3; c++)
            from->rgb[c * 1600 + i] = i % 40 < 20 ? 0.25f : 1.0f;
    }
    for (int size = 13; size < 100; size += 37) {
        vkstyle_image *to = resize(from, size, size);
        int seen = 0;
        for (int i = 0; i < size * size; i++) {
            if (to->alpha[i] == 0)
                continue;
            seen++;
            for (int c = 0; c < 3; c++)
                assert_true(fabsf(to->rgb[c * size * size + i] - 0.25f) < 1e-6f);
        }
        assert_true(seen >= size * size / 2 && seen < size * size);
        vkstyle_image_free(&to);
    }
    vkstyle_image_free(&from);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reference),      cmocka_unit_test(test_same_size),
        cmocka_unit_test(test_constant),       cmocka_unit_test(test_overshoot),
        cmocka_unit_test(test_hidden_colours),
    };
    return cmocka_run_group_tests_name("image resize", tests, check_setup, check_teardown);
}
