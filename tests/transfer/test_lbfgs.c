// SPDX-License-Identifier: MIT
//
// L-BFGS against the textbook's two loops in double precision; then what it is for (convergence)
// and what protects it (bad losses, bad gradients, bad curvature).
#include "lbfgs_reference.h"
#include "optimiser_rig.h"
#include "state.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// ---------------------------------------------------------------- L-BFGS: functions

typedef struct function {
    double (*at)(const float *x, float *g, uint64_t count, const struct function *f);
    double condition; // of the quadratic
    double outside;   // how far its minimum lies from 0.5 at most
} function;

static double quadratic_centre(const function *f, uint64_t i)
{
    return 0.5 + f->outside * noise((uint32_t)(i * 3), 5);
}

// Half the sum of l_i (x_i - c_i)^2, eigenvalues l evenly spread on a logarithmic scale, per value.
static double quadratic(const float *x, float *g, uint64_t count, const function *f)
{
    double sum = 0;
    for (uint64_t i = 0; i < 4 * count; i++) {
        if (i % 4 == 3)
            continue;
        const double l = pow(f->condition, 0.5 + 0.5 * noise((uint32_t)i, 9)) / (double)count;
        const double d = x[i] - quadratic_centre(f, i);
        sum += 0.5 * l * d * d;
        g[i] = (float)(l * d);
    }
    return sum;
}

// Rosenbrock's valley between red and green, a harmless bowl in blue. Minimum 0 at (1, 1, 1).
static double rosenbrock(const float *x, float *g, uint64_t count, const function *f)
{
    (void)f;
    double sum = 0;
    for (uint64_t i = 0; i < count; i++) {
        const double a = x[4 * i], b = x[4 * i + 1], c = x[4 * i + 2];
        sum += 100 * (b - a * a) * (b - a * a) + (1 - a) * (1 - a) + (1 - c) * (1 - c);
        g[4 * i] = (float)(-400 * a * (b - a * a) - 2 * (1 - a));
        g[4 * i + 1] = (float)(200 * (b - a * a));
        g[4 * i + 2] = (float)(-2 * (1 - c));
    }
    return sum;
}

// ---------------------------------------------------------------- tests

// Both kinds of curvature: two wells a value, at 0.5 +- 0.3, between them a hill.
static double wells(const float *x, float *g, uint64_t count, const function *f)
{
    (void)f;
    double sum = 0;
    for (uint64_t i = 0; i < 4 * count; i++) {
        if (i % 4 == 3)
            continue;
        const double d = x[i] - 0.5, w = d * d - 0.09;
        sum += w * w;
        g[i] = (float)(4 * d * w);
    }
    return sum;
}

typedef struct outcome {
    double first, last; // losses, at the start and at the result
    double off;         // largest disagreement with the reference
    vks_optimiser_tally tally;
} outcome;

// Runs `steps` replays. picture (may be NULL) receives the result, [count][4].
static outcome minimise(const struct vks_optimiser_options *o, const function *f, uint64_t count,
                        const float *start, int steps, float *picture)
{
    outcome out = {0};
    reference ref;
    reference_make(&ref, o, count);
    rig r = rig_make(o, count, start);
    float *before = malloc(count * 16);
    assert_non_null(before);
    for (int t = 0; t < steps; t++) {
        const double loss = f->at(r.x, r.g, count, f);
        if (t == 0)
            out.first = loss;
        memcpy(before, r.x, count * 16);
        const vks_optimiser_tally last = out.tally;
        rig_step(&r, loss);
        out.tally = rig_tally(&r);
        assert_int_equal(out.tally.steps, t + 1);
        if (out.tally.rejected == last.rejected) {
            reference_accept(&ref, before, r.g, t == 0);
            if (out.tally.restarts == last.restarts)
                out.off = fmax(out.off, reference_error(&ref, r.x));
        } else if (ref.pairs == ref.history) {
            ref.pairs--; // its oldest pair has been written over
        }
        if (out.tally.restarts != last.restarts)
            ref.pairs = 0;
    }
    rig_fetch(&r, vks_optimiser_result(r.optimiser), r.x);
    out.last = f->at(r.x, r.g, count, f);
    for (uint64_t i = 0; i < count; i++)
        assert_true(r.x[4 * i + 3] == 0.0f);
    for (uint64_t i = 0; o->clamp && i < 4 * count; i++)
        assert_true(r.x[i] >= 0 && r.x[i] <= 1);
    if (picture)
        memcpy(picture, r.x, count * 16);
    reference_drop(&ref);
    rig_drop(&r);
    free(before);
    return out;
}

