// SPDX-License-Identifier: MIT
//
// Knobs of the outer half, on small pictures: each moves the result in the direction it promises.
#include "job_rig.h"

#include "image/recolour.h"
#include "transfer/schedule.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static vkstyle_context *context;
static vkstyle_model *model;
static vkstyle_image *content, *style;

// Shifts a picture's channels, so that content and style have colours to tell apart.
static vkstyle_image *tinted(int width, int height, unsigned seed, const double tint[3])
{
    vkstyle_image *image = rig_picture(width, height, seed);
    size_t n = (size_t)width * (size_t)height;
    for (size_t c = 0; c < 3; c++)
        for (size_t i = 0; i < n; i++)
            image->rgb[c * n + i] = (float)(0.5 * image->rgb[c * n + i] + tint[c]);
    return image;
}

static int setup(void **state)
{
    (void)state;
    context = rig_context(NULL);
    model = rig_model(job_chain, 5);
    content = tinted(40, 28, 1, (const double[3]){0.05, 0.15, 0.45});
    style = tinted(30, 34, 3, (const double[3]){0.45, 0.25, 0.05});
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    vkstyle_image_free(&content);
    vkstyle_image_free(&style);
    vkstyle_model_free(&model);
    vkstyle_close(&context);
    return vks_gpu_validation_messages();
}

// Distance of mean colours.
static double apart(const vkstyle_image *a, const vkstyle_image *b)
{
    vks_colours x, y;
    double sum = 0;
    vks_colours_of(&x, a);
    vks_colours_of(&y, b);
    for (int c = 0; c < 3; c++)
        sum += (x.mean[c] - y.mean[c]) * (x.mean[c] - y.mean[c]);
    return sqrt(sum);
}

// Root mean square of the difference of chroma, channel minus luma.
static double chroma_apart(const vkstyle_image *a, const vkstyle_image *b)
{
    static const double y[3] = {0.299, 0.587, 0.114};
    size_t n = (size_t)a->width * (size_t)a->height;
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        double d[3], luma = 0;
        for (size_t c = 0; c < 3; c++) {
            d[c] = a->rgb[c * n + i] - b->rgb[c * n + i];
            luma += y[c] * d[c];
        }
        for (size_t c = 0; c < 3; c++)
            sum += (d[c] - luma) * (d[c] - luma);
    }
    return sqrt(sum / (3.0 * (double)n));
}

static job_result with(vkstyle_colour how, double strength)
{
    vkstyle_params p = job_params(30);
    p.colour = how;
    p.colour_strength = strength;
    p.learning_rate = 0.05;
    return job_simple(context, model, content, style, &p);
}

// Each way leads the result's mean colour back to the content's, the nearer the stronger; strength
// 0 is the same bits as off. (How far half the strength of a match goes: image/test_recolour.c. A
// small network of random weights sees too little of colour to show it.)
static void colours_are_kept(void **state)
{
    (void)state;
    job_result off = with(VKSTYLE_COLOUR_OFF, 1);
    double lost = apart(off.image, content);
    for (int how = VKSTYLE_COLOUR_LUMINANCE; how <= VKSTYLE_COLOUR_MATCH_PCA; how++) {
        job_result none = with((vkstyle_colour)how, 0), half = with((vkstyle_colour)how, 0.5),
                   full = with((vkstyle_colour)how, 1);
        assert_true(job_same(none.image, off.image));
        double halfway = apart(half.image, content), kept = apart(full.image, content);
        assert_true(kept < halfway);
        assert_true(kept < 0.7 * lost);
        if (how == VKSTYLE_COLOUR_LUMINANCE) {
            assert_true(halfway < lost);
            assert_true(chroma_apart(full.image, content) <
                        0.25 * chroma_apart(off.image, content));
            // Not the content's luma, though: it is a transfer all the same.
            assert_false(job_same(full.image, content));
        }
        job_free(&none);
        job_free(&half);
        job_free(&full);
    }
    job_free(&off);
}

