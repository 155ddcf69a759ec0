// SPDX-License-Identifier: MIT
//
// Where tiles lie, and whole jobs in tiles: the picture is that of a job in one piece, budgets
// choose the tiles, and a plan replays them.
#include "job_rig.h"
#include "transfer/window.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static job_stage stage;

static int setup(void **state)
{
    (void)state;
    job_stage_open(&stage, 90, 70, 203, 151);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    return job_stage_close(&stage);
}

// ---------------------------------------------------------------- geometry

static bool inside(vks_rect a, vks_rect b)
{
    return a.x0 >= b.x0 && a.y0 >= b.y0 && a.x1 <= b.x1 && a.y1 <= b.y1;
}

// Every position of every layer belongs to just one tile.
static void check_layer(const vks_grid *g, int layer)
{
    vks_shape whole = vks_grid_shape(g, layer);
    unsigned char *owners = calloc((size_t)whole.width * whole.height + 1, 1);
    assert_non_null(owners);
    for (uint32_t n = 0; n < vks_grid_count(g); n++) {
        vks_window w;
        vks_window_at(g, n, &w);
        vks_rect r = w.at[layer];
        for (uint32_t y = r.y0; y < r.y1; y++)
            for (uint32_t x = r.x0; x < r.x1; x++)
                owners[(w.origin[layer].y + y) * whole.width + w.origin[layer].x + x]++;
    }
    for (uint32_t i = 0; i < whole.width * whole.height; i++)
        assert_int_equal(owners[i], 1);
    free(owners);
}

// A window has the size of its tensors at each layer, begins where the 4x4 grid of that layer has a
// tile, and holds the tile's own with all that it sees: a position a convolution.
static void check_window(const vks_grid *g, const vks_window *w)
{
    uint32_t width = w->rect.x1 - w->rect.x0, height = w->rect.y1 - w->rect.y0;
    uint32_t x = w->rect.x0, y = w->rect.y0;
    assert_int_equal(x % 4 + y % 4, 0);
    int left[VKS_MAX_DEPTH], right[VKS_MAX_DEPTH]; // how much of the layer is right, from its edges
    int wrong_left = 0, wrong_right = 0;
    for (int i = 0; i < g->depth; i++) {
        vks_shape whole = vks_grid_shape(g, i);
        if (g->model->layers[i].kind == VKS_POOL) {
            vks_rect c = w->crop[i];
            assert_true(inside(c, (vks_rect){0, 0, width / 2, height / 2}));
            int before = wrong_left, after = wrong_right;
            wrong_left = (before + 1) / 2 - (int)c.x0;
            wrong_right = (after + 1) / 2 - (int)(width / 2 - c.x1);
            width = c.x1 - c.x0;
            height = c.y1 - c.y0;
            x = x / 2 + c.x0;
            y = y / 2 + c.y0;
            wrong_left = wrong_left < 0 || !x ? 0 : wrong_left;
            wrong_right = wrong_right < 0 || x + width == whole.width ? 0 : wrong_right;
            assert_int_equal(x % 4 + y % 4, 0);
        } else {
            wrong_left += x > 0;
            wrong_right += x + width < whole.width;
        }
        left[i] = wrong_left;
        right[i] = wrong_right;
        assert_true(w->origin[i].x == x && w->origin[i].y == y);
        assert_true(inside(w->at[i], (vks_rect){0, 0, width, height}));
        assert_true((int)w->at[i].x0 >= left[i]);
        assert_true((int)(width - w->at[i].x1) >= right[i]);
    }
    // On the way back the gradient spreads by a position a convolution, and only where masks are
    // right.
    int reach_left = (int)w->at[g->depth - 1].x0, reach_right = (int)w->at[g->depth - 1].x1;
    for (int i = g->depth - 1; i > 0; i--) {
        vks_shape below = vks_grid_shape(g, i - 1);
        int ox = (int)w->origin[i].x, below_x = (int)w->origin[i - 1].x;
        if (g->model->layers[i].kind == VKS_POOL) {
            reach_left = 2 * (reach_left + ox) - below_x;
            reach_right = 2 * (reach_right + ox) - below_x;
        } else {
            reach_left -= reach_left + ox > 0;
            reach_right += reach_right + ox < (int)below.width;
        }
        int own_left = (int)w->at[i - 1].x0, own_right = (int)w->at[i - 1].x1;
        reach_left = reach_left < own_left ? reach_left : own_left;
        reach_right = reach_right > own_right ? reach_right : own_right;
        assert_true(reach_left >= left[i - 1]);
    }
}

