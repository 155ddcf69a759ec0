// SPDX-License-Identifier: MIT
//
// Jobs that do not simply run to their end: stopped, cancelled, out of time, out of memory, out of
// numbers, without a device; growing pictures; and what was predicted against what was.
#include "job_rig.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static job_stage stage;

static int setup(void **state)
{
    (void)state;
    job_stage_open(&stage, 60, 44, 150, 130);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    return job_stage_close(&stage);
}

static job_result watched(job_watch *watch, const vkstyle_params *params, double picture_seconds,
                          int picture_iterations)
{
    const vkstyle_image *styles[] = {stage.style};
    vkstyle_job job = {.content = stage.content,
                       .styles = styles,
                       .style_count = 1,
                       .progress = job_look,
                       .user = watch,
                       .picture_seconds = picture_seconds,
                       .picture_iterations = picture_iterations};
    return job_run(stage.context, stage.model, &job, params);
}

static void progress(void **state)
{
    (void)state;
    job_watch watch = {0};
    vkstyle_params p = job_params(20);
    p.levels = 2;
    job_result r = watched(&watch, &p, 0, 0);
    need(r.image, &r.error);
    assert_true(watch.calls >= 20);
    assert_int_equal(watch.last_iteration, 20);
    assert_false(watch.went_back);
    assert_int_equal(watch.levels_seen, 1 << 1 | 1 << 2);
    assert_int_equal(watch.pictures, 0);
    job_free(&r);
}

static void stopped_before_it_began(void **state)
{
    (void)state;
    job_watch watch = {.decision = VKSTYLE_STOP, .phase = "preparing"};
    vkstyle_params p = job_params(10);
    job_result r = watched(&watch, &p, 0, 0);
    need(r.image, &r.error);
    assert_true(job_same(r.image, stage.content)); // that is where it starts
    assert_string_equal(job_text(&r, "outcome"), "stopped");
    assert_int_equal(cJSON_GetArraySize(job_member(&r, "losses.total")), 0);
    assert_true(job_seconds() - watch.decided < 1);
    job_free(&r);
}

static void stopped_on_the_way(void **state)
{
    (void)state;
    for (int lbfgs = 0; lbfgs < 2; lbfgs++) {
        job_watch watch = {.decision = VKSTYLE_STOP, .iteration = 6};
        vkstyle_params p = job_params(100000);
        p.optimizer = lbfgs ? VKSTYLE_LBFGS : VKSTYLE_ADAM;
        job_result r = watched(&watch, &p, 0, 0);
        double after = job_seconds() - watch.decided;
        need(r.image, &r.error);
        assert_int_equal(r.image->width, stage.content->width);
        assert_false(job_same(r.image, stage.content));
        assert_string_equal(job_text(&r, "outcome"), "stopped");
        assert_in_range(cJSON_GetArraySize(job_member(&r, "losses.total")), 6, 60);
        assert_true(after < 1);
        job_free(&r);
    }
}

// Within half a second, from whatever it is doing.
static void cancelled(void **state)
{
    (void)state;
    static const job_watch when[] = {{.decision = VKSTYLE_CANCEL},
                                     {.decision = VKSTYLE_CANCEL, .phase = "preparing"},
                                     {.decision = VKSTYLE_CANCEL, .phase = "level 1 of 2"},
                                     {.decision = VKSTYLE_CANCEL, .iteration = 9},
                                     {.decision = VKSTYLE_CANCEL, .phase = "level 2 of 2"}};
    for (int i = 0; i < 5; i++) {
        job_watch watch = when[i];
        vkstyle_params p = job_params(60);
        p.levels = 2;
        job_result r = watched(&watch, &p, 0, 0);
        double after = job_seconds() - watch.decided;
        assert_null(r.image);
        assert_int_equal(r.error.status, VKSTYLE_INTERRUPTED);
        assert_non_null(strstr(r.error.text, "of 60"));
        assert_non_null(r.report);
        if (after > 0.5)
            fail_msg("cancelled %d: it took %.2f s", i, after);
        job_free(&r);
    }
    // Nothing of it stays behind.
    vkstyle_params p = job_params(2);
    job_watch watch = {0};
    job_result r = watched(&watch, &p, 0, 0);
    need(r.image, &r.error);
    job_free(&r);
}

