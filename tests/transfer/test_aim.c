// SPDX-License-Identifier: MIT
//
// What a style is measured by: eigenvalues and roots of matrices, means and covariances of one
// style and of mixtures, in one piece and in tiles.
#include "iteration_rig.h"

#include "transfer/aim.h"
#include "transfer/eigen.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static vks_gpu *gpu;

static int setup(void **state)
{
    (void)state;
    gpu = rig_gpu(NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    vks_gpu_close(&gpu);
    return vks_gpu_validation_messages();
}

// ---------------------------------------------------------------- matrices

static double pick(unsigned *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 8) / 8388608.0 - 1;
}

enum { PLAIN, STEEP, POOR, DIAGONAL, ZERO, KINDS };

// Symmetric; STEEP: B B^T with columns of B from 1 down to 1e-6; POOR: of a quarter of the rank.
static double *symmetric(uint32_t n, int kind, unsigned seed)
{
    double *a = calloc((size_t)n * n, sizeof *a), *b = calloc((size_t)n * n, sizeof *b);
    assert_true(a && b);
    uint32_t rank = kind == POOR ? (n + 3) / 4 : n;
    for (uint32_t i = 0; i < n * n; i++)
        b[i] = pick(&seed) * (kind == STEEP ? pow(1e-6, i % n / (double)n) : 1);
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < n; k++) {
            if (kind == PLAIN)
                a[i * n + k] = b[i * n + k] + b[k * n + i];
            else if (kind == DIAGONAL)
                a[i * n + k] = i == k ? (double)(i % 5) : 0;
            for (uint32_t j = 0; (kind == STEEP || kind == POOR) && j < rank; j++)
                a[i * n + k] += b[i * n + j] * b[k * n + j];
        }
    free(b);
    return a;
}

static double norm(const double *a, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += a[i] * a[i];
    return sqrt(sum);
}

static void check_matrix(uint32_t n, int kind)
{
    vkstyle_error error = {0};
    size_t all = (size_t)n * n;
    double *a = symmetric(n, kind, n + (unsigned)kind), *v = malloc(all * sizeof *v);
    double *values = malloc(n * sizeof *values), size = norm(a, all), off = 0, turned = 0;
    assert_true(v && values);
    memcpy(v, a, all * sizeof *v);
    need(vks_eigen(v, values, n, &error), &error);
    for (uint32_t k = 0; k < n; k++) { // A v = value v, and rows are orthonormal
        for (uint32_t i = 0; i < n; i++) {
            double sum = -values[k] * v[k * n + i], dot = i == k ? -1 : 0;
            for (uint32_t j = 0; j < n; j++) {
                sum += a[i * n + j] * v[k * n + j];
                dot += v[i * n + j] * v[k * n + j];
            }
            off += sum * sum;
            turned += dot * dot;
        }
    }
    if (!(sqrt(off) <= 1e-13 * n * size) || !(sqrt(turned) < 1e-13 * n))
        fail_msg("%u, kind %d: off by %g of %g, vectors by %g", n, kind, sqrt(off), size,
                 sqrt(turned));
    if (kind != PLAIN) { // R R = A
        memcpy(v, a, all * sizeof *v);
        need(vks_matrix_root(v, values, n, 0, &error), &error);
        off = 0;
        for (uint32_t i = 0; i < n; i++)
            for (uint32_t k = 0; k < n; k++) {
                double sum = -a[i * n + k];
                for (uint32_t j = 0; j < n; j++)
                    sum += v[i * n + j] * v[j * n + k];
                off += sum * sum;
            }
        if (!(sqrt(off) <= 1e-13 * n * size))
            fail_msg("%u, kind %d: the root's square is off by %g of %g", n, kind, sqrt(off), size);
    }
    free(a);
    free(v);
    free(values);
}

static void matrices_have_roots(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {1, 2, 3, 5, 17, 64, 131};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int kind = 0; kind < KINDS; kind++)
            check_matrix(sizes[i], kind);
}

