// SPDX-License-Identifier: MIT
//
// Guided style losses and those of means and deviations against plain double precision, its own
// gradient against finite differences; and jobs with masks, strength maps, early stop and watchdog.
#include "job_rig.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 23, HEIGHT = 18, REGIONS = 2 };
static const char chain[] = "conv1_1:6 conv1_2:9 pool1 conv2_1:70 pool2 conv3_1:8";
static vkstyle_context *context;
static vkstyle_model *model;
static vkstyle_image *content, *style;

static int setup(void **state)
{
    (void)state;
    context = rig_context(NULL);
    model = rig_model(job_chain, 5);
    content = rig_picture(32, 24, 1);
    style = rig_picture(30, 22, 3);
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

// ---------------------------------------------------------------- the reference

// Weights of two soft regions: a strip at the right edge belongs to neither.
static float guide_at(int region, int x, int y)
{
    if (x >= WIDTH - 4)
        return 0;
    double t = 0.5 + 0.5 * tanh((x - 9 + 0.3 * y) / 3);
    return (float)(region ? t : 0.8 * (1 - t));
}

typedef struct sums {
    double *gram, *mean;
    double *weight, mass, positions; // of each position
} sums;

static sums measure(const reference_tensor *f, int region)
{
    size_t n = (size_t)f->channels, plane = (size_t)f->width * (size_t)f->height;
    sums s = {calloc(n * n, sizeof(double)), calloc(n, sizeof(double)),
              calloc(plane, sizeof(double)), 0, (double)plane};
    for (int y = 0; y < f->height; y++) {
        for (int x = 0; x < f->width; x++) {
            double sum = 0;
            int x0 = x * WIDTH / f->width, x1 = (x + 1) * WIDTH / f->width;
            int y0 = y * HEIGHT / f->height, y1 = (y + 1) * HEIGHT / f->height;
            for (int v = y0; v < y1; v++)
                for (int u = x0; u < x1; u++)
                    sum += guide_at(region, u, v);
            double t = region < 0 ? 1 : sum / ((x1 - x0) * (y1 - y0));
            s.weight[y * f->width + x] = t;
            s.mass += t;
        }
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t p = 0; p < plane; p++)
            s.mean[i] += s.weight[p] * f->at[i * plane + p] / s.mass;
        for (size_t k = 0; k < n; k++)
            for (size_t p = 0; p < plane; p++)
                s.gram[i * n + k] +=
                    s.weight[p] * f->at[i * plane + p] * f->at[k * plane + p] / s.mass;
    }
    return s;
}

static void sums_free(sums *s)
{
    free(s->gram);
    free(s->mean);
    free(s->weight);
}

// The loss of one region at one layer, without its factors; its gradient joins.
static double region_loss(const reference_tensor *f, const reference_tensor *aim, int region,
                          bool means, double factor, reference_tensor *joining)
{
    size_t n = (size_t)f->channels, plane = (size_t)f->width * (size_t)f->height;
    sums a = measure(aim, -1), s = measure(f, region);
    double size = 0, mean_size = 0, deviation_size = 0, trace = 0, loss = 0;
    for (size_t i = 0; i < n; i++)
        trace += a.gram[i * n + i];
    double least = 1e-4 * trace / (double)n;
    double *matrix = calloc(n * n, sizeof *matrix), *vector = calloc(n, sizeof *vector);
    for (size_t i = 0; i < n * n; i++)
        size += a.gram[i] * a.gram[i];
    for (size_t i = 0; i < n; i++) {
        mean_size += a.mean[i] * a.mean[i];
        deviation_size += fmax(a.gram[i * n + i] - a.mean[i] * a.mean[i], 0) + least;
    }
    for (size_t i = 0; i < n * n; i++) {
        double d = s.gram[i] - a.gram[i];
        loss += d * d / size;
        matrix[i] = 2 * d / size;
    }
    for (size_t i = 0; means && i < n; i++) {
        double m = s.mean[i] - a.mean[i];
        double now = sqrt(fmax(s.gram[i * n + i] - s.mean[i] * s.mean[i], 0) + least);
        double d = now - sqrt(fmax(a.gram[i * n + i] - a.mean[i] * a.mean[i], 0) + least);
        loss += m * m / mean_size + d * d / deviation_size;
        matrix[i * n + i] += d / now / deviation_size;
        vector[i] = 2 * m / mean_size - 2 * s.mean[i] * d / now / deviation_size;
    }
    factor *= s.mass / s.positions;
    for (size_t i = 0; joining && i < n; i++) {
        for (size_t p = 0; p < plane; p++) {
            double sum = vector[i];
            for (size_t k = 0; k < n; k++)
                sum += 2 * matrix[i * n + k] * f->at[k * plane + p];
            joining->at[i * plane + p] += factor * s.weight[p] / s.mass * sum;
        }
    }
    free(matrix);
    free(vector);
    sums_free(&a);
    sums_free(&s);
    return factor * loss;
}

