// SPDX-License-Identifier: MIT
//
// Guided Gram matrices: losses and gradients of styles that act through masks against plain double
// precision and finite differences, and jobs whose styles stay where they are told to.
#include "job_rig.h"

#include "transfer/zone.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REGIONS = 2 };

static const char chain[] = "conv1_1:8 conv1_2:12 pool1 conv2_1:20 pool2 conv3_1:24";

// A feathered mask: a ramp that ends, the other way round for the second.
static float *ramp(int width, int height, bool turned)
{
    float *mask = malloc((size_t)width * (size_t)height * sizeof *mask);
    assert_non_null(mask);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            double v = (x + 0.3 * y) / (width + 0.3 * height) * 1.6 - 0.3;
            v = v < 0 ? 0 : v > 1 ? 1 : v;
            mask[y * width + x] = (float)(turned ? 1 - v : v);
        }
    return mask;
}

// The mean of a mask over a layer's pixel, by sampling it finely.
static double mean_at(const float *mask, int width, int height, int w, int h, int x, int y)
{
    const int fine = 64;
    double sum = 0;
    for (int j = 0; j < fine; j++)
        for (int i = 0; i < fine; i++) {
            int u = (int)((x + (i + 0.5) / fine) * width / w);
            int v = (int)((y + (j + 0.5) / fine) * height / h);
            sum += mask[v * width + u];
        }
    return sum / (fine * fine);
}

typedef struct scene {
    vkstyle_model *model;
    vks_setting setting;
    int width, height;
    vkstyle_image *target, *style[REGIONS];
    float *mask[REGIONS];
} scene;

static const double strength[REGIONS] = {1, 0.6};

static void open_scene(scene *s, int width, int height, vkstyle_kernels kernels,
                       vkstyle_style_loss loss, const vks_gpu_limits *limits)
{
    vkstyle_params p;
    vkstyle_error error = {0};
    *s = (scene){.model = rig_model(chain, 11), .width = width, .height = height};
    s->target = rig_picture(width, height, 1);
    for (int r = 0; r < REGIONS; r++) {
        s->style[r] = rig_picture(21 + 4 * r, 18, 3 + (unsigned)r);
        s->mask[r] = ramp(width, height, r > 0);
    }
    vkstyle_params_default(&p);
    snprintf(p.style_layers, sizeof p.style_layers, "conv1_1,conv1_2,conv2_1,conv3_1");
    snprintf(p.layer_weights, sizeof p.layer_weights, "0.1,0.4,0.2,0.3");
    snprintf(p.content_layer, sizeof p.content_layer, "conv2_1");
    p.beta = 3;
    p.tv = 0;
    p.kernels = kernels;
    p.style_loss = loss;
    p.precision = VKSTYLE_PRECISION_FP32;
    need(vks_setting_resolve(&s->setting, s->model, &p, limits, &error), &error);
    s->setting.regions = REGIONS;
}

static void close_scene(scene *s)
{
    for (int r = 0; r < REGIONS; r++) {
        vkstyle_image_free(&s->style[r]);
        free(s->mask[r]);
    }
    vkstyle_image_free(&s->target);
    vkstyle_model_free(&s->model);
}