// The growing picture has its colours as the result has.
static void colours_are_kept_on_the_way(void **state)
{
    (void)state;
    job_watch watch = {.iteration = 1000};
    const vkstyle_image *styles[] = {style};
    vkstyle_job job = {.content = content,
                       .styles = styles,
                       .style_count = 1,
                       .progress = job_look,
                       .user = &watch,
                       .picture_iterations = 6};
    vkstyle_params p = job_params(6);
    p.colour = VKSTYLE_COLOUR_LUMINANCE;
    job_result r = job_run(context, model, &job, &p);
    need(r.image, &r.error);
    assert_non_null(watch.last_picture);
    assert_true(job_same(watch.last_picture, r.image));
    vkstyle_image_free(&watch.last_picture);
    job_free(&r);
}

// A style known from the job before is not prepared again, and gives the same bits; another one,
// another weight or another scale is.
static void styles_are_prepared_once(void **state)
{
    (void)state;
    vkstyle_params p = job_params(4);
    p.levels = 2;
    vkstyle_image *fresh = tinted(26, 24, 17, (const double[3]){0.2, 0.2, 0.2});
    job_result a = job_simple(context, model, content, fresh, &p),
               b = job_simple(context, model, content, fresh, &p);
    assert_true(job_number(&a, "styles_prepared") == 2);
    assert_true(job_number(&b, "styles_prepared") == 0);
    assert_true(job_same(a.image, b.image));
    job_free(&b);
    // Another content of the same long side: still known.
    vkstyle_image *other = rig_picture(30, 40, 9);
    b = job_simple(context, model, other, fresh, &p);
    assert_true(job_number(&b, "styles_prepared") == 0);
    job_free(&b);
    p.style_scale = 0.7;
    b = job_simple(context, model, content, fresh, &p);
    assert_true(job_number(&b, "styles_prepared") == 2);
    assert_false(job_same(a.image, b.image));
    job_free(&a);
    job_free(&b);
    vkstyle_image_free(&fresh);
    vkstyle_image_free(&other);
}

static vks_schedule schedule(int size, vkstyle_quality quality)
{
    vkstyle_params p;
    vks_schedule s;
    vkstyle_params_default(&p);
    p.size = size;
    p.quality = quality;
    vks_schedule_make(&s, 4000, 3000, &p);
    return s;
}

// What a small picture does is the beginning of what a large one does, so that a preview predicts;
// work grows with quality; most iterations are at coarse levels.
static void a_preview_is_a_beginning(void **state)
{
    (void)state;
    for (int quality = 0; quality < 3; quality++) {
        vks_schedule small = schedule(256, (vkstyle_quality)quality),
                     large = schedule(1024, (vkstyle_quality)quality);
        assert_int_equal(large.count, small.count + 2);
        for (int i = 0; i < small.count; i++)
            assert_memory_equal(&small.levels[i], &large.levels[i], sizeof small.levels[i]);
        // All coarser sizes count, but in a draft; the fewer iterations, the more.
        for (int i = 0; i < large.count; i++) {
            bool counts = quality != VKSTYLE_QUALITY_DRAFT;
            assert_int_equal(large.levels[i].coarser, counts ? i : 0);
            assert_true(!counts || i < 2 ||
                        large.levels[i].coarser_weight > large.levels[i - 1].coarser_weight);
        }
        for (int i = 1; i < large.count; i++)
            assert_true(large.levels[i].iterations <= large.levels[i - 1].iterations);
        assert_int_equal(large.levels[large.count - 1].width, 1024);
    }
    for (int size = 100; size < 3000; size += 333) {
        int draft = schedule(size, VKSTYLE_QUALITY_DRAFT).iterations,
            normal = schedule(size, VKSTYLE_QUALITY_NORMAL).iterations,
            best = schedule(size, VKSTYLE_QUALITY_BEST).iterations;
        assert_true(draft < normal && normal < best);
    }
}