typedef struct guided {
    vks_setting setting;
    reference_encoder encoder;
    reference_pass aims[REGIONS];
    double weights[REGIONS];
    bool means;
} guided;

static double guided_loss(const guided *g, const reference_tensor *target,
                          reference_tensor *gradient)
{
    reference_tensor joining[REFERENCE_DEPTH] = {{0}};
    reference_pass pass;
    double loss = 0;
    reference_forward(&pass, &g->encoder, target);
    for (int i = 0; i < g->setting.style_count; i++) {
        int layer = g->setting.style_layers[i];
        const reference_tensor *f = &pass.layer[layer];
        joining[layer] = reference_zeros(f->channels, f->height, f->width);
        for (int r = 0; r < REGIONS; r++)
            loss += region_loss(f, &g->aims[r].layer[layer], r, g->means,
                                g->setting.beta * g->setting.layer_weights[i] * g->weights[r],
                                gradient ? &joining[layer] : NULL);
    }
    if (gradient)
        *gradient = reference_backward(&pass, &g->encoder, joining);
    for (int i = 0; i < g->encoder.depth; i++)
        reference_free(&joining[i]);
    reference_pass_free(&pass);
    return loss;
}

static void check_finite_differences(const guided *g, reference_tensor *x,
                                     const reference_tensor *gradient)
{
    size_t count = reference_count(x), agree = 0, tried = 0;
    double largest = 0;
    for (size_t i = 0; i < count; i++)
        largest = fmax(largest, fabs(gradient->at[i]));
    for (size_t i = 3; i < count; i += count / 17, tried++) {
        const double step = 1e-6, kept = x->at[i];
        x->at[i] = kept + step;
        double above = guided_loss(g, x, NULL);
        x->at[i] = kept - step;
        double below = guided_loss(g, x, NULL);
        x->at[i] = kept;
        agree += fabs((above - below) / (2 * step) - gradient->at[i]) < 1e-3 * largest;
    }
    assert_in_range(agree, tried - 1, tried);
}

// ---------------------------------------------------------------- the engine's side