// sum over regions of w strength coverage L(G_r, m_r), where L is the loss of one style, relative
// to it, G_r = sum m^2 f f^T / sum m^2 and m_r = sum m^2 f / sum m^2; its gradient at f is that
// factor times m^2 / (sum m^2) (2 D f + d), D and d being L's at G_r and m_r.
static double reference_scene(const scene *s, reference_tensor *gradient)
{
    reference_encoder encoder = {s->model, VKSTYLE_POOL_MAX, VKSTYLE_PAD_REPLICATE,
                                 s->setting.encode.depth};
    reference_tensor joining[REFERENCE_DEPTH] = {{0}}, picture = reference_picture(s->target);
    reference_pass pass;
    double loss = 0;
    reference_forward(&pass, &encoder, &picture);
    for (int r = 0; r < REGIONS; r++) {
        reference_tensor painting = reference_picture(s->style[r]);
        reference_pass seen;
        reference_forward(&seen, &encoder, &painting);
        for (int l = 0; l < s->setting.style_count; l++) {
            int layer = s->setting.style_layers[l];
            const reference_tensor *f = &pass.layer[layer];
            size_t n = (size_t)f->channels, plane = (size_t)f->width * (size_t)f->height;
            double *aim = reference_gram(&seen.layer[layer]), *d = calloc(n * n, sizeof *d);
            double *aim_mean = reference_means(&seen.layer[layer]), *turn = calloc(n, sizeof *turn);
            double *gram = calloc(n * n, sizeof *gram), *mean = calloc(n, sizeof *mean);
            double *weight = calloc(plane, sizeof *weight), mass = 0;
            assert_true(d && weight && gram && mean && turn);
            for (size_t p = 0; p < plane; p++) {
                double m = mean_at(s->mask[r], s->width, s->height, f->width, f->height,
                                   (int)(p % (size_t)f->width), (int)(p / (size_t)f->width));
                weight[p] = m * m;
                mass += m * m;
            }
            for (size_t p = 0; p < plane; p++)
                for (size_t a = 0; a < n; a++) {
                    double v = weight[p] * f->at[a * plane + p] / mass;
                    mean[a] += v;
                    for (size_t b = 0; b < n; b++)
                        gram[a * n + b] += v * f->at[b * plane + p];
                }
            double k =
                s->setting.beta * s->setting.layer_weights[l] * strength[r] * mass / (double)plane;
            loss += k * reference_style_loss(s->setting.style_loss, n, gram, mean, aim, aim_mean, d,
                                             turn);
            if (!joining[layer].at)
                joining[layer] = reference_zeros(f->channels, f->height, f->width);
            for (size_t a = 0; a < n; a++)
                for (size_t p = 0; p < plane; p++) {
                    double sum = turn[a];
                    for (size_t b = 0; b < n; b++)
                        sum += 2 * d[a * n + b] * f->at[b * plane + p];
                    joining[layer].at[a * plane + p] += k / mass * weight[p] * sum;
                }
            free(aim_mean);
            free(turn);
            free(gram);
            free(mean);
            free(aim);
            free(d);
            free(weight);
        }
        reference_pass_free(&seen);
        reference_free(&painting);
    }
    *gradient = reference_backward(&pass, &encoder, joining);
    for (int i = 0; i < encoder.depth; i++)
        reference_free(&joining[i]);
    reference_pass_free(&pass);
    reference_free(&picture);
    return loss;
}

static double run_scene(const scene *s, vks_gpu *gpu, vks_network *network,
                        const vkstyle_image *target, vkstyle_image *gradient)
{
    vkstyle_error error = {0};
    vks_style style[REGIONS] = {{0}};
    vks_region at[REGIONS];
    vks_regions regions = {REGIONS, at};
    vks_iteration it = {0};
    for (int r = 0; r < REGIONS; r++) {
        const vkstyle_image *one[] = {s->style[r]};
        need(vks_prepare_style(&style[r], gpu, network, &s->setting, one, NULL, 1, &error), &error);
        at[r] = (vks_region){&style[r], strength[r], s->mask[r]};
    }
    vks_iteration_options o = {.width = (uint32_t)s->width,
                               .height = (uint32_t)s->height,
                               .style = &style[0],
                               .regions = &regions};
    need(vks_iteration_build(&it, vks_gpu_get_limits(gpu), network, &s->setting, &o, &error) &&
             vks_iteration_realise(&it, gpu, &style[0], false, &error) &&
             vks_upload_image(gpu, vks_plan_slice(it.plan, it.target), target, &error) &&
             vks_plan_run(it.plan, &error) &&
             vks_download_image(gpu, vks_plan_slice(it.plan, it.gradient), gradient, &error),
         &error);
    double total = vks_iteration_losses(&it, 0).total;
    vks_iteration_free(&it);
    for (int r = 0; r < REGIONS; r++)
        vks_style_free(&style[r]);
    return total;
}