// A finer level starts from the coarser one's change and the content's own detail: after one step
// there, the picture is sharper than an enlarged one could be. From noise there is no such detail.
static void detail_comes_back(void **state)
{
    (void)state;
    vkstyle_image *fine = rig_picture(64, 64, 1);
    // Every other pixel light, every other dark: gone at half the size.
    for (size_t i = 0; i < 3 * 64 * 64; i++)
        fine->rgb[i] = 0.5f * fine->rgb[i] + (i % 2 ? 0.4f : 0.1f);
    double contrast[2];
    for (int noise = 0; noise < 2; noise++) {
        vkstyle_params p = job_params(2);
        p.levels = 2;
        p.learning_rate = 1e-4; // all but standing still
        p.init = noise ? VKSTYLE_INIT_RANDOM : VKSTYLE_INIT_CONTENT;
        job_result r = job_simple(context, model, fine, style, &p);
        contrast[noise] = 0;
        for (size_t i = 0; i < 3 * 64 * 64; i += 2)
            contrast[noise] += (r.image->rgb[i + 1] - r.image->rgb[i]) / (1.5 * 64 * 64);
        job_free(&r);
    }
    assert_true(contrast[0] > 0.25);
    assert_true(fabs(contrast[1]) < 0.05);
    vkstyle_image_free(&fine);
}

static double missing_at(const vkstyle_image *image, int side, const char *layer);

// A result scaled down carries the style as its preview does, because it was measured at that size,
// too: the same plan without that does worse there, and hardly better at its own size.
static void a_result_scaled_down_keeps_its_style(void **state)
{
    (void)state;
    static const char *const layers[] = {"conv1_2", "conv2_2"};
    vkstyle_image *photo = rig_picture(160, 128, 7);
    vkstyle_params p = job_params(120);
    p.levels = 2;
    p.alpha = 0.05;
    p.tv = 0;
    snprintf(p.style_layers, sizeof p.style_layers, "conv1_2,conv2_2");
    job_result with = job_simple(context, model, photo, style, &p);
    need(with.image, &with.error);
    cJSON *report = cJSON_Parse(with.text);
    cJSON *plan = cJSON_GetObjectItem(report, "plan");
    cJSON *fine = cJSON_GetArrayItem(cJSON_GetObjectItem(plan, "levels"), 1);
    assert_int_equal(cJSON_GetObjectItem(fine, "coarser")->valueint, 1);
    cJSON_SetNumberValue(cJSON_GetObjectItem(fine, "coarser"), 0);
    char *text = cJSON_Print(report);
    cJSON_SetNumberValue(cJSON_GetObjectItem(fine, "coarser"), 2); // more than there are
    char *broken = cJSON_Print(report);
    const vkstyle_image *styles[] = {style};
    vkstyle_job job = {.content = photo, .styles = styles, .style_count = 1, .plan = text};
    job_result without = job_run(context, model, &job, &p);
    need(without.image, &without.error);
    vkstyle_error error = {0};
    job.plan = broken;
    assert_null(vkstyle_transfer(context, model, &job, &p, NULL, &error));
    assert_int_equal(error.status, VKSTYLE_USAGE);
    assert_non_null(strstr(error.text, "level 2 of the report's plan is broken"));
    free(broken);
    assert_true(job_value(&with, "coarse", -1) > 0 && job_value(&without, "coarse", -1) == 0);
    double small[2] = {0, 0}, large[2] = {0, 0};
    for (int l = 0; l < 2; l++) {
        small[0] += missing_at(without.image, 80, layers[l]);
        small[1] += missing_at(with.image, 80, layers[l]);
        large[0] += missing_at(without.image, 160, layers[l]);
        large[1] += missing_at(with.image, 160, layers[l]);
    }
    if (!(small[1] < 0.7 * small[0] && large[1] < 1.5 * large[0]))
        fail_msg("scaled down %g with and %g without, as it is %g and %g", small[1], small[0],
                 large[1], large[0]);
    cJSON_Delete(report);
    free(text);
    job_free(&with);
    job_free(&without);
    vkstyle_image_free(&photo);
}

