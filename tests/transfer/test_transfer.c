// SPDX-License-Identifier: MIT
//
// Whole jobs on small pictures: what comes out, of which size, and that it is the same twice.
#include "job_rig.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static vkstyle_context *context;
static vkstyle_model *model;
static vkstyle_image *style;

static int setup(void **state)
{
    (void)state;
    context = rig_context(NULL);
    model = rig_model(job_chain, 5);
    style = rig_picture(30, 22, 3);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    vkstyle_image_free(&style);
    vkstyle_model_free(&model);
    vkstyle_close(&context);
    return vks_gpu_validation_messages();
}

static job_result simple(const vkstyle_image *content, const vkstyle_params *params)
{
    return job_simple(context, model, content, style, params);
}

static void tiny_pictures(void **state)
{
    (void)state;
    static const int sizes[][2] = {{1, 1}, {1, 40}, {3, 2}, {17, 16}};
    for (int i = 0; i < 4; i++) {
        vkstyle_image *content = rig_picture(sizes[i][0], sizes[i][1], 1);
        vkstyle_params p = job_params(4);
        job_result r = simple(content, &p);
        assert_int_equal(r.image->width, sizes[i][0]);
        assert_int_equal(r.image->height, sizes[i][1]);
        assert_null(r.image->alpha);
        assert_false(job_same(r.image, content));
        for (int k = 0; k < 3 * sizes[i][0] * sizes[i][1]; k++)
            assert_true(r.image->rgb[k] >= 0 && r.image->rgb[k] <= 1);
        job_free(&r);
        vkstyle_image_free(&content);
    }
}

// A content whose left part is hidden, with `hidden` as its colour there.
static vkstyle_image *half_hidden(float hidden)
{
    vkstyle_error error = {0};
    vkstyle_image *plain = rig_picture(24, 20, 1);
    vkstyle_image *image = vkstyle_image_create(24, 20, true, &error);
    need(image, &error);
    size_t n = 24 * 20;
    for (size_t i = 0; i < n; i++) {
        image->alpha[i] = i % 24 < 8 ? 0 : (float)(i % 24) / 23;
        for (size_t c = 0; c < 3; c++)
            image->rgb[c * n + i] = image->alpha[i] > 0 ? plain->rgb[c * n + i] : hidden;
    }
    vkstyle_image_free(&plain);
    return image;
}

static void alpha_is_kept_and_hides(void **state)
{
    (void)state;
    vkstyle_params p = job_params(5);
    p.levels = 2;
    vkstyle_image *content[2] = {half_hidden(0), half_hidden(0.9f)};
    job_result r[2];
    for (int i = 0; i < 2; i++) {
        r[i] = simple(content[i], &p);
        assert_non_null(r[i].image->alpha);
        assert_memory_equal(r[i].image->alpha, content[i]->alpha, 24 * 20 * sizeof(float));
    }
    assert_true(job_same(r[0].image, r[1].image));
    // A hidden part of the style has no say either.
    vkstyle_image *opaque = rig_picture(16, 16, 4);
    for (int i = 0; i < 2; i++) {
        job_free(&r[i]);
        r[i] = job_simple(context, model, opaque, content[i], &p);
    }
    assert_true(job_same(r[0].image, r[1].image));
    vkstyle_image_free(&opaque);
    for (int i = 0; i < 2; i++) {
        job_free(&r[i]);
        vkstyle_image_free(&content[i]);
    }
}

static void same_twice(void **state)
{
    (void)state;
    vkstyle_image *content = rig_picture(40, 28, 1);
    for (int i = 0; i < 4; i++) {
        vkstyle_params p = job_params(6);
        p.levels = 2;
        p.optimizer = i & 1 ? VKSTYLE_LBFGS : VKSTYLE_ADAM;
        p.precision = i & 2 ? VKSTYLE_PRECISION_FP16 : VKSTYLE_PRECISION_FP32;
        job_result a = simple(content, &p), b = simple(content, &p);
        assert_string_equal(job_text(&a, "pixels.result"), job_text(&b, "pixels.result"));
        assert_true(job_same(a.image, b.image));
        // And the report's plan gives the same bits, whatever the parameters say.
        const vkstyle_image *styles[] = {style};
        vkstyle_job job = {.content = content, .styles = styles, .style_count = 1, .plan = a.text};
        vkstyle_params other = p;
        other.levels = 1;
        other.kernels = VKSTYLE_KERNELS_DIRECT;
        other.precision = VKSTYLE_PRECISION_AUTO;
        job_result c = job_run(context, model, &job, &other);
        need(c.image, &c.error);
        assert_true(job_same(a.image, c.image));
        job_free(&a);
        job_free(&b);
        job_free(&c);
    }
    vkstyle_image_free(&content);
}

