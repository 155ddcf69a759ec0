// SPDX-License-Identifier: MIT
//
// Gradients by finite differences. Three checks of each case: the reference's gradient against
// differences of its own loss; the engine's gradient against the reference's; and the engine's loss
// against the engine's gradient, along a direction.
#include "iteration_rig.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char chain[] = "conv1_1:6 conv1_2:9 pool1 conv2_1:12 pool2 conv3_1:8 conv3_2:20";
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

// The loss in double precision at all scales of a target that differs from the rig's at one value.
static double total_of(rig *r, const reference_tensor *x)
{
    return reference_measure(&r->loss, x, NULL).total + rig_coarser(r, 1, x, NULL);
}

// Central differences of the double-precision loss at some values of the target. A step as small as
// 1e-6 seldom meets a kink, and what it then does to one value is not let through: most must agree.
static void check_reference(rig *r)
{
    reference_tensor x = reference_picture(r->target);
    size_t count = reference_count(&x), agree = 0, tried = 0;
    double largest = 0;
    for (size_t i = 0; i < count; i++)
        largest = fmax(largest, fabs(r->gradient.at[i]));
    assert_true(largest > 0);
    for (size_t i = 0; i < count; i += count / 31, tried++) {
        const double step = 1e-6, kept = x.at[i];
        x.at[i] = kept + step;
        double above = total_of(r, &x);
        x.at[i] = kept - step;
        double below = total_of(r, &x);
        x.at[i] = kept;
        double slope = (above - below) / (2 * step);
        agree += fabs(slope - r->gradient.at[i]) < 1e-3 * largest;
    }
    reference_free(&x);
    assert_in_range(agree, tried - 1, tried);
}

static vkstyle_image *moved(const vkstyle_image *from, const vkstyle_image *direction, double step)
{
    vkstyle_error error = {0};
    vkstyle_image *image = vkstyle_image_create(from->width, from->height, false, &error);
    need(image, &error);
    for (size_t i = 0; i < 3 * (size_t)from->width * (size_t)from->height; i++)
        image->rgb[i] = from->rgb[i] + (float)step * direction->rgb[i];
    return image;
}

// Along its gradient a loss changes by |gradient|^2 a step.
static void check_slope(rig *r, vks_network *network)
{
    vkstyle_error error = {0};
    vkstyle_image *direction = r->got_gradient;
    r->got_gradient = NULL;
    double square = 0;
    for (size_t i = 0; i < reference_count(&r->gradient); i++)
        square += (double)direction->rgb[i] * direction->rgb[i];
    // A step that changes the loss by two per cent: far above rounding, and small enough to be
    // nearly straight.
    double step = 0.01 * r->got.total / square, loss[2];
    for (int i = 0; i < 2; i++) {
        vkstyle_image *target = moved(r->target, direction, i ? step : -step);
        need(rig_run(r, gpu, network, target, false, &error), &error);
        loss[i] = r->got.total;
        vkstyle_image_free(&target);
    }
    vkstyle_image_free(&direction);
    double slope = (loss[1] - loss[0]) / (2 * step);
    if (!(fabs(slope - square) < 0.02 * square))
        fail_msg("along the gradient the loss changes by %g a step, and not by %g", slope, square);
}

static void check(rig_case is)
{
    vkstyle_error error = {0};
    is.chain = chain;
    is.width = is.coarser ? 71 : 22;
    is.height = is.coarser ? 66 : 19;
    is.style_width = 18;
    is.style_height = 25;
    is.precision = VKSTYLE_PRECISION_FP32;
    rig r;
    rig_open(&r, &is);
    check_reference(&r);
    vks_network *network = vks_network_create(gpu, r.model, &error);
    need(network, &error);
    need(rig_run(&r, gpu, network, NULL, false, &error), &error);
    double off = rig_off(r.got_gradient->rgb, r.gradient.at, reference_count(&r.gradient));
    double bar = is.kernels == VKSTYLE_KERNELS_DIRECT ? 1e-4 : 5e-3;
    if (is.style_loss == VKSTYLE_LOSS_WASSERSTEIN && bar < 5e-4)
        bar = 5e-4; // inverse roots of small directions in single precision: 1.7e-4 was seen
    if (!(off < bar))
        fail_msg("the gradient is off by %.1e", off);
    check_slope(&r, network);
    vks_network_free(&network);
    rig_close(&r);
}