static void check_scene(int width, int height, vkstyle_kernels kernels, vkstyle_style_loss way)
{
    vkstyle_error error = {0};
    vks_gpu *gpu = rig_gpu(NULL);
    scene s;
    open_scene(&s, width, height, kernels, way, vks_gpu_get_limits(gpu));
    vks_network *network = vks_network_create(gpu, s.model, &error);
    need(network, &error);
    reference_tensor right;
    double loss = reference_scene(&s, &right);
    vkstyle_image *gradient = vkstyle_image_create(width, height, false, &error);
    need(gradient, &error);
    double got = run_scene(&s, gpu, network, s.target, gradient);
    double off = rig_off(gradient->rgb, right.at, reference_count(&right));
    if (!(fabs(got - loss) < 2e-3 * loss) || !(off < 5e-3))
        fail_msg("%dx%d: loss %g and not %g, gradient off by %.1e", width, height, got, loss, off);
    // Along its gradient the loss changes by |gradient|^2 a step.
    double square = 0, slope[2];
    size_t n = 3 * (size_t)width * (size_t)height;
    for (size_t i = 0; i < n; i++)
        square += (double)gradient->rgb[i] * gradient->rgb[i];
    double step = 0.01 * got / square;
    vkstyle_image *moved = vkstyle_image_create(width, height, false, &error);
    vkstyle_image *scrap = vkstyle_image_create(width, height, false, &error);
    need(moved && scrap, &error);
    for (int k = 0; k < 2; k++) {
        for (size_t i = 0; i < n; i++)
            moved->rgb[i] = s.target->rgb[i] + (float)((k ? step : -step) * gradient->rgb[i]);
        slope[k] = run_scene(&s, gpu, network, moved, scrap);
    }
    double measured = (slope[1] - slope[0]) / (2 * step);
    if (!(fabs(measured - square) < 0.02 * square))
        fail_msg("along the gradient the loss changes by %g a step, and not by %g", measured,
                 square);
    vkstyle_image_free(&moved);
    vkstyle_image_free(&scrap);
    vkstyle_image_free(&gradient);
    reference_free(&right);
    vks_network_free(&network);
    close_scene(&s);
    vks_gpu_close(&gpu);
}

static void losses_and_gradients(void **state)
{
    (void)state;
    static const int sizes[][2] = {{22, 19}, {17, 30}, {16, 16}};
    for (int way = 0; way < 3; way++) {
        vkstyle_style_loss loss = (vkstyle_style_loss)way;
        for (int i = 0; i < 3; i++)
            check_scene(sizes[i][0], sizes[i][1], VKSTYLE_KERNELS_WINOGRAD, loss);
        check_scene(22, 19, VKSTYLE_KERNELS_DIRECT, loss);
        check_scene(22, 19, VKSTYLE_KERNELS_TILED, loss);
    }
}

// ---------------------------------------------------------------- jobs

static vkstyle_image *half_white(int width, int height, bool right, float value)
{
    vkstyle_error error = {0};
    vkstyle_image *image = vkstyle_image_create(width, height, false, &error);
    need(image, &error);
    for (int i = 0; i < 3 * width * height; i++)
        image->rgb[i] = (i % width >= width / 2) == right ? value : 0;
    return image;
}

// Root mean square of the difference in columns [from, to).
static double apart(const vkstyle_image *a, const vkstyle_image *b, int from, int to)
{
    double sum = 0;
    int n = 0;
    for (int i = 0; i < 3 * a->width * a->height; i++)
        if (i % a->width >= from && i % a->width < to) {
            sum += (a->rgb[i] - b->rgb[i]) * (a->rgb[i] - b->rgb[i]);
            n++;
        }
    return sqrt(sum / n);
}