static void no_numbers_are_refused(void **state)
{
    (void)state;
    vkstyle_error error = {0};
    double a[9] = {1, 2, NAN, 2, 1, 0, NAN, 0, 1}, values[3];
    assert_false(vks_eigen(a, values, 3, &error));
    assert_int_equal(error.status, VKSTYLE_FAILED);
}

// ---------------------------------------------------------------- styles

// Means, deviations and root of a mixture of two styles of different sizes.
static void check_mixture(uint32_t tile)
{
    vkstyle_error error = {0};
    vkstyle_model *model = rig_model("conv1_1:7 conv1_2:18 pool1 conv2_1:21", 11);
    vkstyle_image *pictures[2] = {rig_picture(41, 30, 3), rig_picture(28, 37, 8)};
    const vkstyle_image *styles[] = {pictures[0], pictures[1]};
    const double weights[] = {1, 3};
    vkstyle_params p;
    vks_setting s;
    vkstyle_params_default(&p);
    snprintf(p.style_layers, sizeof p.style_layers, "conv1_2,conv2_1");
    snprintf(p.content_layer, sizeof p.content_layer, "conv1_1");
    p.style_loss = VKSTYLE_LOSS_WASSERSTEIN;
    p.precision = VKSTYLE_PRECISION_FP32;
    need(vks_setting_resolve(&s, model, &p, vks_gpu_get_limits(gpu), &error), &error);
    s.tile = tile;
    s.resident = 1000;
    reference_loss right = {.encoder = {model, s.encode.pool, s.encode.padding, s.encode.depth},
                            .style_count = s.style_count};
    memcpy(right.style_layers, s.style_layers, sizeof s.style_layers);
    reference_aim_style(&right, styles, weights, 2);
    vks_network *network = vks_network_create(gpu, model, &error);
    need(network, &error);
    vks_style style;
    need(vks_prepare_style(&style, gpu, network, &s, styles, weights, 2, &error), &error);
    for (int l = 0; l < s.style_count; l++) {
        size_t n = style.channels[l], padded = style.padded[l];
        const float *root = style.moments[l] + 2 * padded, *turned = root + padded * padded;
        double off = 0, size = 0, all = 0;
        for (size_t c = 0; c < n; c++) {
            all += right.gram[l][c * n + c];
            off += pow(style.moments[l][c] - right.mean[l][c], 2);
            size += pow(right.mean[l][c], 2);
        }
        assert_true(sqrt(off / size) < 1e-5);
        off = size = 0;
        for (size_t a = 0; a < n; a++)
            for (size_t b = 0; b < n; b++) {
                double sum = 0,
                       cov = right.gram[l][a * n + b] - right.mean[l][a] * right.mean[l][b];
                for (size_t j = 0; j < n; j++)
                    sum += (double)root[(a / 4 * padded + j) * 4 + a % 4] *
                           turned[((b / 16 * padded + j) * 4 + b / 4 % 4) * 4 + b % 4];
                off += (sum - cov) * (sum - cov);
                size += cov * cov;
                if (a == b) // a little is added to variances
                    assert_true(fabs(style.moments[l][padded + a] - sqrt(fmax(0, cov))) <
                                0.011 * sqrt(all / (double)n));
            }
        if (!(sqrt(off / size) < 1e-4))
            fail_msg("layer %d: the root's square is off by %g", l, sqrt(off / size));
    }
    vks_style_free(&style);
    vks_network_free(&network);
    reference_loss_free(&right);
    vkstyle_image_free(&pictures[0]);
    vkstyle_image_free(&pictures[1]);
    vkstyle_model_free(&model);
}

static void mixtures(void **state)
{
    (void)state;
    check_mixture(0);
    check_mixture(16);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matrices_have_roots),
        cmocka_unit_test(no_numbers_are_refused),
        cmocka_unit_test(mixtures),
    };
    return cmocka_run_group_tests_name("styles", tests, setup, teardown);
}