#define CASE(name, ...)                                                                            \
    static void name(void **state)                                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        check((rig_case){__VA_ARGS__});                                                            \
    }
#define DIRECT    .kernels = VKSTYLE_KERNELS_DIRECT
#define REPLICATE .padding = VKSTYLE_PAD_REPLICATE
#define ZERO      .padding = VKSTYLE_PAD_ZERO
#define REFLECT   .padding = VKSTYLE_PAD_REFLECT

CASE(content, .content_layer = "conv2_1", .style_layers = "conv1_1", .alpha = 1, .no_style = true,
     DIRECT, REPLICATE)
CASE(content_raw, .content_layer = "conv3_1", .style_layers = "conv1_1", .alpha = 2,
     .no_style = true, .raw = true, DIRECT, ZERO)
CASE(style, .content_layer = "conv1_1", .style_layers = "conv1_1,conv2_1,conv3_1", .beta = 10,
     .no_content = true, DIRECT, REFLECT)
CASE(style_raw, .content_layer = "conv1_1", .style_layers = "conv1_1,conv3_1", .beta = 1e-3,
     .no_content = true, .raw = true, .pool = VKSTYLE_POOL_AVG, DIRECT, ZERO)
CASE(style_before_max_pool, .content_layer = "conv1_1", .style_layers = "conv1_2,conv3_1",
     .beta = 5, .no_content = true, DIRECT, REPLICATE)
CASE(style_before_average_pool, .content_layer = "conv1_1", .style_layers = "conv1_2,conv3_1",
     .beta = 5, .no_content = true, .pool = VKSTYLE_POOL_AVG, DIRECT, REPLICATE)
CASE(style_of_a_pool, .content_layer = "conv1_1", .style_layers = "pool1,conv2_1", .beta = 5,
     .no_content = true, DIRECT, REPLICATE)
CASE(style_of_the_last_pool, .content_layer = "conv1_1", .style_layers = "pool2", .beta = 5,
     .no_content = true, .pool = VKSTYLE_POOL_AVG, DIRECT, REPLICATE)
CASE(content_of_a_pool, .content_layer = "pool1", .style_layers = "conv3_1", .alpha = 1, .beta = 1,
     DIRECT, REPLICATE)
CASE(content_and_style_at_one_layer, .content_layer = "conv2_1", .style_layers = "conv2_1",
     .alpha = 1, .beta = 3, DIRECT, REPLICATE)
CASE(content_and_style_before_a_pool, .content_layer = "conv1_2", .style_layers = "conv1_2,pool1",
     .alpha = 1, .beta = 3, DIRECT, REPLICATE)
CASE(a_dead_layer, .dead = "conv3_2", .content_layer = "conv2_1", .style_layers = "conv1_1,conv3_2",
     .alpha = 1, .beta = 3, DIRECT, REPLICATE)
CASE(variation, .content_layer = "conv1_1", .style_layers = "conv1_1", .tv = 1, .no_style = true,
     .no_content = true, DIRECT, REPLICATE)
CASE(everything, .content_layer = "conv2_1", .style_layers = "conv1_1,conv1_2,pool1,conv3_1",
     .alpha = 1, .beta = 20, .tv = 0.5, .kernels = VKSTYLE_KERNELS_WINOGRAD, REFLECT)
CASE(everything_tiled, .content_layer = "conv2_1", .style_layers = "conv1_1,conv1_2,pool1,conv3_1",
     .alpha = 1, .beta = 20, .tv = 0.5, .kernels = VKSTYLE_KERNELS_TILED, REFLECT)

#define GRAM_MEAN   .style_loss = VKSTYLE_LOSS_GRAM_MEAN
#define WASSERSTEIN .style_loss = VKSTYLE_LOSS_WASSERSTEIN
CASE(means, .content_layer = "conv1_1", .style_layers = "conv1_1,conv2_1,conv3_1", .beta = 10,
     .no_content = true, GRAM_MEAN, DIRECT, REFLECT)
