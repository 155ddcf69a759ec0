// SPDX-License-Identifier: MIT
// Colours of one picture in another: the linear maps in double precision against what defines them,
// and the pictures they make against the statistics they promise.
#include "check.h"
#include "image/recolour.h"

#include <math.h>

static double random_unit(unsigned *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (double)(*seed >> 8) / (1 << 24);
}

// Correlated noise around a mean, all of it well inside 0..1.
static vkstyle_image *picture(int width, int height, unsigned seed)
{
    vkstyle_image *image = vkstyle_image_create(width, height, false, NULL);
    assert_non_null(image);
    double mix[3][3], mean[3];
    for (int r = 0; r < 3; r++) {
        mean[r] = 0.4 + 0.2 * random_unit(&seed);
        for (int c = 0; c < 3; c++)
            mix[r][c] = 0.1 * (random_unit(&seed) - 0.5);
    }
    size_t n = (size_t)width * (size_t)height;
    for (size_t i = 0; i < n; i++) {
        double u[3];
        for (int c = 0; c < 3; c++)
            u[c] = 2 * random_unit(&seed) - 1;
        for (int r = 0; r < 3; r++)
            image->rgb[(size_t)r * n + i] =
                (float)(mean[r] + mix[r][0] * u[0] + mix[r][1] * u[1] + mix[r][2] * u[2]);
    }
    return image;
}

static double luma(const vkstyle_image *image, size_t i)
{
    size_t n = (size_t)image->width * (size_t)image->height;
    return 0.299 * image->rgb[i] + 0.587 * image->rgb[n + i] + 0.114 * image->rgb[2 * n + i];
}

// A·(from + ε)·Aᵀ = to + ε for both maps; the first is a lower triangle, the second turns nothing:
// its square root form is symmetric whenever the two covariances commute.
static void maps_do_what_defines_them(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed < 40; seed++)
        for (int how = VKSTYLE_COLOUR_MATCH; how <= VKSTYLE_COLOUR_MATCH_PCA; how++) {
            vkstyle_image *a = picture(40, 30, seed), *b = picture(33, 21, 100 + seed);
            vks_colours from, to;
            vks_colours_of(&from, a);
            vks_colours_of(&to, b);
            double map[3][3], left[3][3], got, worst = 0, scale = 0;
            vks_colour_map(map, (vkstyle_colour)how, from.covariance, to.covariance);
            for (int r = 0; r < 3; r++)
                for (int c = 0; c < 3; c++) {
                    left[r][c] = 0;
                    for (int k = 0; k < 3; k++)
                        left[r][c] += map[r][k] * (from.covariance[k][c] + (k == c ? 1e-5 : 0));
                }
            for (int r = 0; r < 3; r++)
                for (int c = 0; c < 3; c++) {
                    got = 0;
                    for (int k = 0; k < 3; k++)
                        got += left[r][k] * map[c][k];
                    double want = to.covariance[r][c] + (r == c ? 1e-5 : 0);
                    worst = fmax(worst, fabs(got - want));
                    scale = fmax(scale, fabs(want));
                }
            assert_true(worst < 1e-11 * scale);
            if (how == VKSTYLE_COLOUR_MATCH)
                assert_true(map[0][1] == 0 && map[0][2] == 0 && map[1][2] == 0);
            vkstyle_image_free(&a);
            vkstyle_image_free(&b);
        }
    // Of itself: the identity. Of four times itself: twice the identity.
    double some[3][3] = {{0.04, 0.01, 0.005}, {0.01, 0.03, -0.01}, {0.005, -0.01, 0.05}},
           four[3][3];
    for (int r = 0; r < 3; r++)
        for (int c = 0; c < 3; c++)
            four[r][c] = 4 * some[r][c] + (r == c ? 3e-5 : 0);
    for (int how = VKSTYLE_COLOUR_MATCH; how <= VKSTYLE_COLOUR_MATCH_PCA; how++) {
        double map[3][3];
        vks_colour_map(map, (vkstyle_colour)how, (const double(*)[3])some,
                       (const double(*)[3])four);
        for (int r = 0; r < 3; r++)
            for (int c = 0; c < 3; c++)
                assert_true(fabs(map[r][c] - 2 * (r == c)) < 1e-9);
    }
}

// The recoloured picture has the other's mean and covariance; half the strength goes half the way.
static void statistics_are_met(void **state)
{
    (void)state;
    for (int how = VKSTYLE_COLOUR_MATCH; how <= VKSTYLE_COLOUR_MATCH_PCA; how++) {
        vkstyle_image *style = picture(40, 30, 7), *half = picture(40, 30, 7),
                      *before = picture(40, 30, 7), *content = picture(33, 21, 8);
        vks_colours to, got;
        vks_colours_of(&to, content);
        vks_recolour_style(style, &to, (vkstyle_colour)how, 1);
        vks_recolour_style(half, &to, (vkstyle_colour)how, 0.5);
        vks_colours_of(&got, style);
        for (int r = 0; r < 3; r++) {
            assert_true(fabs(got.mean[r] - to.mean[r]) < 1e-6);
            for (int c = 0; c < 3; c++)
                assert_true(fabs(got.covariance[r][c] - to.covariance[r][c]) < 2e-5);
        }
        for (size_t i = 0; i < 3 * 40 * 30; i++)
            assert_true(fabsf(2 * half->rgb[i] - style->rgb[i] - before->rgb[i]) < 1e-5f);
        vkstyle_image_free(&style);
        vkstyle_image_free(&half);
        vkstyle_image_free(&before);
        vkstyle_image_free(&content);
    }
}