typedef struct gaps {
    double last, longest;
} gaps;

static vkstyle_decision measure_gap(const vkstyle_progress *progress, void *user)
{
    (void)progress;
    gaps *g = user;
    double now = job_seconds();
    g->longest = now - g->last > g->longest ? now - g->last : g->longest;
    g->last = now;
    return VKSTYLE_CONTINUE;
}

// A folder of large pictures is seconds of work for the host, and is asked about all the same.
static void asked_while_many_styles_are_sized(void **state)
{
    (void)state;
    vkstyle_image *large = rig_picture(1400, 1100, 4);
    const vkstyle_image *styles[VKSTYLE_MAX_STYLES];
    for (int i = 0; i < VKSTYLE_MAX_STYLES; i++)
        styles[i] = large;
    gaps seen = {job_seconds(), 0};
    vkstyle_params p = job_params(2);
    p.size = 40;
    vkstyle_job job = {.content = stage.content,
                       .styles = styles,
                       .style_count = VKSTYLE_MAX_STYLES,
                       .progress = measure_gap,
                       .user = &seen};
    job_result r = job_run(stage.context, stage.model, &job, &p);
    need(r.image, &r.error);
    if (seen.longest > 0.5)
        fail_msg("nobody was asked for %.2f s", seen.longest);
    job_free(&r);
    vkstyle_image_free(&large);
}

static void pictures_by_count(void **state)
{
    (void)state;
    job_watch watch = {0};
    vkstyle_params p = job_params(14);
    p.levels = 2;
    job_result r = watched(&watch, &p, 0, 3);
    need(r.image, &r.error);
    assert_int_equal(watch.pictures, 4);
    for (int i = 0; i < 4; i++)
        assert_int_equal(watch.picture_at[i], 3 * (i + 1));
    assert_int_equal(watch.picture_width[0], 75);
    assert_int_equal(watch.picture_width[3], 150);
    job_free(&r);
    vkstyle_image_free(&watch.last_picture);

    // Looking changes nothing, and the last look is the result.
    watch = (job_watch){0};
    p.levels = 1;
    p.iterations = 6;
    r = watched(&watch, &p, 0, 2);
    job_watch blind = {0};
    job_result unseen = watched(&blind, &p, 0, 0);
    assert_true(r.image && unseen.image);
    assert_int_equal(watch.pictures, 3);
    assert_true(job_same(watch.last_picture, r.image));
    assert_true(job_same(unseen.image, r.image));
    job_free(&r);
    job_free(&unseen);
    vkstyle_image_free(&watch.last_picture);
}

static void pictures_by_time(void **state)
{
    (void)state;
    job_watch watch = {.decision = VKSTYLE_STOP, .iteration = 60};
    vkstyle_params p = job_params(100000);
    job_result r = watched(&watch, &p, 0.1, 0);
    need(r.image, &r.error);
    assert_true(watch.pictures >= 2);
    for (int i = 1; i < watch.pictures; i++)
        assert_true(watch.picture_time[i] - watch.picture_time[i - 1] > 0.09);
    job_free(&r);
    vkstyle_image_free(&watch.last_picture);
}

static void out_of_time(void **state)
{
    (void)state;
    vkstyle_params p = job_params(1000000);
    p.time_limit = 0.7;
    job_watch watch = {0};
    job_result r = watched(&watch, &p, 0, 0);
    need(r.image, &r.error);
    assert_string_equal(job_text(&r, "outcome"), "time limit");
    assert_true(r.seconds > 0.65 && r.seconds < 3);
    job_free(&r);
}

