// SPDX-License-Identifier: MIT
#include "iteration_rig.h"

#include "../support/small_model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void need(bool good, const vkstyle_error *error)
{
    if (!good)
        fail_msg("status %d: %s", (int)error->status, error->text);
}

vks_gpu *rig_gpu(const char *limits)
{
    vkstyle_error error = {0};
    if (limits)
        setenv("VKSTYLE_DEBUG_LIMITS", limits, 1);
    vks_gpu *gpu = vks_gpu_open(NULL, &error);
    unsetenv("VKSTYLE_DEBUG_LIMITS");
    need(gpu, &error);
    return gpu;
}

vkstyle_context *rig_context(const char *limits)
{
    vkstyle_error error = {0};
    if (limits)
        setenv("VKSTYLE_DEBUG_LIMITS", limits, 1);
    vkstyle_context *context = vkstyle_open(NULL, &error);
    unsetenv("VKSTYLE_DEBUG_LIMITS");
    need(context, &error);
    return context;
}

vkstyle_model *rig_model(const char *chain, unsigned seed)
{
    vkstyle_error error = {0};
    const char *folder = getenv("TMPDIR");
    char path[VKSTYLE_PATH];
    snprintf(path, sizeof path, "%s/vkstyle-rig-%ld.safetensors", folder ? folder : "/tmp",
             (long)getpid());
    need(small_model_write(path, chain, seed, &error), &error);
    vkstyle_model *model = vks_model_read(path, &error);
    remove(path);
    need(model, &error);
    return model;
}

static float noise(uint32_t a, uint32_t b)
{
    uint32_t h = a * 2654435761u ^ (b + 0x9e3779b9u) * 2246822519u;
    h ^= h >> 15;
    h *= 2654435769u;
    h ^= h >> 13;
    return (float)(h >> 8) / 16777216.0f;
}

vkstyle_image *rig_picture(int width, int height, unsigned seed)
{
    vkstyle_error error = {0};
    vkstyle_image *image = vkstyle_image_create(width, height, false, &error);
    need(image, &error);
    size_t i = 0;
    for (int c = 0; c < 3; c++) {
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++, i++) {
                double slope = 0.5 + 0.25 * sin(0.31 * x + 0.7 * c + seed) * cos(0.17 * y - seed);
                double edge = (x / 5 + y / 7 + (int)seed) % 3 ? 0 : 0.12;
                image->rgb[i] = (float)(slope + edge + 0.12 * (noise((uint32_t)i, seed) - 0.5));
            }
        }
    }
    return image;
}

double rig_off(const float *got, const double *right, size_t count)
{
    double off = 0, size = 0;
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(got[i]))
            return INFINITY;
        off += (got[i] - right[i]) * (got[i] - right[i]);
        size += right[i] * right[i];
    }
    return off == 0 ? 0 : isfinite(size) ? sqrt(off / size) : INFINITY;
}

// ---------------------------------------------------------------- one case

static void resolve(rig *r, const vks_gpu_limits *limits)
{
    const rig_case *is = &r->is;
    vkstyle_params p;
    vkstyle_error error = {0};
    vkstyle_params_default(&p);
    snprintf(p.style_layers, sizeof p.style_layers, "%s", is->style_layers);
    snprintf(p.content_layer, sizeof p.content_layer, "%s", is->content_layer);
    p.alpha = is->alpha;
    p.beta = is->beta;
    p.tv = is->tv;
    p.raw_losses = is->raw;
    p.style_loss = is->style_loss;
    p.pool = is->pool;
    p.padding = is->padding;
    p.precision = is->precision;
    p.kernels = is->kernels;
    need(vks_setting_resolve(&r->setting, r->model, &p, limits, &error), &error);
}

// Lowers a layer's biases until the style, made grey, leaves it dead.
static void deaden(rig *r, int layer)
{
    for (int i = 0; i < 3 * r->is.style_width * r->is.style_height; i++)
        r->style->rgb[i] = 0.5f;
    reference_tensor picture = reference_picture(r->style);
    reference_pass pass;
    reference_forward(&pass, &r->loss.encoder, &picture);
    const reference_tensor *f = &pass.layer[layer];
    size_t plane = (size_t)f->width * (size_t)f->height;
    for (size_t i = 0; i < (size_t)f->channels; i++) {
        double most = 0;
        for (size_t p = 0; p < plane; p++)
            most = fmax(most, f->at[i * plane + p]);
        r->model->layers[layer].bias[i] -= 1 + (float)most;
    }
    reference_pass_free(&pass);
    reference_free(&picture);
}