// How much of the style a picture misses at a layer, relative to its size.
typedef struct misses {
    double gram, means, deviations, distance;
} misses;

static vks_style measured(const vkstyle_image *image, const char *layer)
{
    vkstyle_params p = job_params(1);
    vkstyle_error error = {0};
    vks_setting setting;
    vks_style is;
    snprintf(p.style_layers, sizeof p.style_layers, "%s", layer);
    p.style_loss = VKSTYLE_LOSS_GRAM_MEAN;
    need(vks_setting_resolve(&setting, model, &p, vks_gpu_get_limits(context->gpu), &error),
         &error);
    vks_network *network = vks_context_network(context, model, &error);
    need(network, &error);
    need(vks_prepare_style(&is, context->gpu, network, &setting, &image, NULL, 1, &error), &error);
    return is;
}

static misses missing_of(const vkstyle_image *image, const vkstyle_image *of, const char *layer)
{
    vks_style is = measured(image, layer), aim = measured(of, layer);
    size_t n = is.channels[0], padded = is.padded[0];
    double *g = malloc(2 * (n * n + n) * sizeof *g), *a = g + n * n, *m = a + n * n, *o = m + n;
    double size = 0, means = 0, deviations = 0;
    misses off = {0};
    assert_non_null(g);
    for (size_t i = 0; i < n * n; i++) {
        g[i] = is.gram[0][i / n * padded + i % n];
        a[i] = aim.gram[0][i / n * padded + i % n];
        off.gram += (g[i] - a[i]) * (g[i] - a[i]);
        size += a[i] * a[i];
    }
    for (size_t c = 0; c < n; c++) {
        m[c] = is.moments[0][c];
        o[c] = aim.moments[0][c];
        double d = sqrt(fmax(0, g[c * n + c] - m[c] * m[c]));
        double e = sqrt(fmax(0, a[c * n + c] - o[c] * o[c]));
        off.means += (m[c] - o[c]) * (m[c] - o[c]);
        off.deviations += (d - e) * (d - e);
        means += o[c] * o[c];
        deviations += e * e;
    }
    off.distance = reference_distance(n, g, m, a, o) / aim.trace[0];
    off.gram /= size;
    off.means /= means;
    off.deviations /= deviations;
    free(g);
    vks_style_free(&is);
    vks_style_free(&aim);
    return off;
}

static misses missing(const vkstyle_image *image, const char *layer)
{
    return missing_of(image, style, layer);
}

// Of Gram matrices, both pictures at that size.
static double missing_at(const vkstyle_image *image, int side, const char *layer)
{
    vkstyle_error error = {0};
    int w, h, sw, sh;
    vks_fit(image->width, image->height, side, &w, &h);
    vks_fit(style->width, style->height, side, &sw, &sh);
    vkstyle_image *a = vkstyle_image_resize(image, w, h, &error);
    vkstyle_image *b = vkstyle_image_resize(style, sw, sh, &error);
    need(a && b, &error);
    double off = missing_of(a, b, layer).gram;
    vkstyle_image_free(&a);
    vkstyle_image_free(&b);
    return off;
}