static void check_grid(const vks_grid *g)
{
    uint64_t pixels = 0;
    for (uint32_t n = 0; n < vks_grid_count(g); n++) {
        vks_window w;
        vks_window_at(g, n, &w);
        assert_true(w.own.x0 < w.own.x1 && w.own.y0 < w.own.y1);
        assert_true(inside(w.own, w.rect));
        assert_true(inside(w.rect, (vks_rect){0, 0, g->width, g->height}));
        check_window(g, &w);
        pixels += (uint64_t)(w.own.x1 - w.own.x0) * (w.own.y1 - w.own.y0);
    }
    assert_int_equal(pixels, (uint64_t)g->width * g->height);
    for (int layer = 0; layer < stage.model->layer_count; layer++)
        check_layer(g, layer);
}

static void tiles_cover_the_picture(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {1, 16, 40, 64, 100, 128, 1000};
    static const uint32_t pictures[][2] = {{16, 16}, {97, 61}, {129, 64}, {333, 250}, {1023, 17}};
    for (int i = 0; i < 7; i++)
        for (int k = 0; k < 5; k++) {
            vks_grid g = vks_grid_make(stage.model, stage.model->layer_count, pictures[k][0],
                                       pictures[k][1], sizes[i]);
            check_grid(&g);
            assert_int_equal(g.tile, (sizes[i] + 15) / 16 * 16);
        }
    // One plan serves all inner tiles, and few do for the rest.
    vks_grid g = vks_grid_make(stage.model, stage.model->layer_count, 4000, 3000, 256);
    int shapes = 0;
    for (uint32_t n = 0; n < vks_grid_count(&g); n++) {
        bool fresh = true;
        for (uint32_t m = 0; m < n && fresh; m++) {
            vks_window a, b;
            vks_window_at(&g, n, &a);
            vks_window_at(&g, m, &b);
            fresh = !vks_window_alike(&a, &b);
        }
        shapes += fresh;
    }
    assert_true(shapes <= 16);
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
    for (int way = 0; way < 5; way++) { // Adam, L-BFGS, the other style losses, three scales
        vkstyle_params p = params_for(way == 4 ? 6 : 4);
        p.levels = way == 4 ? 3 : 1;
        p.optimizer = way == 1 ? VKSTYLE_LBFGS : VKSTYLE_ADAM;
        p.style_loss = way < 2 || way == 4 ? VKSTYLE_LOSS_GRAM : (vkstyle_style_loss)(way - 1);
        job_result whole = job_simple(stage.context, stage.model, stage.content, stage.style, &p);
        p.tile = 64;
        job_result tiled = job_simple(stage.context, stage.model, stage.content, stage.style, &p);
        if (way >= 2) { // the same bits from run to run
            job_result again =
                job_simple(stage.context, stage.model, stage.content, stage.style, &p);
            assert_true(job_same(tiled.image, again.image));
            job_free(&again);
        }
        assert_int_equal(job_number(&whole, "plan.tile_pixels"), 0);
        assert_int_equal(job_number(&tiled, "plan.tile_pixels"), 64);
        double a = job_loss(&whole, 0), b = job_loss(&tiled, 0);
        assert_true(fabs(a - b) < 1e-4 * fabs(a));
        a = job_value(&whole, "coarse", -1), b = job_value(&tiled, "coarse", -1);
        assert_true(way == 4 ? a > 0 && fabs(a - b) < 1e-3 * a : a == 0 && b == 0);
        a = job_loss(&whole, -1), b = job_loss(&tiled, -1);
        if (!(fabs(a - b) < 1e-3 * fabs(a)))
            fail_msg("way %d: loss %g in one piece, %g in tiles", way, a, b);
        // Adam divides by the gradient's size: where that is nothing, rounding decides its sign.
        assert_true(apart(whole.image, tiled.image) < 0.1);
        assert_false(job_same(whole.image, stage.content));
        job_free(&whole);
        job_free(&tiled);
    }
}

// Both passes of an iteration count, and a picture in one piece has no tiles.
static void progress_names_tiles(void **state)
{
    (void)state;
    vks_grid g = vks_grid_make(stage.model, stage.model->layer_count,
                               (uint32_t)stage.content->width, (uint32_t)stage.content->height, 64);
    const vkstyle_image *styles[] = {stage.style};
    for (int tiled = 0; tiled < 2; tiled++) {
        vkstyle_params p = params_for(2);
        p.tile = tiled ? 64 : 0;
        job_watch watch = {.decision = VKSTYLE_CONTINUE};
        vkstyle_job job = {.content = stage.content,
                           .styles = styles,
                           .style_count = 1,
                           .progress = job_look,
                           .user = &watch};
        job_result result = job_run(stage.context, stage.model, &job, &p);
        assert_false(watch.no_such_tile);
        assert_int_equal(watch.tiles, tiled ? 2 * (int)vks_grid_count(&g) : 0);
        job_free(&result);
    }
}

