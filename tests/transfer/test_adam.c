// SPDX-License-Identifier: MIT
//
// Adam against the formula in double precision, and against PyTorch.
#include "optimiser_rig.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// Gradients of many magnitudes, some below epsilon, with a mean so that values reach the bounds.
static void adam_gradient(float *g, uint64_t count, uint32_t number)
{
    for (uint64_t i = 0; i < count; i++)
        for (int c = 0; c < 3; c++) {
            double size = pow(10, -4.5 + 5 * noise((uint32_t)i, (uint32_t)c));
            double mean = noise((uint32_t)i, 10 + (uint32_t)c);
            g[4 * i + c] = (float)(size * (mean + noise((uint32_t)(3 * i + c), 1000 + number)));
        }
}

static void check_adam(uint64_t count, struct vks_optimiser_options o)
{
    float *start = start_at(count, 0.5, 0.5);
    rig r = rig_make(&o, count, start);
    double *x = malloc(count * 4 * sizeof *x);
    double *m = calloc(count * 4, sizeof *m), *v = calloc(count * 4, sizeof *v);
    double *a = calloc(count * 4, sizeof *a);
    assert_true(x && m && v && a);
    for (uint64_t i = 0; i < 4 * count; i++)
        x[i] = start[i];
    double weight = 0, clamped = 0;
    for (int t = 1; t <= 50; t++) {
        adam_gradient(r.g, count, (uint32_t)t);
        rig_step(&r, 1.0);
        weight = o.average_decay * weight + (1 - o.average_decay);
        const double warmth = pow(o.cooling, t - 1);
        const double c1 = 1 - pow(o.beta1, t), c2 = 1 - pow(o.beta2, t);
        for (uint64_t i = 0; i < 4 * count; i++) {
            const double g = r.g[i];
            m[i] = o.beta1 * m[i] + (1 - o.beta1) * g;
            v[i] = o.beta2 * v[i] + (1 - o.beta2) * g * g;
            x[i] -= o.learning_rate * warmth / c1 * m[i] / (sqrt(v[i]) / sqrt(c2) + o.epsilon);
            if (o.clamp && (x[i] < 0 || x[i] > 1)) {
                x[i] = x[i] < 0 ? 0 : 1;
                clamped++;
            }
            a[i] = o.average_decay * a[i] + (1 - o.average_decay) * x[i];
        }
    }
    float *shown = malloc(count * 16);
    assert_non_null(shown);
    rig_fetch(&r, vks_optimiser_result(r.optimiser), shown);
    double worst = 0, worst_shown = 0;
    for (uint64_t i = 0; i < 4 * count; i++) {
        worst = fmax(worst, fabs(r.x[i] - x[i]));
        worst_shown = fmax(worst_shown, fabs(shown[i] - (o.average ? a[i] / weight : x[i])));
    }
    // 50 steps, each rounded to half of 1.2e-7 or less.
    assert_true(worst < 4e-6);
    assert_true(worst_shown < 4e-6);
    if (o.clamp && count > 100)
        assert_true(clamped > count / 10.0);
    const vks_optimiser_tally tally = rig_tally(&r);
    assert_int_equal(tally.steps, 50);
    assert_int_equal(tally.rejected, 0);
    rig_drop(&r);
    free(start);
    free(x);
    free(m);
    free(v);
    free(a);
    free(shown);
}

static void adam_follows_the_formula(void **state)
{
    (void)state;
    const uint64_t counts[] = {1, 7, 1000, 70001};
    for (int i = 0; i < 4; i++)
        for (int way = 0; way < 4; way++) {
            struct vks_optimiser_options o = vks_optimiser_default(VKSTYLE_ADAM);
            o.clamp = way & 1;
            o.average = way & 2;
            o.beta2 = i & 1 ? 0.99 : 0.999;
            o.cooling = i & 2 ? 0.97 : 1;
            check_adam(counts[i], o);
        }
}

