// SPDX-License-Identifier: MIT
#include "context.h"
#include "iteration.h"
#include "pad.h"
#include "survey.h"
#include "tuning.h"
#include "../error.h"
#include "../model/safetensors.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// What the steps of one evaluation share.
typedef struct evaluation {
    vks_gpu *gpu;
    vks_network *network;
    const vkstyle_model *model;
    vks_setting setting;
    vks_safetensors_writer *writer;
    const vkstyle_image *target;
    uint64_t memory; // the most that may be used; 0: what there is
    double losses[2];
} evaluation;

static bool add_tensor(evaluation *ev, const char *group, const char *layer, vks_slice slice,
                       vks_shape shape, vkstyle_error *error)
{
    char name[2 * VKSTYLE_NAME];
    snprintf(name, sizeof name, "%s/%s", group, layer);
    float *values = vks_download_tensor(ev->gpu, slice, shape, &ev->setting, error);
    bool done =
        values &&
        vks_safetensors_add(ev->writer, name, VKS_F32, 3,
                            (int64_t[]){shape.channels, shape.height, shape.width}, values, error);
    free(values);
    return done;
}

// A Gram matrix a position, padded, as the raw one of the paper: times positions, unpadded.
static bool add_gram(evaluation *ev, const char *group, const char *layer, const float *gram,
                     uint32_t channels, uint32_t padded, double positions, vkstyle_error *error)
{
    char name[2 * VKSTYLE_NAME];
    snprintf(name, sizeof name, "%s/%s", group, layer);
    float *plain = malloc((size_t)channels * channels * sizeof *plain);
    if (!plain)
        return vks_fail(error, VKSTYLE_NO_MEMORY, "out of memory for a Gram matrix");
    for (size_t i = 0; i < channels; i++)
        for (size_t k = 0; k < channels; k++)
            plain[i * channels + k] = (float)(gram[i * padded + k] * positions);
    bool done = vks_safetensors_add(ev->writer, name, VKS_F32, 2, (int64_t[]){channels, channels},
                                    plain, error);
    free(plain);
    return done;
}

static bool add_gradient(evaluation *ev, const char *name, const vks_iteration *it,
                         vkstyle_error *error)
{
    vkstyle_image *gradient = vkstyle_image_create((int)it->width, (int)it->height, false, error);
    bool done = gradient && vks_iteration_get(it, ev->gpu, it->gradient, gradient, error) &&
                vks_safetensors_add(ev->writer, name, VKS_F32, 3,
                                    (int64_t[]){3, it->height, it->width}, gradient->rgb, error);
    vkstyle_image_free(&gradient);
    return done;
}

static bool check_memory(const evaluation *ev, const vks_iteration *it, vkstyle_error *error)
{
    uint64_t needed = vks_iteration_bytes(it, NULL) + vks_network_bytes(ev->network);
    if (!ev->memory || needed <= ev->memory)
        return true;
    return vks_fail(error, VKSTYLE_NO_MEMORY,
                    "evaluating %ux%u pixels needs %.0f MB, and --memory allows %.0f MB; choose "
                    "smaller pictures or a larger --memory",
                    it->width, it->height, (double)needed * 1e-6, (double)ev->memory * 1e-6);
}

static bool once(evaluation *ev, vks_iteration *it, vkstyle_error *error)
{
    vks_run run = vks_iteration_run(it, ev->gpu, NULL, 1);
    return vks_run_sequence(&run, error);
}

// Builds and runs one iteration without an optimiser.
static bool run(evaluation *ev, vks_iteration *it, const vks_iteration_options *options,
                vkstyle_error *error)
{
    return vks_iteration_build(it, vks_gpu_get_limits(ev->gpu), ev->network, &ev->setting, options,
                               error) &&
           check_memory(ev, it, error) &&
           vks_iteration_realise(it, ev->gpu, options->style, false, error) &&
           vks_iteration_put(it, ev->gpu, it->target, ev->target, error) && once(ev, it, error);
}

static bool take_activation(void *user, int layer, vks_shape shape, const float *values,
                            vkstyle_error *error)
{
    evaluation *ev = user;
    char name[2 * VKSTYLE_NAME];
    snprintf(name, sizeof name, "target/%s", ev->model->layers[layer].name);
    return vks_safetensors_add(ev->writer, name, VKS_F32, 3,
                               (int64_t[]){shape.channels, shape.height, shape.width}, values,
                               error);
}