// Luminance: mean and deviation of luma are the content's, differences of channels stay.
static void luminance_is_shifted(void **state)
{
    (void)state;
    vkstyle_image *style = picture(40, 30, 3), *before = picture(40, 30, 3),
                  *content = picture(33, 21, 4);
    vks_colours to, got;
    vks_colours_of(&to, content);
    vks_recolour_style(style, &to, VKSTYLE_COLOUR_LUMINANCE, 1);
    vks_colours_of(&got, style);
    static const double y[3] = {0.299, 0.587, 0.114};
    double mean[2] = {0}, variance[2] = {0};
    for (int r = 0; r < 3; r++) {
        mean[0] += y[r] * to.mean[r];
        mean[1] += y[r] * got.mean[r];
        for (int c = 0; c < 3; c++) {
            variance[0] += y[r] * y[c] * to.covariance[r][c];
            variance[1] += y[r] * y[c] * got.covariance[r][c];
        }
    }
    assert_true(fabs(mean[0] - mean[1]) < 1e-6);
    assert_true(fabs(variance[0] - variance[1]) < 2e-5);
    size_t n = 40 * 30;
    for (size_t i = 0; i < n; i++)
        assert_true(fabsf((style->rgb[i] - style->rgb[n + i]) -
                          (before->rgb[i] - before->rgb[n + i])) < 1e-6f);
    vkstyle_image_free(&style);
    vkstyle_image_free(&before);
    vkstyle_image_free(&content);
}

// Chroma put back: luma stays, chroma is the content's or, where there is no room, weaker in the
// same direction; strength 0 changes nothing.
static void chroma_is_restored(void **state)
{
    (void)state;
    enum { N = 50 * 41 };
    vkstyle_image *result = vkstyle_image_create(50, 41, false, NULL),
                  *content = vkstyle_image_create(50, 41, false, NULL),
                  *before = vkstyle_image_create(50, 41, false, NULL);
    unsigned seed = 5;
    for (size_t i = 0; i < 3 * N; i++) {
        before->rgb[i] = result->rgb[i] = (float)random_unit(&seed);
        content->rgb[i] = (float)random_unit(&seed);
    }
    vks_restore_chroma(result, content, 0);
    assert_memory_equal(result->rgb, before->rgb, 3 * N * sizeof(float));
    vks_restore_chroma(result, content, 1);
    int whole = 0;
    for (size_t i = 0; i < N; i++) {
        assert_true(fabs(luma(result, i) - luma(before, i)) < 1e-6);
        double factor = -1;
        for (size_t c = 0; c < 3; c++) {
            double got = result->rgb[c * N + i] - luma(result, i);
            double want = content->rgb[c * N + i] - luma(content, i);
            assert_true(result->rgb[c * N + i] >= 0 && result->rgb[c * N + i] <= 1);
            if (fabs(want) > 0.02) {
                double f = got / want;
                assert_true(f > -1e-4 && f < 1 + 1e-4);
                assert_true(factor < 0 || fabs(f - factor) < 1e-3);
                factor = f;
            }
        }
        whole += factor > 1 - 1e-4;
    }
    assert_true(whole > N / 4); // most had room
    vkstyle_image_free(&result);
    vkstyle_image_free(&content);
    vkstyle_image_free(&before);
}

// One colour, black and white, hidden pixels: no NaN, and what is hidden has no say.
static void odd_pictures_are_survived(void **state)
{
    (void)state;
    vkstyle_image *grey = vkstyle_image_create(9, 7, true, NULL), *other = picture(12, 12, 9);
    for (size_t i = 0; i < 63; i++) {
        grey->alpha[i] = i % 3 ? 1 : 0;
        for (size_t c = 0; c < 3; c++)
            grey->rgb[c * 63 + i] = i % 3 ? 0.25f : 7;
    }
    vks_colours flat, to;
    vks_colours_of(&flat, grey);
    vks_colours_of(&to, other);
    for (int c = 0; c < 3; c++) {
        assert_true(fabs(flat.mean[c] - 0.25) < 1e-9);
        assert_true(fabs(flat.covariance[c][c]) < 1e-9);
    }
    for (int how = VKSTYLE_COLOUR_LUMINANCE; how <= VKSTYLE_COLOUR_MATCH_PCA; how++) {
        vkstyle_image *copy = picture(12, 12, 9);
        vks_recolour_style(copy, &flat, (vkstyle_colour)how, 1);
        vks_recolour_style(grey, &to, (vkstyle_colour)how, 1);
        for (size_t i = 0; i < 3 * 144; i++)
            assert_true(copy->rgb[i] >= 0 && copy->rgb[i] <= 1);
        for (size_t i = 0; i < 3 * 63; i++)
            assert_true(grey->rgb[i] >= 0 && grey->rgb[i] <= 1);
        vkstyle_image_free(&copy);
    }
    vkstyle_image_free(&grey);
    vkstyle_image_free(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maps_do_what_defines_them), cmocka_unit_test(statistics_are_met),
        cmocka_unit_test(luminance_is_shifted),      cmocka_unit_test(chroma_is_restored),
        cmocka_unit_test(odd_pictures_are_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