static void a_budget_makes_tiles(void **state)
{
    (void)state;
    vkstyle_params p = params_for(2);
    job_result whole = job_simple(stage.context, stage.model, stage.content, stage.style, &p);
    p.memory = (uint64_t)job_number(&whole, "memory.predicted") - 1;
    job_result fits = job_simple(stage.context, stage.model, stage.content, stage.style, &p);
    assert_true(job_number(&fits, "plan.tile_pixels") >= 64);
    assert_true(job_number(&fits, "memory.predicted") <= (double)p.memory);

    // The same again from its report, whatever the budget.
    vkstyle_params q = params_for(2);
    const vkstyle_image *styles[] = {stage.style};
    vkstyle_job job = {
        .content = stage.content, .styles = styles, .style_count = 1, .plan = fits.text};
    job_result again = job_run(stage.context, stage.model, &job, &q);
    assert_int_equal(job_number(&again, "plan.tile_pixels"), job_number(&fits, "plan.tile_pixels"));
    assert_true(job_same(fits.image, again.image));
    job.plan = whole.text;
    job_result untiled = job_run(stage.context, stage.model, &job, &q);
    assert_true(job_same(whole.image, untiled.image));

    // Less than the smallest tiles need is refused, with both numbers.
    p.memory = 1000000;
    vkstyle_error error = {0};
    job.plan = NULL;
    assert_null(vkstyle_transfer(stage.context, stage.model, &job, &p, NULL, &error));
    assert_int_equal(error.status, VKSTYLE_NO_MEMORY);
    assert_non_null(strstr(error.text, "--memory allows 1 MB"));
    job_free(&whole);
    job_free(&fits);
    job_free(&again);
    job_free(&untiled);
}

static double way(const job_result *r, const char *name);

// Where there is no memory for smaller scales as well, a level does without; that is in the plan.
static void a_budget_may_cost_the_scales(void **state)
{
    (void)state;
    vkstyle_params p = params_for(6);
    p.levels = 2;
    p.tile = 64;
    job_result with = job_simple(stage.context, stage.model, stage.content, stage.style, &p);
    assert_int_equal(way(&with, "coarser"), 1);
    p.tile = 0;
    for (p.memory = (uint64_t)job_number(&with, "memory.predicted");; p.memory -= p.memory / 12) {
        job_result r = job_simple(stage.context, stage.model, stage.content, stage.style, &p);
        need(r.image, &r.error); // it comes to this before it is refused
        bool without = way(&r, "coarser") == 0;
        if (without) {
            assert_true(job_value(&r, "coarse", -1) == 0);
            vkstyle_params q = params_for(6);
            const vkstyle_image *styles[] = {stage.style};
            vkstyle_job job = {
                .content = stage.content, .styles = styles, .style_count = 1, .plan = r.text};
            job_result again = job_run(stage.context, stage.model, &job, &q);
            assert_true(job_same(r.image, again.image));
            job_free(&again);
        }
        job_free(&r);
        if (without)
            break;
    }
    job_free(&with);
}

// A number of the goal's level in the report's plan.
static double way(const job_result *r, const char *name)
{
    const cJSON *levels = job_member(r, "plan.levels");
    const cJSON *last = cJSON_GetArrayItem(levels, cJSON_GetArraySize(levels) - 1);
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(last, name);
    assert_non_null(item);
    return cJSON_IsBool(item) ? cJSON_IsTrue(item) : item->valuedouble;
}

// Where vectors lie changes no bit; what is predicted is what is taken.
static void vectors_in_host_memory(void **state)
{
    (void)state;
    for (int lbfgs = 0; lbfgs < 2; lbfgs++) {
        vkstyle_params p = params_for(4);
        p.tile = 64;
        p.optimizer = lbfgs ? VKSTYLE_LBFGS : VKSTYLE_ADAM;
        job_result near = job_simple(stage.context, stage.model, stage.content, stage.style, &p);
        assert_true(way(&near, "resident") > 6);
        assert_int_equal(job_number(&near, "memory.predicted_host"), 0);
        p.memory = (uint64_t)job_number(&near, "memory.predicted") - 500000;
        vkstyle_context *fresh = rig_context(NULL);
        job_result far = job_simple(fresh, stage.model, stage.content, stage.style, &p);
        assert_true(way(&far, "resident") < 6);
        double host = job_number(&far, "memory.predicted_host");
        double predicted = job_number(&far, "memory.predicted");
        assert_true(host > 0 && predicted - host <= (double)p.memory);
        assert_true(fabs(job_number(&far, "memory.peak") - predicted) < 0.1 * predicted);
        assert_true(job_same(near.image, far.image));
        job_free(&near);
        job_free(&far);
        vkstyle_close(&fresh);
    }
}