static void a_style_stays_inside(void **state)
{
    (void)state;
    vkstyle_context *context = rig_context(NULL);
    vkstyle_model *model = rig_model(job_chain, 5);
    vkstyle_image *content = rig_picture(64, 32, 1), *style = rig_picture(30, 34, 3);
    vkstyle_params p = job_params(25);
    p.tv = 0;
    const vkstyle_image *styles[] = {style};
    vkstyle_job job = {.content = content, .styles = styles, .style_count = 1};
    job_result plain = job_run(context, model, &job, &p);
    need(plain.image, &plain.error);
    for (int way = 0; way < 2; way++) { // a mask, a strength map
        vkstyle_image *mask = half_white(32, 16, true, 1);
        const vkstyle_image *masks[] = {mask};
        job.style_masks = way ? NULL : masks;
        job.strength_map = way ? mask : NULL;
        job_result r = job_run(context, model, &job, &p);
        need(r.image, &r.error);
        // The layers' reach is some pixels: a margin around the edge is nobody's.
        double inside = apart(r.image, content, 44, 64), outside = apart(r.image, content, 0, 20);
        double before = apart(plain.image, content, 0, 20);
        if (!(outside < 0.2 * inside && outside < 0.2 * before && inside > 0.3 * before))
            fail_msg("moved by %g inside, %g outside, %g without", inside, outside, before);
        assert_true(job_number(&r, "memory.predicted") > job_number(&plain, "memory.predicted"));
        job_free(&r);
        vkstyle_image_free(&mask);
    }
    job.style_masks = NULL;
    // White everywhere is the same as no mask, but for rounding; half as strong moves less.
    double moved[2];
    for (int way = 0; way < 2; way++) {
        vkstyle_image *map = vkstyle_image_create(5, 5, false, NULL);
        assert_non_null(map);
        for (int i = 0; i < 75; i++)
            map->rgb[i] = way ? 0.02f : 1;
        job.strength_map = map;
        job_result r = job_run(context, model, &job, &p);
        need(r.image, &r.error);
        if (!way)
            assert_true(fabs(job_loss(&r, 0) - job_loss(&plain, 0)) < 1e-4 * job_loss(&plain, 0));
        else // 0.02 of the style's loss at the start, where content's is 0
            assert_true(fabs(job_loss(&r, 0) - 0.02 * job_loss(&plain, 0)) <
                        1e-3 * job_loss(&plain, 0));
        moved[way] = apart(r.image, content, 0, 64);
        job_free(&r);
        vkstyle_image_free(&map);
    }
    assert_true(moved[1] < moved[0]);
    // So it is at every scale: the second level's picture counts at half its size, too.
    vkstyle_image *white = half_white(8, 8, true, 1);
    for (int i = 0; i < 3 * 8 * 8; i++)
        white->rgb[i] = 1;
    p.levels = 2;
    double coarse[2];
    for (int way = 0; way < 2; way++) {
        job.strength_map = way ? white : NULL;
        job_result r = job_run(context, model, &job, &p);
        need(r.image, &r.error);
        int first =
            cJSON_GetObjectItem(job_member(&r, "plan.levels")->child, "iterations")->valueint;
        coarse[way] = job_value(&r, "coarse", first);
        assert_true(job_value(&r, "coarse", 0) == 0 && coarse[way] > 0);
        job_free(&r);
    }
    assert_true(fabs(coarse[1] - coarse[0]) < 1e-2 * coarse[0]);
    vkstyle_image_free(&white);
    job_free(&plain);
    vkstyle_image_free(&style);
    vkstyle_image_free(&content);
    vkstyle_model_free(&model);
    vkstyle_close(&context);
}

static double mean(const vkstyle_image *image, int from, int to)
{
    double sum = 0;
    int n = 0;
    for (int i = 0; i < 3 * image->width * image->height; i++)
        if (i % image->width >= from && i % image->width < to) {
            sum += image->rgb[i];
            n++;
        }
    return sum / n;
}

// A dark and a bright style, each on its side: exchanging the masks exchanges the sides.
static void regions_have_their_own_styles(void **state)
{
    (void)state;
    vkstyle_context *context = rig_context(NULL);
    vkstyle_model *model = rig_model(job_chain, 5);
    vkstyle_image *content = rig_picture(64, 32, 1);
    vkstyle_image *style[2] = {rig_picture(30, 34, 3), rig_picture(30, 34, 8)};
    for (int i = 0; i < 3 * 30 * 34; i++) {
        style[0]->rgb[i] *= 0.4f;
        style[1]->rgb[i] = 1 - 0.4f * style[1]->rgb[i];
    }
    vkstyle_image *mask[2] = {half_white(64, 32, false, 1), half_white(64, 32, true, 1)};
    vkstyle_params p = job_params(25);
    p.alpha = 0.01;
    p.learning_rate = 0.05;
    assert_true(vkstyle_params_set(&p, "style-layers", "conv1_1,conv1_2", NULL));
    job_result r[2];
    for (int i = 0; i < 2; i++) {
        const vkstyle_image *styles[] = {style[0], style[1]};
        const vkstyle_image *masks[] = {mask[i], mask[!i]};
        vkstyle_job job = {
            .content = content, .styles = styles, .style_count = 2, .style_masks = masks};
        r[i] = job_run(context, model, &job, &p);
        need(r[i].image, &r[i].error);
    }
    double left[2] = {mean(r[0].image, 0, 28), mean(r[1].image, 0, 28)};
    double right[2] = {mean(r[0].image, 36, 64), mean(r[1].image, 36, 64)};
    if (!(left[0] < left[1] - 0.05 && right[1] < right[0] - 0.05))
        fail_msg("left %g, exchanged %g; right %g, exchanged %g", left[0], left[1], right[0],
                 right[1]);
    for (int i = 0; i < 2; i++) {
        job_free(&r[i]);
        vkstyle_image_free(&style[i]);
        vkstyle_image_free(&mask[i]);
    }
    vkstyle_image_free(&content);
    vkstyle_model_free(&model);
    vkstyle_close(&context);
}