static void check_guided(bool means, vkstyle_precision precision, double bar, double loss_bar)
{
    vkstyle_error error = {0};
    vkstyle_params p;
    vkstyle_params_default(&p);
    strcpy(p.style_layers, "conv1_2,conv2_1,conv3_1");
    strcpy(p.content_layer, "conv1_1");
    p.beta = 4;
    p.tv = 0;
    p.kernels = VKSTYLE_KERNELS_DIRECT;
    p.precision = precision;
    p.style_loss = means ? VKSTYLE_LOSS_GRAM_MEAN : VKSTYLE_LOSS_GRAM;
    vkstyle_model *small = rig_model(chain, 11);
    vks_gpu *gpu = context->gpu;
    guided g = {.means = means, .weights = {0.7, 1.6}};
    need(vks_setting_resolve(&g.setting, small, &p, vks_gpu_get_limits(gpu), &error), &error);
    g.encoder =
        (reference_encoder){small, VKSTYLE_POOL_MAX, VKSTYLE_PAD_REPLICATE, g.setting.encode.depth};
    vks_network *network = vks_network_create(gpu, small, &error);
    need(network, &error);
    vks_regions regions = {.count = REGIONS,
                           .at = calloc(REGIONS, sizeof *regions.at),
                           .width = WIDTH,
                           .height = HEIGHT,
                           .coverage = calloc(WIDTH * HEIGHT, sizeof(float))};
    for (int r = 0; r < REGIONS; r++) {
        vkstyle_image *picture = rig_picture(17 + r, 21, 4 + (unsigned)r);
        const vkstyle_image *pictures[] = {picture};
        regions.at[r].weight = g.weights[r];
        regions.at[r].guide = calloc(WIDTH * HEIGHT, sizeof(float));
        need(vks_prepare_style(&regions.at[r].style, gpu, network, &g.setting, pictures, NULL, 1,
                               &error),
             &error);
        reference_tensor plain = reference_picture(picture);
        reference_forward(&g.aims[r], &g.encoder, &plain);
        reference_free(&plain);
        vkstyle_image_free(&picture);
        for (int i = 0; i < WIDTH * HEIGHT; i++) {
            regions.at[r].guide[i] = guide_at(r, i % WIDTH, i / WIDTH);
            regions.coverage[i] += regions.at[r].guide[i];
        }
    }
    vkstyle_image *target = rig_picture(WIDTH, HEIGHT, 1);
    vkstyle_image *got = vkstyle_image_create(WIDTH, HEIGHT, false, &error);
    vks_iteration it = {0};
    need(vks_iteration_build(
             &it, vks_gpu_get_limits(gpu), network, &g.setting,
             &(vks_iteration_options){.width = WIDTH, .height = HEIGHT, .regions = &regions},
             &error) &&
             vks_iteration_realise(&it, gpu, NULL, false, &error) &&
             vks_upload_image(gpu, vks_plan_slice(it.plan, it.target), target, &error) &&
             vks_plan_run(it.plan, &error) &&
             vks_download_image(gpu, vks_plan_slice(it.plan, it.gradient), got, &error),
         &error);
    vks_losses losses = vks_iteration_losses(&it, 0);

    reference_tensor x = reference_picture(target), gradient;
    double right = guided_loss(&g, &x, &gradient);
    if (precision == VKSTYLE_PRECISION_FP32)
        check_finite_differences(&g, &x, &gradient);
    for (size_t i = 0; i < reference_count(&gradient); i++) {
        if (i % WIDTH >= WIDTH - 4) { // held
            assert_true(got->rgb[i] == 0);
            gradient.at[i] = 0;
        }
    }
    double off = rig_off(got->rgb, gradient.at, reference_count(&gradient));
    if (!(off < bar) || !(fabs(losses.total - right) < loss_bar * right))
        fail_msg("means %d: gradient off by %.1e, loss %g instead of %g", means, off, losses.total,
                 right);
    reference_free(&x);
    reference_free(&gradient);
    for (int r = 0; r < REGIONS; r++)
        reference_pass_free(&g.aims[r]);
    vks_iteration_free(&it);
    vks_regions_free(&regions);
    vkstyle_image_free(&target);
    vkstyle_image_free(&got);
    vks_network_free(&network);
    vkstyle_model_free(&small);
}

static void guided_gram(void **state)
{
    (void)state;
    check_guided(false, VKSTYLE_PRECISION_FP32, 1e-5, 1e-5);
    check_guided(false, VKSTYLE_PRECISION_FP16, 1e-1, 5e-3);
}

static void guided_means(void **state)
{
    (void)state;
    check_guided(true, VKSTYLE_PRECISION_FP32, 2e-5, 1e-5);
    check_guided(true, VKSTYLE_PRECISION_FP16, 1e-1, 5e-3);
}

// ---------------------------------------------------------------- jobs

// White left of `edge` (of 16), with `soft` columns of slope.
static vkstyle_image *mask_of(int edge, int soft, float white)
{
    vkstyle_error error = {0};
    vkstyle_image *mask = vkstyle_image_create(16, 12, false, &error);
    need(mask, &error);
    for (size_t i = 0; i < 3 * 16 * 12; i++) {
        float t = ((float)edge - (float)(i % 16)) / (float)(soft + 1);
        mask->rgb[i] = white * (t < 0 ? 0 : t > 1 ? 1 : t);
    }
    return mask;
}