static void noise_by_seed(void **state)
{
    (void)state;
    vkstyle_image *content = rig_picture(20, 18, 1);
    vkstyle_params p = job_params(3);
    p.init = VKSTYLE_INIT_RANDOM;
    p.seed = 1;
    job_result first = simple(content, &p), again = simple(content, &p);
    p.seed = 2;
    job_result other = simple(content, &p);
    assert_true(job_same(first.image, again.image));
    assert_false(job_same(first.image, other.image));
    job_free(&first);
    job_free(&again);
    job_free(&other);
    vkstyle_image_free(&content);
}

static void starts_from_a_picture(void **state)
{
    (void)state;
    vkstyle_image *content = rig_picture(20, 18, 1), *start = rig_picture(33, 17, 9);
    const vkstyle_image *styles[] = {style};
    vkstyle_job job = {.content = content, .styles = styles, .style_count = 1};
    vkstyle_params p = job_params(3);
    p.init = VKSTYLE_INIT_FILE;
    job_result none = job_run(context, model, &job, &p);
    assert_int_equal(none.error.status, VKSTYLE_USAGE);
    job.init = content;
    job_result from_content = job_run(context, model, &job, &p);
    need(from_content.image, &from_content.error);
    job.init = start;
    job_result from_start = job_run(context, model, &job, &p);
    need(from_start.image, &from_start.error);
    p.init = VKSTYLE_INIT_CONTENT;
    job_result usual = job_run(context, model, &job, &p);
    // The content's features come from a pass of their own here, from the first iteration's there.
    assert_true(job_same(from_content.image, usual.image));
    assert_true(job_loss(&from_content, 2) == job_loss(&usual, 2));
    assert_false(job_same(from_start.image, usual.image));
    job_free(&none);
    job_free(&from_content);
    job_free(&from_start);
    job_free(&usual);
    vkstyle_image_free(&content);
    vkstyle_image_free(&start);
}

static void several_styles(void **state)
{
    (void)state;
    vkstyle_image *content = rig_picture(20, 18, 1), *second = rig_picture(25, 40, 8);
    const vkstyle_image *styles[] = {style, second};
    double weights[][2] = {{1, 0}, {0, 2}, {3, 3}, {0, 0}};
    vkstyle_params p = job_params(4);
    job_result first = simple(content, &p);
    job_result other = job_simple(context, model, content, second, &p), r[5];
    for (int i = 0; i < 5; i++) {
        vkstyle_job job = {.content = content,
                           .styles = styles,
                           .style_count = 2,
                           .style_weights = i < 4 ? weights[i] : NULL};
        r[i] = job_run(context, model, &job, &p);
    }
    assert_true(job_same(r[0].image, first.image));
    assert_true(job_same(r[1].image, other.image));
    assert_true(job_same(r[2].image, r[4].image));
    assert_false(job_same(r[2].image, first.image) || job_same(r[2].image, other.image));
    assert_int_equal(r[3].error.status, VKSTYLE_USAGE);
    job_free(&first);
    job_free(&other);
    for (int i = 0; i < 5; i++)
        job_free(&r[i]);
    vkstyle_image_free(&content);
    vkstyle_image_free(&second);
}

static void sizes(void **state)
{
    (void)state;
    vkstyle_image *content = rig_picture(60, 30, 1);
    vkstyle_params p = job_params(6);
    p.size = 32;
    p.levels = 3;
    for (int full = 0; full < 2; full++) {
        p.full_size = full;
        job_result r = simple(content, &p);
        assert_int_equal(r.image->width, full ? 60 : 32);
        assert_int_equal(r.image->height, full ? 30 : 16);
        const cJSON *levels = job_member(&r, "plan.levels");
        assert_int_equal(cJSON_GetArraySize(levels), 3);
        int sum = 0;
        for (int i = 0; i < 3; i++) {
            const cJSON *level = cJSON_GetArrayItem(levels, i);
            int done = cJSON_GetObjectItem(level, "iterations_done")->valueint;
            assert_int_equal(cJSON_GetObjectItem(level, "width")->valueint, 8 << i);
            assert_int_equal(cJSON_GetObjectItem(level, "height")->valueint, 4 << i);
            assert_int_equal(cJSON_GetObjectItem(level, "iterations")->valueint, done);
            assert_true(done >= 1);
            sum += done;
        }
        assert_int_equal(sum, 6);
        job_free(&r);
    }
    vkstyle_image_free(&content);
}

