// SPDX-License-Identifier: MIT
//
// What a finished picture must not have: a frame, and a pattern of 16 pixels, the step of conv5_1.
// VGG-19 itself paints blots with blots, which look alike everywhere, and so should the result;
// each gate is shown to close on what it is there for.
#include "job_rig.h"

#include <math.h>

enum { SIDE = 96, FRAME = 6, STEP = 16 };

static vkstyle_context *context;
static vkstyle_model *model;

static int setup(void **state)
{
    (void)state;
    vkstyle_error error = {0};
    context = rig_context(NULL);
    model = vkstyle_model_load("vgg19", &error);
    need(model, &error);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    vkstyle_model_free(&model);
    vkstyle_close(&context);
    return vks_gpu_validation_messages();
}

static double luma(const vkstyle_image *image, int x, int y)
{
    size_t n = (size_t)image->width * (size_t)image->height,
           i = (size_t)y * (size_t)image->width + (size_t)x;
    return 0.299 * image->rgb[i] + 0.587 * image->rgb[n + i] + 0.114 * image->rgb[2 * n + i];
}

// ---------------------------------------------------------------- measures

// Energy of differences of neighbours in the outer FRAME pixels, relative to that within.
static double frame_energy(const vkstyle_image *image)
{
    double sum[2] = {0}, count[2] = {0};
    for (int y = 0; y + 1 < SIDE; y++)
        for (int x = 0; x + 1 < SIDE; x++) {
            int edge = x < FRAME || y < FRAME || x >= SIDE - FRAME || y >= SIDE - FRAME;
            double here = luma(image, x, y), dx = luma(image, x + 1, y) - here,
                   dy = luma(image, x, y + 1) - here;
            sum[edge] += dx * dx + dy * dy;
            count[edge]++;
        }
    return sum[1] / count[1] / (sum[0] / count[0]);
}

// Mean brightness of the outer two pixels against that within, in units of the picture's own
// deviation.
static double frame_light(const vkstyle_image *image)
{
    double sum[2] = {0}, square = 0, count[2] = {0};
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            int edge = x < 2 || y < 2 || x >= SIDE - 2 || y >= SIDE - 2;
            double v = luma(image, x, y);
            sum[edge] += v;
            square += v * v;
            count[edge]++;
        }
    double all = count[0] + count[1], mean = (sum[0] + sum[1]) / all;
    return fabs(sum[1] / count[1] - sum[0] / count[0]) / sqrt(square / all - mean * mean);
}

// Power of the rows and columns (Hann window) at a whole number of waves a side.
static double power(const vkstyle_image *image, int waves)
{
    double sum = 0;
    for (int line = 0; line < 2 * SIDE; line++) {
        double re = 0, im = 0;
        for (int i = 0; i < SIDE; i++) {
            double v = line < SIDE ? luma(image, i, line) : luma(image, line - SIDE, i);
            double phase = 2 * M_PI * waves * i / SIDE, window = 1 - cos(2 * M_PI * i / SIDE);
            re += window * v * cos(phase);
            im += window * v * sin(phase);
        }
        sum += re * re + im * im;
    }
    return sum;
}

// The largest peak at a period of 16 pixels or a part of it, relative to the spectrum on both
// sides.
static double comb_peak(const vkstyle_image *image)
{
    double most = 0;
    for (int k = SIDE / STEP; k < SIDE / 2; k += SIDE / STEP) {
        double beside = 0.25 * (power(image, k - 3) + power(image, k - 2) + power(image, k + 2) +
                                power(image, k + 3));
        most = fmax(most, power(image, k) / beside);
    }
    return most;
}

// ---------------------------------------------------------------- pictures

// Blots of many sizes and colours at random places: no edge, no grid, no direction.
static vkstyle_image *blots(int side, uint32_t seed)
{
    vkstyle_error error = {0};
    vkstyle_image *image = vkstyle_image_create(side, side, false, &error);
    need(image, &error);
    size_t n = (size_t)side * (size_t)side;
    for (size_t i = 0; i < 3 * n; i++)
        image->rgb[i] = 0.5f;
    for (int blot = 0; blot < 900; blot++) {
        double v[6];
        for (int i = 0; i < 6; i++)
            v[i] = (double)((seed = seed * 1664525u + 1013904223u) >> 8) / 16777216.0;
        double cx = v[0] * side, cy = v[1] * side, radius = 1.5 + 5 * v[2] * v[2];
        for (int y = -7; y <= 7; y++)
            for (int x = -7; x <= 7; x++) {
                if (x * x + y * y > radius * radius)
                    continue;
                // Around the edges: the style has none.
                size_t at = (size_t)(((int)cy + y + side) % side) * (size_t)side +
                            (size_t)(((int)cx + x + side) % side);
                for (size_t c = 0; c < 3; c++)
                    image->rgb[c * n + at] = (float)(0.15 + 0.7 * v[3 + c]);
            }
    }
    return image;
}

static vkstyle_image *painted(vkstyle_padding padding)
{
    vkstyle_image *content = blots(SIDE, 2), *style = blots(SIDE, 12345);
    vkstyle_params p = job_params(24);
    p.padding = padding;
    p.learning_rate = 0.04;
    job_result r = job_simple(context, model, content, style, &p);
    need(r.image, &r.error);
    vkstyle_image *image = r.image;
    r.image = NULL;
    job_free(&r);
    vkstyle_image_free(&content);
    vkstyle_image_free(&style);
    return image;
}

// Gates, and what was measured (llvmpipe, Mesa 22.3.6, 2026-11-24): default padding 1.01, 0.09 and
// 1.11; zero padding 1.09, 0.18 and 1.11; a checkerboard of 16 pixels that moves each value by
// 0.04: a peak of 2.1. The content itself has 0.99, 0.03 and 1.02, the style 0.94, 0.10 and 1.05.
static bool has_frame(const vkstyle_image *image)
{
    double energy = frame_energy(image), light = frame_light(image);
    print_message("frame: energy %.3f, light %.3f\n", energy, light);
    return !(energy > 0.9 && energy < 1.06 && light < 0.14);
}

static bool has_checkerboard(const vkstyle_image *image)
{
    double peak = comb_peak(image);
    print_message("peak at 16 pixels: %.3f\n", peak);
    return !(peak < 1.4);
}

static void no_frame_and_no_checkerboard(void **state)
{
    (void)state;
    vkstyle_image *image = painted(VKSTYLE_PAD_AUTO);
    assert_false(has_frame(image));
    assert_false(has_checkerboard(image));
    for (size_t i = 0; i < 3 * SIDE * SIDE; i++)
        image->rgb[i] += (i % SIDE / 8 + i / SIDE % SIDE / 8) % 2 ? 0.04f : -0.04f;
    assert_true(has_checkerboard(image));
    vkstyle_image_free(&image);
}

// The gate for frames closes on the frame that padding with zeros paints.
static void zero_padding_has_a_frame(void **state)
{
    (void)state;
    vkstyle_image *image = painted(VKSTYLE_PAD_ZERO);
    assert_true(has_frame(image));
    vkstyle_image_free(&image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_frame_and_no_checkerboard),
        cmocka_unit_test(zero_padding_has_a_frame),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