// Root mean square of the change of the columns [from, to).
static double change(const vkstyle_image *a, const vkstyle_image *b, int from, int to)
{
    double sum = 0;
    for (int i = 0; i < 3 * a->width * a->height; i++)
        if (i % a->width >= from && i % a->width < to)
            sum += pow(a->rgb[i] - b->rgb[i], 2);
    return sqrt(sum / (3.0 * a->height * (to - from)));
}

static job_result masked(const vkstyle_image *const *styles, int count,
                         const vkstyle_image *const *masks, const vkstyle_image *map,
                         const vkstyle_params *p)
{
    vkstyle_job job = {.content = content,
                       .styles = styles,
                       .style_count = count,
                       .masks = masks,
                       .strength_map = map};
    return job_run(context, model, &job, p);
}

static void a_mask_keeps_the_rest(void **state)
{
    (void)state;
    vkstyle_image *mask = mask_of(8, 0, 1);
    const vkstyle_image *styles[] = {style}, *masks[] = {mask};
    for (int i = 0; i < 4; i++) {
        vkstyle_params p = job_params(12);
        p.levels = 1 + i / 2;
        p.optimizer = i & 1 ? VKSTYLE_LBFGS : VKSTYLE_ADAM;
        job_result r = masked(styles, 1, masks, NULL, &p);
        need(r.image, &r.error);
        assert_true(change(r.image, content, 0, 14) > 0.02);
        assert_true(change(r.image, content, 18, 32) == 0);
        if (p.levels == 1)
            assert_true(job_loss(&r, -1) < 0.9 * job_loss(&r, 0));
        job_free(&r);
    }
    vkstyle_image_free(&mask);
}

// On a device of its own: the peak is that of all that ever ran on it.
static void masks_are_counted(void **state)
{
    (void)state;
    vkstyle_image *mask = mask_of(8, 2, 1);
    const vkstyle_image *styles[] = {style, style}, *masks[] = {mask, NULL};
    for (int i = 0; i < 2; i++) {
        vkstyle_params p = job_params(2);
        p.style_loss = i ? VKSTYLE_LOSS_GRAM_MEAN : VKSTYLE_LOSS_GRAM;
        vkstyle_context *fresh = rig_context(NULL);
        vkstyle_job job = {.content = content, .styles = styles, .style_count = 2, .masks = masks};
        job_result r = job_run(fresh, model, &job, &p);
        need(r.image, &r.error);
        assert_true(job_number(&r, "memory.peak") == job_number(&r, "memory.predicted"));
        job_free(&r);
        vkstyle_close(&fresh);
    }
    vkstyle_image_free(&mask);
}

static void white_masks_change_little(void **state)
{
    (void)state;
    vkstyle_image *white = mask_of(16, 0, 1);
    const vkstyle_image *styles[] = {style}, *masks[] = {white};
    vkstyle_params p = job_params(6);
    job_result r = masked(styles, 1, masks, NULL, &p), plain = masked(styles, 1, NULL, NULL, &p);
    assert_true(fabs(job_loss(&r, 0) / job_loss(&plain, 0) - 1) < 1e-5);
    job_free(&r);
    job_free(&plain);
    vkstyle_image_free(&white);
}

// Each style paints its own side: the red one makes red what its mask gives it, left or right.
static void two_regions(void **state)
{
    (void)state;
    vkstyle_image *mask = mask_of(8, 0, 1), *red = rig_picture(26, 20, 9);
    for (size_t i = 0; i < 3 * 26 * 20; i++)
        red->rgb[i] = i < 26 * 20 ? 0.9f : 0.1f + 0.1f * red->rgb[i];
    const vkstyle_image *styles[2][2] = {{style, red}, {red, style}}, *masks[] = {mask, NULL};
    vkstyle_params p = job_params(40);
    p.beta = 100;
    double redness[2][2] = {{0}};
    for (int i = 0; i < 2; i++) {
        job_result r = masked(styles[i], 2, masks, NULL, &p);
        need(r.image, &r.error);
        for (int k = 0; k < 32 * 24; k++)
            redness[i][k % 32 >= 16] += r.image->rgb[k] - r.image->rgb[32 * 24 + k];
        job_free(&r);
    }
    print_message("redness left, right: %g %g, masks exchanged %g %g\n", redness[0][0],
                  redness[0][1], redness[1][0], redness[1][1]);
    assert_true(redness[0][1] > redness[1][1]);
    assert_true(redness[1][0] > redness[0][0]);
    vkstyle_image_free(&mask);
    vkstyle_image_free(&red);
}

