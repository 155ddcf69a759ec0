// SPDX-License-Identifier: MIT
//
// Where tiles lie, and whole jobs in tiles: the picture is that of a job in one piece, budgets
// choose the tiles, and a plan replays them.
#include "job_rig.h"
#include "transfer/tile.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static vkstyle_context *context;
static vkstyle_model *model;
static vkstyle_image *style, *content;

static int setup(void **state)
{
    (void)state;
    context = rig_context(NULL);
    model = rig_model(job_chain, 5);
    style = rig_picture(90, 70, 3);
    content = rig_picture(203, 151, 1);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    vkstyle_image_free(&style);
    vkstyle_image_free(&content);
    vkstyle_model_free(&model);
    vkstyle_close(&context);
    return vks_gpu_validation_messages();
}

// ---------------------------------------------------------------- geometry

static bool inside(vks_rect a, vks_rect b)
{
    return a.x0 >= b.x0 && a.y0 >= b.y0 && a.x1 <= b.x1 && a.y1 <= b.y1;
}

// Every position of every layer belongs to just one tile.
static void check_layer(const vks_tiling *t, int layer)
{
    uint32_t stride = vks_layer_stride(model, layer);
    uint32_t width = t->width / stride, height = t->height / stride;
    unsigned char *owners = calloc((size_t)width * height, 1);
    assert_non_null(owners);
    for (uint32_t i = 0; i < t->columns * t->rows; i++) {
        vks_rect w = vks_tile_window(t, i % t->columns, i / t->columns);
        vks_shape shape = vks_shape_of((w.x1 - w.x0) / stride, (w.y1 - w.y0) / stride, 4);
        vks_rect r = vks_tile_positions(t, i % t->columns, i / t->columns, shape, stride);
        assert_true(inside(r, (vks_rect){0, 0, shape.width, shape.height}));
        for (uint32_t y = r.y0; y < r.y1; y++)
            for (uint32_t x = r.x0; x < r.x1; x++)
                owners[(w.y0 / stride + y) * width + w.x0 / stride + x]++;
    }
    for (uint32_t i = 0; i < width * height; i++)
        assert_int_equal(owners[i], 1);
    free(owners);
}

static void check_tiling(const vks_tiling *t)
{
    vks_rect all = {0, 0, t->width, t->height};
    uint64_t pixels = 0;
    for (uint32_t i = 0; i < t->columns * t->rows; i++) {
        vks_rect own = vks_tile_own(t, i % t->columns, i / t->columns);
        vks_rect w = vks_tile_window(t, i % t->columns, i / t->columns);
        assert_true(own.x0 < own.x1 && own.y0 < own.y1);
        assert_true(inside(own, w) && inside(w, all));
        assert_int_equal(w.x0 % t->stride, 0);
        assert_int_equal(w.y0 % t->stride, 0);
        assert_true(own.x0 - w.x0 >= t->halo || w.x0 == 0);
        assert_true(w.x1 - own.x1 >= t->halo || w.x1 == t->width);
        assert_true(w.x1 % t->stride == 0 || w.x1 == t->width);
        if (t->size % (4 * t->stride) == 0)
            assert_int_equal(w.x0 % (4 * t->stride) + w.y0 % (4 * t->stride), 0);
        pixels += (uint64_t)(own.x1 - own.x0) * (own.y1 - own.y0);
    }
    assert_int_equal(pixels, (uint64_t)t->width * t->height);
    for (int layer = 0; layer < model->layer_count; layer++)
        check_layer(t, layer);
}

static void tiles_cover_the_picture(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {0, 1, 16, 40, 64, 100, 128, 1000};
    static const uint32_t pictures[][2] = {{16, 16}, {97, 61}, {129, 64}, {333, 250}, {1023, 17}};
    for (int i = 0; i < 8; i++)
        for (int k = 0; k < 5; k++) {
            vks_tiling t = vks_tiling_make(model, model->layer_count, pictures[k][0],
                                           pictures[k][1], sizes[i]);
            check_tiling(&t);
            if (!sizes[i] || sizes[i] > 1023)
                assert_false(vks_tiled(&t));
        }
}

// ---------------------------------------------------------------- jobs

static vkstyle_params params_for(int iterations)
{
    vkstyle_params p = job_params(iterations);
    p.size = 203;
    p.kernels = VKSTYLE_KERNELS_DIRECT;
    return p;
}

static double apart(const vkstyle_image *a, const vkstyle_image *b)
{
    double most = 0;
    assert_true(a->width == b->width && a->height == b->height);
    for (size_t i = 0; i < 3 * (size_t)a->width * (size_t)a->height; i++)
        most = fmax(most, fabs((double)a->rgb[i] - b->rgb[i]));
    return most;
}

static void tiles_change_nothing(void **state)
{
    (void)state;
    for (int lbfgs = 0; lbfgs < 2; lbfgs++) {
        vkstyle_params p = params_for(4);
        p.optimizer = lbfgs ? VKSTYLE_LBFGS : VKSTYLE_ADAM;
        job_result whole = job_simple(context, model, content, style, &p);
        p.tile = 64;
        job_result tiled = job_simple(context, model, content, style, &p);
        assert_int_equal(job_number(&whole, "plan.tile_pixels"), 0);
        assert_int_equal(job_number(&tiled, "plan.tile_pixels"), 64);
        double a = job_loss(&whole, 0), b = job_loss(&tiled, 0);
        assert_true(fabs(a - b) < 1e-4 * fabs(a));
        a = job_loss(&whole, -1), b = job_loss(&tiled, -1);
        assert_true(fabs(a - b) < 1e-3 * fabs(a));
        // Adam divides by the gradient's size: where that is nothing, rounding decides its sign.
        assert_true(apart(whole.image, tiled.image) < 0.1);
        assert_false(job_same(whole.image, content));
        job_free(&whole);
        job_free(&tiled);
    }
}