// Weights that are finite and yet lead to numbers that are not.
static void not_a_number(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        vkstyle_model *wild = rig_model(job_chain, 5);
        int layer = i == 0 ? 0 : i == 1 ? 6 : wild->layer_count - 1;
        vks_layer *l = &wild->layers[layer];
        for (size_t k = 0; k < vks_layer_weight_count(l); k++)
            l->weights[k] *= 1e35f;
        const vkstyle_image *styles[] = {stage.style};
        vkstyle_job job = {.content = stage.content, .styles = styles, .style_count = 1};
        vkstyle_params p = job_params(12);
        job_result r = job_run(stage.context, wild, &job, &p);
        assert_null(r.image);
        assert_int_equal(r.error.status, VKSTYLE_FAILED);
        assert_non_null(strstr(r.error.text, "not finite")); // seen while styles are prepared
        job_free(&r);
        vkstyle_model_free(&wild);
    }
}

// Losses that are no numbers from the first one on, in a level as long as the watchdog's patience
// and in one that is over before.
static void losses_without_numbers(void **state)
{
    (void)state;
    vkstyle_image *init = rig_picture(32, 24, 1);
    for (int i = 0; i < 3 * 32 * 24; i++)
        init->rgb[i] = NAN;
    const vkstyle_image *styles[] = {stage.style};
    vkstyle_job job = {.content = stage.content, .styles = styles, .style_count = 1, .init = init};
    for (int iterations = 4; iterations <= 12; iterations += 8) {
        vkstyle_params p = job_params(iterations);
        p.init = VKSTYLE_INIT_FILE;
        job_result r = job_run(stage.context, stage.model, &job, &p);
        assert_null(r.image);
        assert_int_equal(r.error.status, VKSTYLE_FAILED);
        assert_non_null(strstr(r.error.text, "not a number"));
        job_free(&r);
    }
    vkstyle_image_free(&init);
}

static void out_of_memory(void **state)
{
    (void)state;
    const vkstyle_image *styles[] = {stage.style};
    vkstyle_job job = {.content = stage.content, .styles = styles, .style_count = 1};
    vkstyle_params p = job_params(2);
    p.memory = 1000000;
    job_result r = job_run(stage.context, stage.model, &job, &p);
    assert_null(r.image);
    assert_int_equal(r.error.status, VKSTYLE_NO_MEMORY);
    assert_non_null(strstr(r.error.text, "--memory allows 1 MB"));
    assert_non_null(strstr(r.error.text, "150x130"));
    job_free(&r);
    p.memory = 0;
    static const char *const limits[] = {"memory=9000000", "budget=9000000"};
    for (int i = 0; i < 2; i++) {
        vkstyle_context *small = rig_context(limits[i]);
        r = job_run(small, stage.model, &job, &p);
        assert_null(r.image);
        assert_int_equal(r.error.status, VKSTYLE_NO_MEMORY);
        assert_non_null(strstr(r.error.text, "MB"));
        job_free(&r);
        vkstyle_close(&small);
    }
}

static void impossible_jobs(void **state)
{
    (void)state;
    const vkstyle_image *styles[] = {stage.style};
    vkstyle_params p = job_params(2), odd = p;
    const vkstyle_job jobs[] = {{.styles = styles, .style_count = 1},
                                {.content = stage.content},
                                {.content = stage.content, .styles = styles, .style_count = 65}};
    for (int i = 0; i < 3; i++) {
        job_result r = job_run(stage.context, stage.model, &jobs[i], &p);
        assert_int_equal(r.error.status, VKSTYLE_USAGE);
        job_free(&r);
    }
    const vkstyle_job job = {.content = stage.content, .styles = styles, .style_count = 1};
    for (int i = 0; i < 3; i++) {
        odd = p;
        if (i == 0)
            strcpy(odd.style_layers, "conv1_1,conv9_9");
        else if (i == 1)
            strcpy(odd.content_layer, "nothing");
        else
            odd.iterations = -1;
        job_result r = job_run(stage.context, stage.model, &job, &odd);
        assert_int_equal(r.error.status, VKSTYLE_USAGE);
        assert_true(i == 2 || strstr(r.error.text, "conv4_2")); // what there is
        job_free(&r);
    }
}