// ---------------------------------------------------------------- smaller scales

static reference_tensor halved(const reference_tensor *from)
{
    reference_tensor to = reference_zeros(3, from->height / 2, from->width / 2);
    for (int c = 0; c < 3; c++)
        for (int y = 0; y < to.height; y++)
            for (int x = 0; x < to.width; x++) {
                const double *at = from->at + (c * from->height + 2 * y) * from->width + 2 * x;
                to.at[(c * to.height + y) * to.width + x] =
                    (at[0] + at[1] + at[from->width] + at[from->width + 1]) / 4;
            }
    return to;
}

// fine += weight * the transpose of halving.
static void spread(const reference_tensor *coarse, reference_tensor *fine, double weight)
{
    for (int c = 0; c < 3; c++)
        for (int y = 0; y < 2 * coarse->height; y++)
            for (int x = 0; x < 2 * coarse->width; x++)
                fine->at[(c * fine->height + y) * fine->width + x] +=
                    weight / 4 * coarse->at[(c * coarse->height + y / 2) * coarse->width + x / 2];
}

double rig_coarser(const rig *r, int i, const reference_tensor *above, reference_tensor *gradient)
{
    if (i > r->is.coarser)
        return 0;
    reference_tensor small = halved(above), back = {0};
    double own = reference_measure(&r->coarse_loss[i], &small, gradient ? &back : NULL).total +
                 rig_coarser(r, i + 1, &small, gradient ? &back : NULL);
    if (gradient)
        spread(&back, gradient, r->is.coarser_weight);
    reference_free(&small);
    reference_free(&back);
    return r->is.coarser_weight * own;
}

static void aim_coarser(rig *r)
{
    for (int i = 1; i <= r->is.coarser; i++) {
        reference_loss *loss = &r->coarse_loss[i];
        const vkstyle_image *styles[] = {r->style};
        *loss = r->loss;
        loss->tv = 0;
        memset(loss->gram, 0, sizeof loss->gram);
        memset(loss->mean, 0, sizeof loss->mean);
        loss->content = (reference_tensor){0};
        r->coarse_content[i] = rig_picture(r->is.width >> i, r->is.height >> i, 20 + (unsigned)i);
        if (!r->is.no_style)
            reference_aim_style(loss, styles, NULL, 1);
        if (!r->is.no_content)
            reference_aim_content(loss, r->coarse_content[i]);
    }
}

void rig_open(rig *r, const rig_case *is)
{
    *r = (rig){.is = *is, .model = rig_model(is->chain, 11)};
    r->target = rig_picture(is->width, is->height, 1);
    r->content = rig_picture(is->width, is->height, 2);
    r->style = rig_picture(is->style_width, is->style_height, 3);
    resolve(r, &(vks_gpu_limits){.matrix = {16, 16, 16}});
    const vks_setting *s = &r->setting;
    r->loss = (reference_loss){
        .encoder = {r->model, is->pool, is->padding, s->encode.depth},
        .style_count = s->style_count,
        .content_layer = s->content_layer,
        .alpha = is->alpha,
        .beta = is->beta,
        .tv = is->raw ? is->tv : is->tv / (3.0 * is->width * is->height),
        .raw = is->raw,
        .style_loss = is->style_loss,
    };
    memcpy(r->loss.style_layers, s->style_layers, sizeof s->style_layers);
    memcpy(r->loss.layer_weights, s->layer_weights, sizeof s->layer_weights);
    if (is->dead)
        deaden(r, vks_model_find(r->model, is->dead));
    const vkstyle_image *styles[] = {r->style};
    if (!is->no_style)
        reference_aim_style(&r->loss, styles, NULL, 1);
    if (!is->no_content)
        reference_aim_content(&r->loss, r->content);
    reference_tensor target = reference_picture(r->target);
    r->values = reference_measure(&r->loss, &target, &r->gradient);
    reference_forward(&r->right, &r->loss.encoder, &target);
    aim_coarser(r);
    r->values.total += rig_coarser(r, 1, &target, &r->gradient);
    reference_free(&target);
    if (is->dead) { // for the style, and for it alone
        const reference_tensor *f = &r->right.layer[vks_model_find(r->model, is->dead)];
        size_t alive = 0;
        for (size_t i = 0; i < reference_count(f); i++)
            alive += f->at[i] > 0;
        assert_true(alive > 0);
        double square = 0;
        for (int i = 0; i < f->channels * f->channels; i++)
            square += fabs(r->loss.gram[s->style_count - 1][i]);
        assert_true(square == 0);
    }
}