static bool evaluate_style(evaluation *ev, const vks_style *style, vkstyle_error *error)
{
    const vks_setting *s = &ev->setting;
    bool all[VKS_MAX_DEPTH];
    memset(all, s->tile == 0, sizeof all); // of tiles they are gathered in a pass of their own
    vks_iteration it = {0};
    bool done = run(ev, &it,
                    &(vks_iteration_options){.width = (uint32_t)ev->target->width,
                                             .height = (uint32_t)ev->target->height,
                                             .style = style,
                                             .readable = true,
                                             .also_keep = all},
                    error);
    if (done && s->tile)
        done =
            vks_survey_activations(take_activation, ev, ev->gpu, ev->network, s, ev->target, error);
    for (int i = 0; done && !s->tile && i < s->encode.depth; i++)
        if (ev->model->layers[i].kind == VKS_CONV)
            done = add_tensor(ev, "target", ev->model->layers[i].name,
                              vks_plan_slice(it.plan, it.encoding.activation[i]),
                              it.encoding.shape[i], error);
    for (int i = 0; done && i < s->style_count; i++) {
        int layer = s->style_layers[i];
        size_t n = (size_t)style->padded[i] * style->padded[i];
        float *gram = malloc(n * sizeof *gram);
        vks_slice from = vks_plan_slice(it.plan, it.gram[i].buffer);
        from.bytes = n * sizeof *gram;
        vks_shape shape = it.encoding.shape[layer];
        if (!gram)
            done = vks_fail(error, VKSTYLE_NO_MEMORY, "out of memory for a Gram matrix");
        done = done && vks_download(ev->gpu, from, gram, error) &&
               add_gram(ev, "gram_style", ev->model->layers[layer].name, style->gram[i],
                        style->channels[i], style->padded[i], style->positions[i], error) &&
               add_gram(ev, "gram_target", ev->model->layers[layer].name, gram, style->channels[i],
                        style->padded[i], (double)shape.width * shape.height, error);
        free(gram);
    }
    if (done) {
        ev->losses[1] = vks_iteration_losses(&it, 0).raw_style;
        done = vks_safetensors_add(ev->writer, "loss_style", VKS_F64, 1, (int64_t[]){1},
                                   &ev->losses[1], error) &&
               add_gradient(ev, "grad_style", &it, error);
    }
    vks_iteration_free(&it);
    return done;
}

static bool evaluate_content(evaluation *ev, const vkstyle_image *image, vkstyle_error *error)
{
    vks_setting *s = &ev->setting;
    int layer = s->content_layer;
    vks_content content = {0};
    vks_iteration it = {0};
    bool done = vks_prepare_content(&content, ev->gpu, ev->network, s, image, false, error) &&
                run(ev, &it,
                    &(vks_iteration_options){.width = (uint32_t)ev->target->width,
                                             .height = (uint32_t)ev->target->height,
                                             .content = &content},
                    error);
    if (done) {
        ev->losses[0] = vks_iteration_losses(&it, 0).raw_content;
        done = add_tensor(ev, "content", ev->model->layers[layer].name,
                          (vks_slice){content.features, 0, vks_block_bytes(content.features)},
                          it.encoding.shape[layer], error) &&
               vks_safetensors_add(ev->writer, "loss_content", VKS_F64, 1, (int64_t[]){1},
                                   &ev->losses[0], error) &&
               add_gradient(ev, "grad_content", &it, error);
    }
    vks_iteration_free(&it);
    vks_content_free(&content);
    return done;
}

bool vkstyle_evaluate(vkstyle_context *context, const vkstyle_model *model,
                      const vkstyle_image *content, const vkstyle_image *style,
                      const vkstyle_image *target, const vkstyle_params *params, const char *path,
                      double losses[2], vkstyle_error *error)
{
    vkstyle_params p = *params;
    p.alpha = p.beta = 1;
    p.raw_losses = true;
    p.tv = 0;
    p.style_loss = VKSTYLE_LOSS_GRAM;
    p.padding = VKSTYLE_PAD_ZERO;
    p.layer_weights[0] = 0;
    if (!vkstyle_params_check(&p, error))
        return false;
    if (content->width != target->width || content->height != target->height)
        return vks_fail(error, VKSTYLE_USAGE,
                        "content is %dx%d and target %dx%d pixels; evaluate compares them where "
                        "they are, so they must have the same size",
                        content->width, content->height, target->width, target->height);
    evaluation ev = {.gpu = context->gpu, .model = model, .memory = p.memory};
    vkstyle_image *padded[3] = {vks_pad_small(content, error), vks_pad_small(style, error),
                                vks_pad_small(target, error)};
    const vkstyle_image *styles[1] = {padded[1]};
    vks_style measured = {0};
    bool done = false;
    ev.target = padded[2];
    bool ready =
        padded[0] && padded[1] && padded[2] &&
        vks_setting_resolve(&ev.setting, model, &p, vks_gpu_get_limits(context->gpu), error) &&
        vks_tune(&ev.setting, ev.gpu, NULL, error);
    ev.setting.tile = (uint32_t)p.tile;
    ev.setting.resident = INT_MAX; // all on the device
    if (ready && (ev.network = vks_context_network(context, model, error)) &&
        (ev.writer = vks_safetensors_writer_create(error)) &&
        vks_prepare_style(&measured, ev.gpu, ev.network, &ev.setting, styles, NULL, 1, error) &&
        evaluate_content(&ev, padded[0], error) && evaluate_style(&ev, &measured, error))
        done = vks_safetensors_write(ev.writer, path, error);
    if (done && losses)
        memcpy(losses, ev.losses, sizeof ev.losses);
    vks_style_free(&measured);
    vks_safetensors_writer_free(&ev.writer);
    for (int i = 0; i < 3; i++)
        vkstyle_image_free(&padded[i]);
    return done;
}