static void strength_by_pixel(void **state)
{
    (void)state;
    vkstyle_image *weak = mask_of(16, 0, 0.3f), *half = mask_of(8, 0, 1);
    const vkstyle_image *styles[] = {style};
    vkstyle_params p = job_params(20);
    job_result r[3] = {masked(styles, 1, NULL, NULL, &p), masked(styles, 1, NULL, weak, &p),
                       masked(styles, 1, NULL, half, &p)};
    // A weak style leaves more of the content: its loss ends lower.
    double content_loss[2];
    for (int i = 0; i < 2; i++) {
        const cJSON *list = job_member(&r[i], "losses.content");
        content_loss[i] = cJSON_GetArrayItem(list, 19)->valuedouble;
    }
    assert_true(content_loss[1] < 0.9 * content_loss[0]);
    assert_true(change(r[2].image, content, 18, 32) == 0);
    assert_true(change(r[2].image, content, 0, 14) > 0.02);
    for (int i = 0; i < 3; i++)
        job_free(&r[i]);
    vkstyle_image *black = mask_of(0, 0, 1);
    job_result none = masked(styles, 1, NULL, black, &p);
    assert_int_equal(none.error.status, VKSTYLE_USAGE);
    job_free(&none);
    vkstyle_image_free(&black);
    vkstyle_image_free(&weak);
    vkstyle_image_free(&half);
}

static void means_come_closer(void **state)
{
    (void)state;
    double off[2] = {0};
    vkstyle_image *same = rig_picture(32, 24, 3); // as large as the target: nothing is scaled
    for (int i = 0; i < 2; i++) {
        vkstyle_params p = job_params(60);
        p.alpha = 0;
        p.style_loss = i ? VKSTYLE_LOSS_GRAM_MEAN : VKSTYLE_LOSS_GRAM;
        job_result r = job_simple(context, model, content, same, &p);
        reference_encoder encoder = {model, VKSTYLE_POOL_MAX, VKSTYLE_PAD_REPLICATE, 4};
        reference_tensor a = reference_picture(r.image), b = reference_picture(same);
        reference_pass x, y;
        reference_forward(&x, &encoder, &a);
        reference_forward(&y, &encoder, &b);
        for (int layer = 0; layer < 4; layer += 3) { // conv1_1, conv2_1
            sums s = measure(&x.layer[layer], -1), t = measure(&y.layer[layer], -1);
            double d = 0, size = 0;
            for (int k = 0; k < x.layer[layer].channels; k++) {
                d += pow(s.mean[k] - t.mean[k], 2);
                size += pow(t.mean[k], 2);
            }
            off[i] += d / size;
            sums_free(&s);
            sums_free(&t);
        }
        reference_pass_free(&x);
        reference_pass_free(&y);
        reference_free(&a);
        reference_free(&b);
        job_free(&r);
    }
    vkstyle_image_free(&same);
    if (!(off[1] < off[0]))
        fail_msg("means are off by %g with, %g without their loss", off[1], off[0]);
}

static void early_stop(void **state)
{
    (void)state;
    vkstyle_params p = job_params(120);
    job_result all = job_simple(context, model, content, style, &p);
    assert_int_equal(cJSON_GetArraySize(job_member(&all, "losses.total")), 120);
    assert_int_equal(cJSON_GetArraySize(job_member(&all, "events")), 0);
    p.early_stop = 0.3;
    job_result a = job_simple(context, model, content, style, &p);
    job_result b = job_simple(context, model, content, style, &p);
    int count = cJSON_GetArraySize(job_member(&a, "losses.total"));
    assert_in_range(count, 38, 100);
    assert_int_equal(count % 10, 8); // a window's end, and the lag
    assert_int_equal(cJSON_GetArraySize(job_member(&b, "losses.total")), count);
    assert_true(job_same(a.image, b.image));
    const cJSON *event = cJSON_GetArrayItem(job_member(&a, "events"), 0);
    assert_string_equal(cJSON_GetObjectItem(event, "what")->valuestring, "still");
    job_free(&all);
    job_free(&a);
    job_free(&b);
}