// Features that are computed again for each tile are the same features.
static void lean(void **state)
{
    (void)state;
    vkstyle_params p = params_for(3);
    p.tile = 64;
    job_result kept = job_simple(stage.context, stage.model, stage.content, stage.style, &p);
    char *text = strdup(kept.text), *at = strstr(text, "\"lean\":\tfalse");
    assert_non_null(at);
    memcpy(at, "\"lean\":\ttrue ", 13);
    const vkstyle_image *styles[] = {stage.style};
    vkstyle_image *given = rig_picture(203, 151, 1);
    vkstyle_job job = {
        .content = given, .give = &given, .styles = styles, .style_count = 1, .plan = text};
    vkstyle_params q = params_for(3);
    job_result again = job_run(stage.context, stage.model, &job, &q);
    assert_true(way(&again, "lean") == 1);
    assert_null(given); // the engine had its own
    for (int i = 0; i < 3; i++) {
        double a = job_loss(&kept, i), b = job_loss(&again, i);
        assert_true(fabs(a - b) < 1e-4 * fabs(a));
    }
    assert_true(apart(kept.image, again.image) < 0.1);
    free(text);
    job_free(&kept);
    job_free(&again);
}

// L-BFGS over budget remembers fewer pairs before it is refused.
static void lbfgs_shortens_its_history(void **state)
{
    (void)state;
    vkstyle_params p = params_for(4);
    p.optimizer = VKSTYLE_LBFGS;
    p.tile = 64;
    job_result whole = job_simple(stage.context, stage.model, stage.content, stage.style, &p);
    assert_true(way(&whole, "history") == 0);
    p.memory = (uint64_t)job_number(&whole, "memory.predicted") - 4000000;
    job_result less = job_simple(stage.context, stage.model, stage.content, stage.style, &p);
    assert_true(way(&less, "history") >= 1 && way(&less, "history") < 10);
    assert_true(job_loss(&less, 3) < job_loss(&less, 0));
    job_free(&whole);
    job_free(&less);
}

// Memory that was promised and is not there leads to smaller tiles.
static void less_memory_than_said(void **state)
{
    (void)state;
    vkstyle_params p = params_for(2);
    job_result whole = job_simple(stage.context, stage.model, stage.content, stage.style, &p);
    char limits[64];
    snprintf(limits, sizeof limits, "budget=%.0f", 0.8 * job_number(&whole, "memory.predicted"));
    vkstyle_context *poor = rig_context(limits);
    p.memory = 1ull << 40;
    job_result result = job_simple(poor, stage.model, stage.content, stage.style, &p);
    assert_true(job_number(&result, "plan.tile_pixels") >= 64);
    double a = job_loss(&whole, 1), b = job_loss(&result, 1);
    assert_true(fabs(a - b) < 1e-3 * fabs(a));
    job_free(&whole);
    job_free(&result);
    vkstyle_close(&poor);
}

static void small_devices(void **state)
{
    (void)state;
    static const char *const limits[] = {"storage_range=2097152,alignment=256",
                                         "texel=0,storage_range=2097152,invocations=128",
                                         "software=0,texel=0,storage_range=2097152,groups=4096"};
    vkstyle_params p = params_for(2);
    job_result whole = job_simple(stage.context, stage.model, stage.content, stage.style, &p);
    for (int i = 0; i < 3; i++) {
        p.tile = i ? 64 : 0; // the whole has too many pixels for one binding: tiles are chosen
        vkstyle_context *small = rig_context(limits[i]);
        job_result tiled = job_simple(small, stage.model, stage.content, stage.style, &p);
        double a = job_loss(&whole, 0), b = job_loss(&tiled, 0);
        assert_true(fabs(a - b) < 1e-4 * fabs(a));
        assert_true(job_number(&tiled, "plan.tile_pixels") > 0);
        job_free(&tiled);
        vkstyle_close(&small);
    }
    job_free(&whole);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tiles_cover_the_picture),
        cmocka_unit_test(tiles_change_nothing),
        cmocka_unit_test(progress_names_tiles),
        cmocka_unit_test(a_budget_makes_tiles),
        cmocka_unit_test(a_budget_may_cost_the_scales),
        cmocka_unit_test(vectors_in_host_memory),
        cmocka_unit_test(lean),
        cmocka_unit_test(lbfgs_shortens_its_history),
        cmocka_unit_test(less_memory_than_said),
        cmocka_unit_test(small_devices),
    };
    return cmocka_run_group_tests_name("tiles", tests, setup, teardown);
}