// A device that goes in the middle, wherever that is: an error, no result, and all can be freed.
static void lost_device(void **state)
{
    (void)state;
    int lost = 0;
    for (int n = 2; n < 200; n += n < 40 ? 9 : 40) {
        vkstyle_error error = {0};
        char number[16];
        snprintf(number, sizeof number, "%d", n);
        setenv("VKSTYLE_DEBUG_LOSE", number, 1);
        vkstyle_context *fragile = vkstyle_open(NULL, &error);
        unsetenv("VKSTYLE_DEBUG_LOSE");
        if (!fragile) { // in its self-test
            assert_non_null(strstr(error.text, "lost"));
            lost++;
            continue;
        }
        const vkstyle_image *styles[] = {stage.style};
        vkstyle_job job = {.content = stage.content, .styles = styles, .style_count = 1};
        vkstyle_params p = job_params(400);
        p.size = 40;
        p.levels = 2;
        job_result r = job_run(fragile, stage.model, &job, &p);
        if (!r.image) {
            assert_int_equal(r.error.status, VKSTYLE_FAILED);
            assert_non_null(strstr(r.error.text, "lost"));
            lost++;
        }
        job_free(&r);
        vkstyle_close(&fragile);
    }
    assert_true(lost >= 7);
}

// ---------------------------------------------------------------- predictions

static void predict(const vkstyle_model *m, const char *limits, const vkstyle_params *p, int width,
                    int height)
{
    vkstyle_error error = {0};
    vkstyle_context *fresh = rig_context(limits);
    vkstyle_image *image = rig_picture(width, height, 1);
    double seconds;
    uint64_t bytes;
    need(vkstyle_estimate(fresh, m, width, height, p, &seconds, &bytes, &error), &error);
    job_result r = job_simple(fresh, m, image, stage.style, p);
    double peak = job_number(&r, "memory.peak");
    assert_true(job_number(&r, "memory.predicted") == (double)bytes);
    assert_true(peak == (double)vks_gpu_peak(fresh->gpu));
    if (!(fabs((double)bytes - peak) <= 0.1 * peak))
        fail_msg("%dx%d, %s: %.2f MB were predicted, and %.2f MB used", width, height,
                 limits ? limits : "as it is", (double)bytes / 1e6, peak / 1e6);
    job_free(&r);
    vkstyle_image_free(&image);
    vkstyle_close(&fresh);
}

static void predicted_memory(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        vkstyle_params p = job_params(2);
        p.optimizer = i == 1 ? VKSTYLE_LBFGS : VKSTYLE_ADAM;
        p.kernels = i == 2 ? VKSTYLE_KERNELS_DIRECT : VKSTYLE_KERNELS_AUTO;
        p.precision = i == 3 ? VKSTYLE_PRECISION_FP16 : VKSTYLE_PRECISION_FP32;
        p.levels = i == 4 ? 2 : 1;
        predict(stage.model, NULL, &p, 300, 220);
    }
    vkstyle_params p = job_params(2);
    predict(stage.model, "software=0,texel=0", &p, 64, 64);
    predict(stage.model, NULL, &p, 16, 16);
}

// The encoder that ships: its weights are most of a small job.
static void predicted_memory_of_vgg19(void **state)
{
    (void)state;
    vkstyle_error error = {0};
    vkstyle_model *vgg19 = vkstyle_model_load("vgg19", &error);
    need(vgg19, &error);
    vkstyle_params p = job_params(1);
    predict(vgg19, NULL, &p, 96, 64);
    p.kernels = VKSTYLE_KERNELS_DIRECT;
    predict(vgg19, NULL, &p, 64, 64);
    vkstyle_model_free(&vgg19);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(progress),
        cmocka_unit_test(stopped_before_it_began),
        cmocka_unit_test(stopped_on_the_way),
        cmocka_unit_test(cancelled),
        cmocka_unit_test(asked_while_many_styles_are_sized),
        cmocka_unit_test(pictures_by_count),
        cmocka_unit_test(pictures_by_time),
        cmocka_unit_test(out_of_time),
        cmocka_unit_test(not_a_number),
        cmocka_unit_test(losses_without_numbers),
        cmocka_unit_test(out_of_memory),
        cmocka_unit_test(impossible_jobs),
        cmocka_unit_test(lost_device),
        cmocka_unit_test(predicted_memory),
        cmocka_unit_test(predicted_memory_of_vgg19),
    };
    return cmocka_run_group_tests_name("control", tests, setup, teardown);
}