static int notices;

static void on_notice(const char *text, void *user)
{
    (void)user;
    notices += strstr(text, "spoilt") != NULL;
}

static void watchdog(void **state)
{
    (void)state;
    static const struct {
        const char *spoil, *what;
        bool half, free;
    } cases[] = {{"nan:9", "not a number", false, false},
                 {"nan:9", "not a number", true, false},
                 {"black:9", "a single colour", false, false},
                 {"grey:9", "a single colour", false, false},
                 {"huge:9", "exploding", false, true}};
    vkstyle_set_notice(on_notice, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        vkstyle_params p = job_params(40);
        p.levels = 2;
        p.no_clamp = cases[i].free;
        if (cases[i].half)
            p.precision = VKSTYLE_PRECISION_FP16;
        notices = 0;
        setenv("VKSTYLE_DEBUG_PICTURE", cases[i].spoil, 1);
        job_result r = job_simple(context, model, content, style, &p);
        unsetenv("VKSTYLE_DEBUG_PICTURE");
        const cJSON *events = job_member(&r, "events");
        assert_int_equal(cJSON_GetArraySize(events), 1);
        const cJSON *event = cJSON_GetArrayItem(events, 0);
        assert_string_equal(cJSON_GetObjectItem(event, "what")->valuestring, cases[i].what);
        assert_true(cJSON_GetObjectItem(event, "learning_rate_factor")->valuedouble == 0.5);
        assert_int_equal(notices, 1);
        assert_string_equal(job_text(&r, "plan.precision"), "fp32");
        assert_true(isfinite(job_loss(&r, -1)) && job_loss(&r, -1) < 0.7 * job_loss(&r, 0));
        for (int k = 0; k < 3 * r.image->width * r.image->height; k++)
            assert_true(isfinite(r.image->rgb[k]));
        job_free(&r);
    }
    vkstyle_set_notice(NULL, NULL);
    // Nothing is said where nothing is wrong, and a flat picture that starts so may leave it.
    vkstyle_image *flat = rig_picture(32, 24, 1);
    for (int i = 0; i < 3 * 32 * 24; i++)
        flat->rgb[i] = 0.5f;
    const vkstyle_image *styles[] = {style};
    vkstyle_job job = {.content = content, .styles = styles, .style_count = 1, .init = flat};
    vkstyle_params p = job_params(20);
    p.init = VKSTYLE_INIT_FILE;
    job_result r = job_run(context, model, &job, &p);
    need(r.image, &r.error);
    assert_int_equal(cJSON_GetArraySize(job_member(&r, "events")), 0);
    job_free(&r);
    vkstyle_image_free(&flat);
}

static void layer_presets(void **state)
{
    (void)state;
    static const char *const texts[] = {"even", "large-shapes", "fine-strokes", "2,2,2,2,2"};
    for (int i = 0; i < 4; i++) {
        vkstyle_error error = {0};
        vkstyle_params p = job_params(1);
        vks_setting s;
        double sum = 0;
        strcpy(p.layer_weights, texts[i]);
        need(vkstyle_params_check(&p, &error), &error);
        need(vks_setting_resolve(&s, model, &p, vks_gpu_get_limits(context->gpu), &error), &error);
        for (int k = 0; k < s.style_count; k++)
            sum += s.layer_weights[k];
        assert_true(fabs(sum - 1) < 1e-12);
        double ratio = s.layer_weights[4] / s.layer_weights[0];
        assert_true(i == 1 ? ratio > 2 : i == 2 ? ratio < 0.5 : fabs(ratio - 1) < 1e-12);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(guided_gram),
        cmocka_unit_test(guided_means),
        cmocka_unit_test(a_mask_keeps_the_rest),
        cmocka_unit_test(masks_are_counted),
        cmocka_unit_test(white_masks_change_little),
        cmocka_unit_test(two_regions),
        cmocka_unit_test(strength_by_pixel),
        cmocka_unit_test(means_come_closer),
        cmocka_unit_test(early_stop),
        cmocka_unit_test(watchdog),
        cmocka_unit_test(layer_presets),
    };
    return cmocka_run_group_tests_name("regions", tests, setup, teardown);
}