static job_result paint(vkstyle_context *context, const vkstyle_model *model,
                        const vkstyle_image *const *styles, const vkstyle_image *const *masks,
                        const double *weights, int count)
{
    vkstyle_image *content = rig_picture(40, 32, 1);
    vkstyle_params p = job_params(6);
    p.levels = 2;
    vkstyle_job job = {.content = content,
                       .styles = styles,
                       .style_weights = weights,
                       .style_count = count,
                       .style_masks = masks};
    job_result r = job_run(context, model, &job, &p);
    need(r.image, &r.error);
    vkstyle_image_free(&content);
    return r;
}

// Styles of one mask are one region, and so are those without one. Cutting a style into crops
// changes nothing, wherever in the list they are.
static void styles_of_one_mask_are_one(void **state)
{
    (void)state;
    vkstyle_context *context = rig_context(NULL);
    vkstyle_model *model = rig_model(job_chain, 5);
    const vkstyle_image *a = rig_picture(30, 34, 3), *b = rig_picture(26, 30, 8);
    const vkstyle_image *left = half_white(40, 32, false, 1), *right = half_white(40, 32, true, 1);
    const vkstyle_image *alike = half_white(40, 32, false, 1), *all = half_white(1, 1, true, 1);
    struct {
        const vkstyle_image *styles[4], *masks[4];
        double weights[4];
        int count;
    } cases[][2] = {
        // As a whole, and cut.
        {{{a, b}, {left, right}, {1, 0.5}, 2},
         {{a, b, a, a}, {left, right, left, left}, {0.5, 0.5, 0.25, 0.25}, 4}},
        {{{a, b}, {left, NULL}, {1, 3}, 2}, {{a, a, b}, {left, left, NULL}, {0.5, 0.5, 3}, 3}},
        {{{b, a, b}, {NULL, left, NULL}, {1, 2, 3}, 3},
         {{b, a, b, a}, {NULL, left, NULL, left}, {1, 1, 3, 1}, 4}},
        {{{a, b}, {left, NULL}, {1, 2}, 2}, {{a, b, b}, {left, NULL, NULL}, {1, 1, 1}, 3}},
    };
    for (int i = 0; i < 4; i++) {
        job_result r[2];
        for (int k = 0; k < 2; k++)
            r[k] = paint(context, model, cases[i][k].styles, cases[i][k].masks, cases[i][k].weights,
                         cases[i][k].count);
        assert_true(job_same(r[0].image, r[1].image));
        assert_true(job_loss(&r[0], -1) == job_loss(&r[1], -1));
        assert_true(job_number(&r[0], "memory.predicted") == job_number(&r[1], "memory.predicted"));
        job_free(&r[0]);
        job_free(&r[1]);
    }
    // Different styles are blended as they are without masks.
    const vkstyle_image *two[] = {a, b}, *same[] = {left, left}, *other[] = {left, alike};
    const vkstyle_image *everywhere[] = {all, all};
    const double uneven[] = {2, 1};
    job_result free = paint(context, model, two, NULL, uneven, 2);
    job_result one = paint(context, model, two, everywhere, uneven, 2);
    assert_true(fabs(job_loss(&one, 0) - job_loss(&free, 0)) < 1e-4 * job_loss(&free, 0));
    job_free(&one);
    job_free(&free);
    // Masks that only look alike make two regions.
    one = paint(context, model, two, same, uneven, 2);
    job_result apart = paint(context, model, two, other, uneven, 2);
    assert_false(job_same(one.image, apart.image));
    assert_true(job_number(&one, "memory.predicted") < job_number(&apart, "memory.predicted"));
    job_free(&one);
    job_free(&apart);
    const vkstyle_image *made[] = {a, b, left, right, alike, all};
    for (int i = 0; i < 6; i++)
        vkstyle_image_free((vkstyle_image **)&made[i]);
    vkstyle_model_free(&model);
    vkstyle_close(&context);
}

static int teardown(void **state)
{
    (void)state;
    return vks_gpu_validation_messages();
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(losses_and_gradients),
        cmocka_unit_test(a_style_stays_inside),
        cmocka_unit_test(regions_have_their_own_styles),
        cmocka_unit_test(styles_of_one_mask_are_one),
    };
    return cmocka_run_group_tests_name("masks", tests, NULL, teardown);
}