// Every step of the device against the reference's: short and long histories that wrap, the box
// with minima outside it, counts that fill no chunk, curvature of both signs.
static void lbfgs_follows_the_reference(void **state)
{
    (void)state;
    const function bowl = {quadratic, 1e3, 0.7}, hills = {wells, 0, 0};
    const struct {
        const function *f;
        uint64_t count;
        int history, steps;
        bool clamp;
    } cases[] = {{&bowl, 1, 2, 8, false},      {&bowl, 7, 3, 12, true},
                 {&bowl, 1000, 10, 25, false}, {&bowl, 1000, 1, 15, true},
                 {&bowl, 1000, 16, 40, true},  {&bowl, 70001, 5, 12, true},
                 {&hills, 200, 3, 12, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct vks_optimiser_options o = vks_optimiser_default(VKSTYLE_LBFGS);
        o.history = cases[i].history;
        o.clamp = cases[i].clamp;
        float *start = start_at(cases[i].count, 0.5, cases[i].f == &hills ? 0.1 : 0.4);
        outcome out = minimise(&o, cases[i].f, cases[i].count, start, cases[i].steps, NULL);
        assert_true(out.off < 1e-4);
        assert_true(out.last < 0.2 * out.first);
        free(start);
    }
}

static void lbfgs_converges(void **state)
{
    (void)state;
    const struct {
        function f;
        uint64_t count;
        bool clamp;
        double from;
        int steps;
    } cases[] = {{{quadratic, 1e4, 0.3}, 500, true, 0.5, 250},
                 {{quadratic, 1e4, 2.0}, 500, false, 0.5, 250},
                 {{rosenbrock, 0, 0}, 300, false, -1, 200}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct vks_optimiser_options o = vks_optimiser_default(VKSTYLE_LBFGS);
        o.clamp = cases[i].clamp;
        float *start = start_at(cases[i].count, cases[i].from, 0.3);
        outcome out = minimise(&o, &cases[i].f, cases[i].count, start, cases[i].steps, NULL);
        assert_true(out.last < 1e-6 * out.first);
        free(start);
    }
}

// Minima outside the box: the result is the nearest point of the box, value by value.
static void lbfgs_keeps_the_box(void **state)
{
    (void)state;
    enum { COUNT = 1000 };
    const function f = {quadratic, 100, 1.5};
    const struct vks_optimiser_options o = vks_optimiser_default(VKSTYLE_LBFGS);
    float *start = start_at(COUNT, 0.5, 0.4), *x = malloc(COUNT * 16);
    assert_non_null(x);
    assert_int_equal(minimise(&o, &f, COUNT, start, 80, x).tally.restarts, 0);
    for (uint64_t i = 0; i < 4 * COUNT; i++)
        if (i % 4 != 3)
            assert_float_equal(x[i], fmin(fmax(quadratic_centre(&f, i), 0), 1), 1e-3);
    free(start);
    free(x);
}

// Slices, a checkpoint and a repetition give the same bits.
static void lbfgs_gives_the_same_bits(void **state)
{
    (void)state;
    enum { COUNT = 70001 };
    const function f = {quadratic, 1e3, 0.7};
    struct vks_optimiser_options o = vks_optimiser_default(VKSTYLE_LBFGS);
    o.history = 4;
    float *start = start_at(COUNT, 0.5, 0.4), *first = malloc(COUNT * 16);
    assert_non_null(first);
    for (int way = 0; way < 5; way++) {
        static const char *const limits[] = {NULL, NULL, "storage_range=65536",
                                             "texel_elements=8192", "groups=7"};
        open_gpu(limits[way]);
        rig r = rig_make(&o, COUNT, start);
        for (int t = 0; t < 8; t++) {
            if (way == 1 && t == 6) {
                unsigned char *saved = rig_save(&r);
                rig_drop(&r);
                r = rig_make(&o, COUNT, start);
                rig_restore(&r, saved);
                free(saved);
            }
            rig_step(&r, f.at(r.x, r.g, COUNT, &f));
        }
        if (way == 0)
            memcpy(first, r.x, COUNT * 16);
        assert_memory_equal(first, r.x, COUNT * 16);
        rig_drop(&r);
    }
    open_gpu(NULL);
    free(start);
    free(first);
}

// ---------------------------------------------------------------- safeguards

enum { FEW = 50 };

// Some steps down a bowl; then `base` is the point from which the last trial, r.x, was made.
static rig under_way(const function *f, int steps, float *base)
{
    const struct vks_optimiser_options o = vks_optimiser_default(VKSTYLE_LBFGS);
    float *start = start_at(FEW, 0.5, 0.3);
    rig r = rig_make(&o, FEW, start);
    for (int t = 0; t < steps; t++)
        rig_step(&r, f->at(r.x, r.g, FEW, f));
    if (steps)
        rig_fetch(&r, vks_optimiser_result(r.optimiser), base);
    free(start);
    return r;
}

static void check_shortened(const rig *r, const float *base, const float *trial, double factor)
{
    double moved = 0;
    for (int i = 0; i < 4 * FEW; i++) {
        assert_float_equal(r->x[i], base[i] + factor * (trial[i] - base[i]), 2e-7);
        moved = fmax(moved, fabs(trial[i] - base[i]));
    }
    assert_true(moved > 1e-3);
}

static void lbfgs_steps_back_from_what_is_not_finite(void **state)
{
    (void)state;
    const function f = {quadratic, 100, 0.3};
    float base[4 * FEW], trial[4 * FEW], after[4 * FEW];
    for (int way = 0; way < 4; way++) {
        rig r = under_way(&f, 4, base);
        memcpy(trial, r.x, sizeof trial);
        double loss = f.at(r.x, r.g, FEW, &f);
        if (way == 0)
            loss = NAN;
        else if (way == 1)
            loss = -INFINITY; // a low loss, but not a usable one
        else
            r.g[5] = way == 2 ? NAN : INFINITY;
        rig_step(&r, loss);
        check_shortened(&r, base, trial, 0.1);
        rig_fetch(&r, vks_optimiser_result(r.optimiser), after);
        assert_memory_equal(after, base, sizeof base);
        assert_int_equal(rig_tally(&r).rejected, 1);
        for (int t = 0; t < 60; t++) // and goes on as if nothing had been
            rig_step(&r, f.at(r.x, r.g, FEW, &f));
        assert_true(f.at(r.x, r.g, FEW, &f) < 1e-6);
        rig_drop(&r);
    }
}

static void lbfgs_waits_for_a_usable_start(void **state)
{
    (void)state;
    const function f = {quadratic, 100, 0.3};
    float start[4 * FEW];
    rig r = under_way(&f, 0, NULL);
    memcpy(start, r.x, sizeof start);
    for (int t = 0; t < 3; t++) {
        f.at(r.x, r.g, FEW, &f);
        rig_step(&r, NAN);
        assert_memory_equal(r.x, start, sizeof start);
    }
    for (int t = 0; t < 60; t++)
        rig_step(&r, f.at(r.x, r.g, FEW, &f));
    assert_true(f.at(r.x, r.g, FEW, &f) < 1e-6);
    rig_drop(&r);
}

// A loss that rose: back along the step, to the minimum of the parabola.
static void lbfgs_steps_back_from_a_rise(void **state)
{
    (void)state;
    const function f = {quadratic, 100, 0.3};
    const double factors[] = {0.45, 0.3, 0.15, 0.01};
    float base[4 * FEW], trial[4 * FEW], g[4 * FEW] = {0};
    for (int way = 0; way < 4; way++) {
        rig r = under_way(&f, 1, base);
        memcpy(trial, r.x, sizeof trial);
        const double loss = f.at(base, g, FEW, &f);
        double slope = 0;
        for (int i = 0; i < 4 * FEW; i++)
            slope += g[i] * ((double)trial[i] - base[i]);
        assert_true(slope < 0);
        f.at(r.x, r.g, FEW, &f);
        // Such that the parabola's minimum is at the factor; or so high that the bound of 0.1
        // holds.
        rig_step(&r, loss + slope - 0.5 * slope / factors[way]);
        check_shortened(&r, base, trial, fmax(factors[way], 0.1));
        rig_drop(&r);
    }
}

// A small rise below the worst of the latest losses is let pass.
static void lbfgs_lets_small_rises_pass(void **state)
{
    (void)state;
    const function f = {quadratic, 100, 0.3};
    float base[4 * FEW], g[4 * FEW] = {0}, after[4 * FEW], trial[4 * FEW];
    rig r = under_way(&f, 5, base);
    const double loss = f.at(base, g, FEW, &f);
    memcpy(trial, r.x, sizeof trial);
    f.at(r.x, r.g, FEW, &f);
    rig_step(&r, 1.01 * loss);
    assert_int_equal(rig_tally(&r).rejected, 0);
    rig_fetch(&r, vks_optimiser_result(r.optimiser), after);
    assert_memory_equal(after, trial, sizeof trial);
    rig_drop(&r);
}

// Nothing but bad news: the history is dropped, and a small step down the gradient is tried, then a
// smaller one, until the news is good.
static void lbfgs_starts_again(void **state)
{
    (void)state;
    const function f = {quadratic, 100, 0.3};
    float base[4 * FEW], g[4 * FEW] = {0};
    rig r = under_way(&f, 4, base);
    f.at(base, g, FEW, &f);
    double square = 0;
    for (int i = 0; i < 4 * FEW; i++)
        square += (double)g[i] * g[i];
    for (int time = 1; time <= 3; time++) {
        for (int t = 0; t < 6; t++)
            rig_step(&r, NAN);
        assert_int_equal(rig_tally(&r).restarts, time);
        const double factor = 0.02 * pow(0.25, time) / sqrt(square / (3 * FEW));
        for (int i = 0; i < 4 * FEW; i++)
            assert_float_equal(r.x[i], base[i] - factor * g[i], 2e-7);
    }
    for (int t = 0; t < 60; t++)
        rig_step(&r, f.at(r.x, r.g, FEW, &f));
    assert_true(f.at(r.x, r.g, FEW, &f) < 1e-6);
    rig_drop(&r);
}

// At a minimum there is nowhere to go, and nothing to divide by.
static void lbfgs_rests_at_a_minimum(void **state)
{
    (void)state;
    const struct vks_optimiser_options o = vks_optimiser_default(VKSTYLE_LBFGS);
    float *start = start_at(FEW, 0.5, 0.3);
    rig r = rig_make(&o, FEW, start);
    for (int t = 0; t < 4; t++) {
        rig_step(&r, 0.25);
        assert_memory_equal(r.x, start, 16 * FEW);
    }
    rig_drop(&r);
    free(start);
}

static void refusals(void **state)
{
    (void)state;
    const struct {
        const char *limits;
        int history;
        uint64_t count;
        vkstyle_status status;
        const char *word;
    } cases[] = {{NULL, 0, 10, VKSTYLE_USAGE, "options"},
                 {NULL, VKS_LBFGS_HISTORY_MAX + 1, 10, VKSTYLE_USAGE, "options"},
                 {NULL, 10, 17, VKSTYLE_FAILED, "17 pixels"},
                 {"storage_range=32768", 10, 10, VKSTYLE_NO_DEVICE, "adam"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        open_gpu(cases[i].limits);
        struct vks_optimiser_options o = vks_optimiser_default(VKSTYLE_LBFGS);
        o.history = cases[i].history;
        vkstyle_error error = {0};
        vks_plan *plan = vks_plan_create(vks_gpu_get_limits(gpu), VKS_FLOAT, &error);
        need(plan, &error);
        const int target = vks_plan_buffer(plan, "target", 256, VKS_KEPT);
        const int gradient = vks_plan_buffer(plan, "gradient", 256, VKS_KEPT);
        const int values = vks_plan_buffer(plan, "values", 256, VKS_KEPT);
        vks_optimiser *optimiser =
            vks_optimiser_emit(plan, &o, target, gradient, values, cases[i].count, &error);
        need(optimiser, &error);
        assert_false(vks_plan_realise(plan, gpu, false, &error));
        assert_int_equal(error.status, cases[i].status);
        assert_non_null(strstr(error.text, cases[i].word));
        vks_optimiser_free(&optimiser);
        assert_null(optimiser);
        vks_optimiser_free(&optimiser);
        vks_plan_free(&plan);
    }
    open_gpu(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lbfgs_follows_the_reference),
        cmocka_unit_test(lbfgs_converges),
        cmocka_unit_test(lbfgs_keeps_the_box),
        cmocka_unit_test(lbfgs_gives_the_same_bits),
        cmocka_unit_test(lbfgs_steps_back_from_what_is_not_finite),
        cmocka_unit_test(lbfgs_waits_for_a_usable_start),
        cmocka_unit_test(lbfgs_steps_back_from_a_rise),
        cmocka_unit_test(lbfgs_lets_small_rises_pass),
        cmocka_unit_test(lbfgs_starts_again),
        cmocka_unit_test(lbfgs_rests_at_a_minimum),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