void rig_close(rig *r)
{
    vkstyle_image_free(&r->target);
    vkstyle_image_free(&r->style);
    vkstyle_image_free(&r->content);
    vkstyle_image_free(&r->got_gradient);
    reference_loss_free(&r->loss);
    for (int i = 1; i <= r->is.coarser; i++) {
        reference_loss_free(&r->coarse_loss[i]);
        vkstyle_image_free(&r->coarse_content[i]);
    }
    reference_pass_free(&r->right);
    reference_free(&r->gradient);
    vkstyle_model_free(&r->model);
}

static bool compare_activations(rig *r, vks_gpu *gpu, const vks_iteration *it, vkstyle_error *error)
{
    r->worst_activation = 0;
    for (int i = 0; i < r->right.depth; i++) {
        if (r->model->layers[i].kind == VKS_POOL)
            continue;
        vks_slice from = vks_plan_slice(it->plan, it->encoding.activation[i]);
        float *got = vks_download_tensor(gpu, from, it->encoding.shape[i], &r->setting, error);
        if (!got)
            return false;
        double off = rig_off(got, r->right.layer[i].at, reference_count(&r->right.layer[i]));
        r->worst_activation = fmax(r->worst_activation, off);
        free(got);
    }
    return true;
}

static bool prepare_contents(const rig *r, vks_gpu *gpu, vks_network *network,
                             vks_content contents[VKS_MAX_SCALES], vkstyle_error *error)
{
    for (int i = 0; i <= r->is.coarser && !r->is.no_content; i++)
        if (!vks_prepare_content(&contents[i], gpu, network, &r->setting,
                                 i ? r->coarse_content[i] : r->content, false, error))
            return false;
    return true;
}

bool rig_run(rig *r, vks_gpu *gpu, vks_network *network, const vkstyle_image *target, bool keep,
             vkstyle_error *error)
{
    const rig_case *is = &r->is;
    resolve(r, vks_gpu_get_limits(gpu));
    vks_style style = {0};
    vks_content contents[VKS_MAX_SCALES] = {{0}};
    vks_iteration it = {0};
    bool all[VKS_MAX_DEPTH];
    memset(all, 1, sizeof all);
    const vkstyle_image *styles[] = {r->style};
    vks_iteration_options options[VKS_MAX_SCALES];
    for (int i = 0; i <= is->coarser && i < VKS_MAX_SCALES; i++)
        options[i] = (vks_iteration_options){.width = (uint32_t)is->width >> i,
                                             .height = (uint32_t)is->height >> i,
                                             .style = is->no_style ? NULL : &style,
                                             .content = is->no_content ? NULL : &contents[i],
                                             .readable = keep,
                                             .also_keep = keep ? all : NULL,
                                             .coarse = i < is->coarser ? &options[i + 1] : NULL,
                                             .coarse_weight = is->coarser_weight};
    vkstyle_image_free(&r->got_gradient);
    r->got_gradient = vkstyle_image_create(is->width, is->height, false, error);
    bool done =
        r->got_gradient &&
        (is->no_style ||
         vks_prepare_style(&style, gpu, network, &r->setting, styles, NULL, 1, error)) &&
        prepare_contents(r, gpu, network, contents, error) &&
        vks_iteration_build(&it, vks_gpu_get_limits(gpu), network, &r->setting, options, error) &&
        vks_iteration_realise(&it, gpu, options[0].style, false, error) &&
        vks_upload_image(gpu, vks_plan_slice(it.plan, it.target), target ? target : r->target,
                         error) &&
        vks_plan_run(it.plan, error) &&
        vks_download_image(gpu, vks_plan_slice(it.plan, it.gradient), r->got_gradient, error) &&
        (!keep || compare_activations(r, gpu, &it, error));
    if (done)
        r->got = vks_iteration_losses(&it, 0);
    vks_iteration_free(&it);
    for (int i = 0; i < VKS_MAX_SCALES; i++)
        vks_content_free(&contents[i]);
    vks_style_free(&style);
    return done;
}