CASE(means_of_a_pool, .content_layer = "conv1_1", .style_layers = "conv1_2,pool1,conv3_2",
     .beta = 5, .no_content = true, .pool = VKSTYLE_POOL_AVG, GRAM_MEAN, DIRECT, REPLICATE)
CASE(means_of_a_dead_layer, .dead = "conv3_2", .content_layer = "conv2_1",
     .style_layers = "conv1_1,conv3_2", .alpha = 1, .beta = 3, GRAM_MEAN, DIRECT, REPLICATE)
CASE(means_tiled, .content_layer = "conv2_1", .style_layers = "conv1_1,conv1_2,pool1,conv3_1",
     .alpha = 1, .beta = 20, .tv = 0.5, GRAM_MEAN, .kernels = VKSTYLE_KERNELS_TILED, REFLECT)
CASE(distance, .content_layer = "conv1_1", .style_layers = "conv1_1,conv2_1,conv3_1", .beta = 10,
     .no_content = true, WASSERSTEIN, DIRECT, REFLECT)
CASE(distance_of_a_pool, .content_layer = "conv1_1", .style_layers = "conv1_2,pool1,conv3_2",
     .beta = 5, .no_content = true, .pool = VKSTYLE_POOL_AVG, WASSERSTEIN, DIRECT, REPLICATE)
CASE(distance_of_a_dead_layer, .dead = "conv3_2", .content_layer = "conv2_1",
     .style_layers = "conv1_1,conv3_2", .alpha = 1, .beta = 3, WASSERSTEIN, DIRECT, REPLICATE)
CASE(distance_tiled, .content_layer = "conv2_1", .style_layers = "conv1_1,conv1_2,pool1,conv3_1",
     .alpha = 1, .beta = 20, .tv = 0.5, WASSERSTEIN, .kernels = VKSTYLE_KERNELS_TILED, REFLECT)

#define SCALES(n) .coarser = n, .coarser_weight = 0.4
CASE(half_size, .content_layer = "conv2_1", .style_layers = "conv1_1,pool1,conv3_1", .alpha = 1,
     .beta = 20, .tv = 0.5, SCALES(1), DIRECT, REPLICATE)
CASE(three_scales, .content_layer = "conv2_1", .style_layers = "conv1_1,conv3_1", .alpha = 1,
     .beta = 20, SCALES(2), .kernels = VKSTYLE_KERNELS_WINOGRAD, REPLICATE)
CASE(three_scales_tiled, .content_layer = "conv2_1", .style_layers = "conv1_1,conv3_1", .alpha = 1,
     .beta = 20, SCALES(2), .kernels = VKSTYLE_KERNELS_TILED, REPLICATE)
CASE(distance_at_two_scales, .content_layer = "conv1_1", .style_layers = "conv1_1,conv2_1",
     .alpha = 1, .beta = 10, SCALES(1), WASSERSTEIN, DIRECT, REFLECT)

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(content),
        cmocka_unit_test(content_raw),
        cmocka_unit_test(style),
        cmocka_unit_test(style_raw),
        cmocka_unit_test(style_before_max_pool),
        cmocka_unit_test(style_before_average_pool),
        cmocka_unit_test(style_of_a_pool),
        cmocka_unit_test(style_of_the_last_pool),
        cmocka_unit_test(content_of_a_pool),
        cmocka_unit_test(content_and_style_at_one_layer),
        cmocka_unit_test(content_and_style_before_a_pool),
        cmocka_unit_test(a_dead_layer),
        cmocka_unit_test(variation),
        cmocka_unit_test(everything),
        cmocka_unit_test(everything_tiled),
        cmocka_unit_test(means),
        cmocka_unit_test(means_of_a_pool),
        cmocka_unit_test(means_of_a_dead_layer),
        cmocka_unit_test(means_tiled),
        cmocka_unit_test(distance),
        cmocka_unit_test(distance_of_a_pool),
        cmocka_unit_test(distance_of_a_dead_layer),
        cmocka_unit_test(distance_tiled),
        cmocka_unit_test(half_size),
        cmocka_unit_test(three_scales),
        cmocka_unit_test(three_scales_tiled),
        cmocka_unit_test(distance_at_two_scales),
    };
    return cmocka_run_group_tests_name("gradient", tests, setup, teardown);
}