// PyTorch 1.13.1, torch.optim.Adam([x], lr=0.02), five steps with gradient g * (1, -0.5, 2, 0.25,
// -1).
static void adam_equals_torch(void **state)
{
    (void)state;
    const float factor[] = {1, -0.5f, 2, 0.25f, -1};
    const float start[] = {0.25f, 0.5f, 0.75f, 0}, g[] = {1e-3f, -2e-7f, 3e-8f};
    const float torch[] = {0.194591582f, 0.552951753f, 0.70763737f};
    struct vks_optimiser_options o = vks_optimiser_default(VKSTYLE_ADAM);
    o.beta2 = 0.999;
    o.clamp = o.average = false;
    rig r = rig_make(&o, 1, start);
    for (int t = 0; t < 5; t++) {
        for (int c = 0; c < 3; c++)
            r.g[c] = g[c] * factor[t];
        rig_step(&r, 1.0);
    }
    for (int c = 0; c < 3; c++)
        assert_float_equal(r.x[c], torch[c], 1.2e-7);
    rig_drop(&r);
}

// A loss that is no number leaves everything as it is, and is counted.
static void adam_skips_what_is_not_finite(void **state)
{
    (void)state;
    struct vks_optimiser_options o = vks_optimiser_default(VKSTYLE_ADAM);
    float *start = start_at(100, 0.5, 0.3);
    rig a = rig_make(&o, 100, start), b = rig_make(&o, 100, start);
    for (uint32_t t = 0; t < 6; t++) {
        adam_gradient(a.g, 100, t);
        memcpy(b.g, a.g, 1600);
        rig_step(&a, 1.0);
        rig_step(&b, 1.0);
        for (int i = 0; i < 400; i++)
            b.g[i] = NAN;
        rig_step(&b, t & 1 ? NAN : -INFINITY);
        assert_memory_equal(a.x, b.x, 1600);
    }
    const vks_optimiser_tally tally = rig_tally(&b);
    assert_int_equal(tally.steps, 12);
    assert_int_equal(tally.rejected, 6);
    rig_drop(&a);
    rig_drop(&b);
    free(start);
}

// The same steps on a device that binds so little at once that the vectors are cut into slices (a
// binding that is too long would be refused); and from a checkpoint half way.
static void adam_gives_the_same_bits(void **state)
{
    (void)state;
    enum { COUNT = 70001 };
    const struct vks_optimiser_options o = vks_optimiser_default(VKSTYLE_ADAM);
    float *start = start_at(COUNT, 0.5, 0.5);
    float *whole = malloc(COUNT * 16), *shown = malloc(COUNT * 16), *other = malloc(COUNT * 16);
    assert_true(whole && shown && other);
    for (int way = 0; way < 4; way++) {
        static const char *const limits[] = {NULL, "storage_range=65536", "texel_elements=8192",
                                             "groups=3"};
        open_gpu(limits[way]);
        rig r = rig_make(&o, COUNT, start);
        for (uint32_t t = 0; t < 6; t++) {
            if (way == 0 && t == 3) {
                unsigned char *saved = rig_save(&r);
                rig_drop(&r);
                r = rig_make(&o, COUNT, start);
                rig_restore(&r, saved);
                free(saved);
            }
            adam_gradient(r.g, COUNT, t);
            rig_step(&r, 1.0);
        }
        rig_fetch(&r, vks_optimiser_result(r.optimiser), other);
        if (way == 0) {
            memcpy(whole, r.x, COUNT * 16);
            memcpy(shown, other, COUNT * 16);
        }
        assert_memory_equal(whole, r.x, COUNT * 16);
        assert_memory_equal(shown, other, COUNT * 16);
        rig_drop(&r);
    }
    open_gpu(NULL);
    free(start);
    free(whole);
    free(shown);
    free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adam_follows_the_formula),
        cmocka_unit_test(adam_equals_torch),
        cmocka_unit_test(adam_skips_what_is_not_finite),
        cmocka_unit_test(adam_gives_the_same_bits),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
