// SPDX-License-Identifier: MIT
#include "context.h"
#include "../clock.h"
#include "../error.h"

#include <stdlib.h>

vkstyle_context *vkstyle_open(const char *device, vkstyle_error *error)
{
    vkstyle_context *context = calloc(1, sizeof *context);
    if (!context) {
        vks_fail(error, VKSTYLE_NO_MEMORY, "out of memory for a device");
        return NULL;
    }
    double start = vks_seconds();
    context->gpu = vks_gpu_open(device, error);
    if (!context->gpu || !vks_selftest(context->gpu, error))
        vkstyle_close(&context);
    if (context)
        context->open_seconds = vks_seconds() - start;
    return context;
}

void vkstyle_close(vkstyle_context **context)
{
    vkstyle_context *c = *context;
    if (!c)
        return;
    vks_style_cache_clear(&c->styles);
    vks_network_free(&c->network);
    vks_gpu_close(&c->gpu);
    free(c);
    *context = NULL;
}

void vkstyle_context_device(const vkstyle_context *context, vkstyle_device *device)
{
    vks_gpu_describe(context->gpu, device);
}

vks_network *vks_context_network(vkstyle_context *context, const vkstyle_model *model,
                                 vkstyle_error *error)
{
    if (context->network && context->model_serial == model->serial)
        return context->network;
    vks_network_free(&context->network);
    context->model_serial = model->serial;
    context->network = vks_network_create(context->gpu, model, error);
    return context->network;
}