// Styles of any size, and at any scale: all work, and no two are the same.
static void style_sizes(void **state)
{
    (void)state;
    vkstyle_image *content = rig_picture(26, 20, 1);
    static const int side[] = {1, 7, 150};
    vkstyle_params p = job_params(3);
    job_result r[5];
    for (int i = 0; i < 3; i++) {
        vkstyle_image *other = rig_picture(side[i], (side[i] + 1) / 2, 6);
        r[i] = job_simple(context, model, content, other, &p);
        vkstyle_image_free(&other);
    }
    for (int i = 3; i < 5; i++) {
        p.style_scale = i == 3 ? 0.5 : 3;
        r[i] = simple(content, &p);
    }
    for (int i = 0; i < 5; i++)
        for (int k = 0; k < i; k++)
            assert_false(job_same(r[i].image, r[k].image));
    for (int i = 0; i < 5; i++)
        job_free(&r[i]);
    vkstyle_image_free(&content);
}

static void losses_fall(void **state)
{
    (void)state;
    vkstyle_image *content = rig_picture(36, 30, 1);
    for (int i = 0; i < 5; i++) {
        vkstyle_params p = job_params(50);
        p.optimizer = i == 1 ? VKSTYLE_LBFGS : VKSTYLE_ADAM;
        p.precision = i == 2 ? VKSTYLE_PRECISION_FP16 : VKSTYLE_PRECISION_FP32;
        p.kernels = i == 3 ? VKSTYLE_KERNELS_DIRECT : VKSTYLE_KERNELS_AUTO;
        p.pool = i == 4 ? VKSTYLE_POOL_AVG : VKSTYLE_POOL_MAX;
        p.padding = i == 4 ? VKSTYLE_PAD_REFLECT : VKSTYLE_PAD_AUTO;
        job_result r = simple(content, &p);
        double first = job_loss(&r, 0), middle = job_loss(&r, 24), last = job_loss(&r, -1);
        if (!(last <= middle * 1.02) || !(last < first / 2))
            fail_msg("run %d: losses go from %g over %g to %g", i, first, middle, last);
        job_free(&r);
    }
    vkstyle_image_free(&content);
}

static void report(void **state)
{
    (void)state;
    vkstyle_image *content = rig_picture(20, 18, 1);
    vkstyle_params p = job_params(7);
    p.seed = 42;
    job_result r = simple(content, &p);
    assert_string_equal(job_text(&r, "vkstyle"), VKSTYLE_VERSION);
    assert_string_equal(job_text(&r, "outcome"), "done");
    assert_true(job_number(&r, "options.iterations") == 7);
    assert_string_equal(job_text(&r, "options.optimizer"), "adam");
    assert_string_equal(job_text(&r, "plan.precision"), "fp32");
    assert_string_equal(job_text(&r, "plan.padding"), "replicate");
    assert_true(job_number(&r, "seed") == 42);
    assert_true(strlen(job_text(&r, "device.name")) && strlen(job_text(&r, "device.driver")));
    assert_true(strlen(job_text(&r, "model.name")));
    static const char *const hashes[] = {"pixels.content", "pixels.style", "pixels.result"};
    for (int i = 0; i < 3; i++)
        assert_int_equal(strlen(job_text(&r, hashes[i])), 64);
    assert_string_not_equal(job_text(&r, "pixels.content"), job_text(&r, "pixels.result"));
    assert_true(job_number(&r, "seconds.startup") > 0);
    assert_true(job_number(&r, "seconds.total") >= job_number(&r, "seconds.iterations"));
    assert_true(job_number(&r, "memory.peak") > 0 && job_number(&r, "memory.predicted") > 0);
    static const char *const losses[] = {"total", "content",     "style",
                                         "tv",    "raw_content", "raw_style"};
    double last[6];
    for (int i = 0; i < 6; i++) {
        const cJSON *list = cJSON_GetObjectItem(job_member(&r, "losses"), losses[i]);
        assert_int_equal(cJSON_GetArraySize(list), 7);
        last[i] = cJSON_GetArrayItem(list, 6)->valuedouble;
        assert_true(last[i] > 0);
    }
    assert_true(fabs(last[0] - (p.alpha * last[1] + p.beta * last[2] + last[3])) < 1e-4 * last[0]);
    job_free(&r);
    vkstyle_image_free(&content);
}