static void a_budget_makes_tiles(void **state)
{
    (void)state;
    vkstyle_params p = params_for(2);
    job_result whole = job_simple(context, model, content, style, &p);
    p.memory = (uint64_t)job_number(&whole, "memory.predicted") - 1;
    job_result fits = job_simple(context, model, content, style, &p);
    assert_true(job_number(&fits, "plan.tile_pixels") >= 64);
    assert_true(job_number(&fits, "memory.predicted") <= (double)p.memory);

    // The same again from its report, whatever the budget.
    vkstyle_params q = params_for(2);
    const vkstyle_image *styles[] = {style};
    vkstyle_job job = {.content = content, .styles = styles, .style_count = 1, .plan = fits.text};
    job_result again = job_run(context, model, &job, &q);
    assert_int_equal(job_number(&again, "plan.tile_pixels"), job_number(&fits, "plan.tile_pixels"));
    assert_true(job_same(fits.image, again.image));
    job.plan = whole.text;
    job_result untiled = job_run(context, model, &job, &q);
    assert_true(job_same(whole.image, untiled.image));

    // Less than the smallest tiles need is refused, with both numbers.
    p.memory = 1000000;
    vkstyle_error error = {0};
    job.plan = NULL;
    assert_null(vkstyle_transfer(context, model, &job, &p, NULL, &error));
    assert_int_equal(error.status, VKSTYLE_NO_MEMORY);
    assert_non_null(strstr(error.text, "--memory allows 1 MB"));
    job_free(&whole);
    job_free(&fits);
    job_free(&again);
    job_free(&untiled);
}

// ---------------------------------------------------------------- checkpoints

// Broken off at any moment and gone on with: the same bits. (A cancel writes no checkpoint, so what
// is found is what a SIGKILL would leave.)
static void broken_off_and_resumed(void **state)
{
    (void)state;
    char path[VKSTYLE_PATH];
    const char *folder = getenv("TMPDIR");
    snprintf(path, sizeof path, "%s/vkstyle-checkpoint-%ld", folder ? folder : "/tmp",
             (long)getpid());
    const vkstyle_image *styles[] = {style};
    for (int i = 0; i < 6; i++) {
        vkstyle_params p = params_for(12);
        p.levels = 2;
        p.optimizer = i & 1 ? VKSTYLE_LBFGS : VKSTYLE_ADAM;
        p.tile = i & 2 ? 64 : 0;
        job_watch watch = {.decision = VKSTYLE_CANCEL, .iteration = i < 3 ? 5 : 10};
        vkstyle_job job = {.content = content, .styles = styles, .style_count = 1};
        job_result whole = job_run(context, model, &job, &p);
        job.checkpoint = path;
        job.checkpoint_seconds = 1e-3;
        job.progress = job_look;
        job.user = &watch;
        vkstyle_error error = {0};
        assert_null(vkstyle_transfer(context, model, &job, &p, NULL, &error));
        assert_int_equal(error.status, VKSTYLE_INTERRUPTED);
        assert_int_equal(access(path, R_OK), 0);

        // Another job does not take it for its own.
        vkstyle_params other = p;
        other.seed = 5;
        job.progress = NULL;
        assert_null(vkstyle_transfer(context, model, &job, &other, NULL, &error));
        assert_int_equal(error.status, VKSTYLE_USAGE);
        assert_non_null(strstr(error.text, "another job"));

        job_result resumed = job_run(context, model, &job, &p);
        assert_true(job_same(whole.image, resumed.image));
        assert_true(job_loss(&whole, -1) == job_loss(&resumed, -1));
        // Nobody has saved the picture yet: the state is still there, and leads to it again.
        assert_int_equal(access(path, R_OK), 0);
        job_result again = job_run(context, model, &job, &p);
        assert_true(job_same(whole.image, again.image));
        assert_int_equal(remove(path), 0);
        job_free(&whole);
        job_free(&resumed);
        job_free(&again);
    }
}

// A file that was cut short is refused, and stays.
static void broken_checkpoint(void **state)
{
    (void)state;
    char path[VKSTYLE_PATH];
    const char *folder = getenv("TMPDIR");
    snprintf(path, sizeof path, "%s/vkstyle-broken-%ld", folder ? folder : "/tmp", (long)getpid());
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "vkstyle state 1%500s", "");
    assert_int_equal(fclose(file), 0);
    vkstyle_params p = params_for(2);
    const vkstyle_image *styles[] = {style};
    vkstyle_job job = {.content = content, .styles = styles, .style_count = 1, .checkpoint = path};
    vkstyle_error error = {0};
    assert_null(vkstyle_transfer(context, model, &job, &p, NULL, &error));
    assert_non_null(strstr(error.text, "is broken"));
    assert_int_equal(remove(path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tiles_cover_the_picture), cmocka_unit_test(tiles_change_nothing),
        cmocka_unit_test(a_budget_makes_tiles),    cmocka_unit_test(broken_off_and_resumed),
        cmocka_unit_test(broken_checkpoint),
    };
    return cmocka_run_group_tests_name("tiles", tests, setup, teardown);
}