// Each loss comes closer to what it compares than Gram matrices alone do.
static void style_losses_reach_what_they_compare(void **state)
{
    (void)state;
    static const char *const layers[] = {"conv1_2", "conv2_2"};
    misses sum[3] = {{0}};
    for (int loss = 0; loss < 3; loss++) {
        vkstyle_params p = job_params(60);
        p.style_loss = (vkstyle_style_loss)loss;
        p.alpha = 0.01;
        p.learning_rate = 0.03;
        snprintf(p.style_layers, sizeof p.style_layers, "conv1_2,conv2_2");
        job_result r = job_simple(context, model, content, style, &p);
        assert_true(job_loss(&r, -1) < 0.5 * job_loss(&r, 0));
        for (int l = 0; l < 2; l++) {
            misses off = missing(r.image, layers[l]);
            sum[loss].gram += off.gram;
            sum[loss].means += off.means;
            sum[loss].deviations += off.deviations;
            sum[loss].distance += off.distance;
        }
        print_message("loss %d: gram %.4g, means %.4g, deviations %.4g, distance %.4g\n", loss,
                      sum[loss].gram, sum[loss].means, sum[loss].deviations, sum[loss].distance);
        job_free(&r);
    }
    assert_true(sum[1].means + sum[1].deviations < 0.8 * (sum[0].means + sum[0].deviations));
    assert_true(sum[2].distance < 0.8 * sum[0].distance);
}

static double first_loss(const char *weights)
{
    vkstyle_params p = job_params(1);
    p.alpha = p.tv = 0;
    p.beta = 1;
    snprintf(p.layer_weights, sizeof p.layer_weights, "%s", weights);
    job_result r = job_simple(context, model, content, style, &p);
    double loss = job_loss(&r, 0);
    job_free(&r);
    return loss;
}

// The loss is that of the layers, each as much as the word says; and what weighs more comes closer
// to the style.
static void layer_weights_choose_layers(void **state)
{
    (void)state;
    static const char *const words[] = {"fine-strokes", "large-shapes", "even"}, *const alone[] = {
                                                                                     "1,0,0,0,0",
                                                                                     "0,1,0,0,0",
                                                                                     "0,0,1,0,0",
                                                                                     "0,0,0,1,0",
                                                                                     "0,0,0,0,1"};
    double each[5], first[3];
    for (int l = 0; l < 5; l++)
        each[l] = first_loss(alone[l]);
    for (int i = 0; i < 3; i++) {
        double weights[5], sum = 0;
        assert_int_equal(vkstyle_layer_weights(words[i], 5, weights), 5);
        for (int l = 0; l < 5; l++)
            sum += weights[l] * each[l];
        double loss = first_loss(words[i]);
        assert_true(fabs(loss - sum) < 1e-4 * sum);
        vkstyle_params p = job_params(40);
        p.alpha = 0;
        p.learning_rate = 0.05;
        snprintf(p.style_layers, sizeof p.style_layers, "conv1_1,conv1_2,conv2_1,conv2_2");
        snprintf(p.layer_weights, sizeof p.layer_weights, "%s", words[i]);
        job_result r = job_simple(context, model, content, style, &p);
        first[i] = missing(r.image, "conv1_1").gram;
        job_free(&r);
    }
    assert_true(first[0] < 0.8 * first[1]);
}

// A better quality ends with a smaller loss.
static void quality_pays(void **state)
{
    (void)state;
    double last = INFINITY;
    for (int quality = 0; quality < 3; quality++) {
        vkstyle_params p = job_params(0);
        p.levels = 0;
        p.quality = (vkstyle_quality)quality;
        job_result r = job_simple(context, model, content, style, &p);
        double loss = job_loss(&r, -1);
        assert_true(loss < last);
        last = loss;
        job_free(&r);
    }
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_preview_is_a_beginning),
        cmocka_unit_test(colours_are_kept),
        cmocka_unit_test(colours_are_kept_on_the_way),
        cmocka_unit_test(styles_are_prepared_once),
        cmocka_unit_test(layer_weights_choose_layers),
        cmocka_unit_test(quality_pays),
        cmocka_unit_test(detail_comes_back),
        cmocka_unit_test(a_result_scaled_down_keeps_its_style),
        cmocka_unit_test(style_losses_reach_what_they_compare),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