// A context keeps a model's weights for the next job. Another model, at the same address or not, is
// another model.
static void another_model(void **state)
{
    (void)state;
    vkstyle_image *content = rig_picture(20, 18, 1);
    vkstyle_params p = job_params(2);
    for (int i = 0; i < 4; i++) {
        vkstyle_model *other = rig_model(job_chain, 100 + (unsigned)i);
        job_result shared = job_simple(context, other, content, style, &p);
        vkstyle_context *own = rig_context(NULL);
        job_result alone = job_simple(own, other, content, style, &p);
        assert_true(job_same(shared.image, alone.image));
        vkstyle_close(&own);
        job_free(&shared);
        job_free(&alone);
        vkstyle_model_free(&other);
    }
    vkstyle_image_free(&content);
}

// Half precision moves gradients by a few per cent, but the optimiser arrives at the same place.
static void half_precision_arrives(void **state)
{
    (void)state;
    vkstyle_error error = {0};
    vkstyle_model *vgg19 = vkstyle_model_load("vgg19", &error);
    need(vgg19, &error);
    vkstyle_image *content = rig_picture(48, 40, 1), *other = rig_picture(48, 48, 2);
    vkstyle_params p = job_params(50);
    p.precision = VKSTYLE_PRECISION_FP32;
    job_result whole = job_simple(context, vgg19, content, other, &p);
    p.precision = VKSTYLE_PRECISION_FP16;
    job_result half = job_simple(context, vgg19, content, other, &p);
    assert_string_equal(job_text(&half, "plan.precision"), "fp16");
    double first = job_loss(&whole, 0), a = job_loss(&whole, -1), b = job_loss(&half, -1);
    if (!(a < 0.7 * first) || !(fabs(b - a) <= 0.02 * a))
        fail_msg("after 50 iterations: loss %g in fp32 (from %g), %g in fp16", a, first, b);
    job_free(&whole);
    job_free(&half);
    vkstyle_image_free(&content);
    vkstyle_image_free(&other);
    vkstyle_model_free(&vgg19);
}

// With a tolerance a level ends where its loss stands still, at the same iteration each time; a
// stricter one ends it later, and none never.
static void a_level_that_stands_still_ends(void **state)
{
    (void)state;
    vkstyle_image *content = rig_picture(24, 20, 1);
    vkstyle_params p = job_params(160);
    static const double tolerance[] = {0, 0.02, 0.3, 0.3};
    int done[4];
    job_result r[4];
    for (int i = 0; i < 4; i++) {
        p.tolerance = tolerance[i];
        r[i] = simple(content, &p);
        done[i] = cJSON_GetArraySize(job_member(&r[i], "losses.total"));
    }
    if (!(done[0] == 160 && done[1] < 160 && done[2] < done[1] && done[2] >= 32))
        fail_msg("%d, %d and %d iterations", done[0], done[1], done[2]);
    assert_int_equal(done[2] % 16, 0);
    assert_true(job_same(r[2].image, r[3].image));
    for (int i = 0; i < 4; i++)
        job_free(&r[i]);
    vkstyle_image_free(&content);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_level_that_stands_still_ends),
        cmocka_unit_test(tiny_pictures),
        cmocka_unit_test(alpha_is_kept_and_hides),
        cmocka_unit_test(same_twice),
        cmocka_unit_test(noise_by_seed),
        cmocka_unit_test(starts_from_a_picture),
        cmocka_unit_test(several_styles),
        cmocka_unit_test(sizes),
        cmocka_unit_test(style_sizes),
        cmocka_unit_test(losses_fall),
        cmocka_unit_test(report),
        cmocka_unit_test(another_model),
        cmocka_unit_test(half_precision_arrives),
    };
    return cmocka_run_group_tests_name("transfer", tests, setup, teardown);
}
