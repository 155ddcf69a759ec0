// SPDX-License-Identifier: MIT
#include "prepare.h"
#include "aim.h"
#include "gram_store.h"
#include "moments.h"
#include "survey.h"
#include "../error.h"
#include "../model/half.h"

#include <stdlib.h>
#include <string.h>

// ---------------------------------------------------------------- pictures and tensors

bool vks_upload_image(vks_gpu *gpu, vks_slice to, const vkstyle_image *image, vkstyle_error *error)
{
    size_t n = (size_t)image->width * (size_t)image->height;
    float *texels = malloc(n * 4 * sizeof *texels);
    if (!texels)
        return vks_fail(error, VKSTYLE_NO_MEMORY, "out of memory for a picture of %dx%d pixels",
                        image->width, image->height);
    for (size_t i = 0; i < n; i++) {
        for (size_t c = 0; c < 3; c++)
            texels[i * 4 + c] = image->rgb[c * n + i];
        texels[i * 4 + 3] = 0;
    }
    bool done = vks_upload(gpu, (vks_slice){to.block, to.offset, n * 16}, texels, error);
    free(texels);
    return done;
}

bool vks_download_image(vks_gpu *gpu, vks_slice from, vkstyle_image *image, vkstyle_error *error)
{
    size_t n = (size_t)image->width * (size_t)image->height;
    float *texels = malloc(n * 4 * sizeof *texels);
    if (!texels)
        return vks_fail(error, VKSTYLE_NO_MEMORY, "out of memory for a picture of %dx%d pixels",
                        image->width, image->height);
    bool done = vks_download(gpu, (vks_slice){from.block, from.offset, n * 16}, texels, error);
    for (size_t i = 0; done && i < n; i++)
        for (size_t c = 0; c < 3; c++)
            image->rgb[c * n + i] = texels[i * 4 + c];
    free(texels);
    return done;
}

float *vks_download_tensor(vks_gpu *gpu, vks_slice from, vks_shape s, const vks_setting *setting,
                           vkstyle_error *error)
{
    bool half = setting->storage == VKS_HALF;
    size_t texels = (size_t)s.quads * s.plane, size = half ? 8 : 16;
    void *packed = malloc(texels * size);
    float *plain = malloc((size_t)s.channels * s.width * s.height * sizeof *plain);
    if (!packed || !plain) {
        vks_fail(error, VKSTYLE_NO_MEMORY, "out of memory for a tensor of %ux%ux%u values",
                 s.channels, s.height, s.width);
        goto fail;
    }
    if (!vks_download(gpu, (vks_slice){from.block, from.offset, texels * size}, packed, error))
        goto fail;
    for (uint32_t c = 0; c < s.channels; c++) {
        for (uint32_t y = 0; y < s.height; y++) {
            for (uint32_t x = 0; x < s.width; x++) {
                size_t i = (((size_t)(c / 4) * s.plane) + (size_t)y * s.pitch + x) * 4 + c % 4;
                plain[((size_t)c * s.height + y) * s.width + x] =
                    (half ? vks_half_to_float(((uint16_t *)packed)[i]) : ((float *)packed)[i]) /
                    setting->encode.scale;
            }
        }
    }
    free(packed);
    return plain;
fail:
    free(packed);
    free(plain);
    return NULL;
}

// ---------------------------------------------------------------- forward passes

static int deepest(const int *layers, int count)
{
    int top = 0;
    for (int i = 0; i < count; i++)
        top = layers[i] > top ? layers[i] : top;
    return top;
}

static vks_rect all_of(vks_shape shape)
{
    return (vks_rect){0, 0, shape.width, shape.height};
}

// A plan with the forward pass over an image, its activations kept for the given layers only.
static vks_plan *forward_plan(vks_encoding *encoding, vks_gpu *gpu, vks_network *network,
                              const vks_setting *setting, const int *layers, int count,
                              const vkstyle_image *image, vkstyle_error *error)
{
    vks_encode_options options = setting->encode;
    options.backward = true; // masks that nobody reads, but the iteration's own pipelines
    options.depth = deepest(layers, count) + 1;
    memset(options.keep, 0, sizeof options.keep);
    for (int i = 0; i < count; i++)
        options.keep[layers[i]] = true;
    vks_plan *plan = vks_plan_create(vks_gpu_get_limits(gpu), setting->storage, error);
    if (!plan)
        return NULL;
    uint32_t width = (uint32_t)image->width, height = (uint32_t)image->height;
    int texels = vks_plan_buffer(plan, "picture", 16ull * width * height, VKS_KEPT);
    if (!vks_encode_forward(encoding, plan, network, &options, texels, width, height, error))
        vks_plan_free(&plan);
    return plan;
}

static bool run(vks_plan *plan, vks_gpu *gpu, const vks_encoding *encoding,
                const vkstyle_image *image, vkstyle_error *error)
{
    return vks_plan_realise(plan, gpu, false, error) &&
           vks_upload_image(gpu, vks_plan_slice(plan, encoding->image), image, error) &&
           vks_run_plan(gpu, plan, vks_network_watch(encoding->network), error);
}

// ---------------------------------------------------------------- style

void vks_style_free(vks_style *style)
{
    for (int i = 0; i < style->count; i++) {
        free(style->gram[i]);
        free(style->moments[i]);
    }
    memset(style, 0, sizeof *style);
}

// One image's Gram matrices, added with their weight and freed.
static void blend(vks_style *style, double weight, float *const *grams, float *const *means)
{
    for (int i = 0; i < style->count; i++) {
        size_t n = style->padded[i];
        for (size_t k = 0; k < n * n; k++)
            style->gram[i][k] += (float)weight * grams[i][k];
        for (size_t c = 0; style->moments[i] && c < n; c++)
            style->moments[i][c] += (float)weight * means[i][c];
        free(grams[i]);
        free(means[i]);
    }
}

static bool add_style_tiled(vks_style *style, vks_gpu *gpu, vks_network *network,
                            const vks_setting *setting, const vkstyle_image *image, double weight,
                            vkstyle_error *error)
{
    float *grams[VKSTYLE_MAX_LAYERS], *means[VKSTYLE_MAX_LAYERS];
    if (!vks_survey_grams(grams, means, style->positions, gpu, network, setting, image, error))
        return false;
    blend(style, weight, grams, means);
    return true;
}

// A pass over a style image, and where its results are: Gram matrices, then sums of features where
// the loss asks for means (-1: none).
typedef struct style_pass {
    vks_plan *plan;
    vks_encoding encoding;
    int from[2 * VKSTYLE_MAX_LAYERS];
    size_t sizes[2 * VKSTYLE_MAX_LAYERS]; // values of each; 0: none
} style_pass;

// network: a dry one makes a plan that can be looked at only.
static bool plan_style(style_pass *pass, vks_style *style, vks_gpu *gpu, vks_network *network,
                       const vks_setting *setting, const vkstyle_image *image, vkstyle_error *error)
{
    int count = style->count;
    pass->plan = forward_plan(&pass->encoding, gpu, network, setting, setting->style_layers, count,
                              image, error);
    for (int i = 0; pass->plan && i < count; i++) {
        int layer = setting->style_layers[i];
        vks_shape shape = pass->encoding.shape[layer];
        vks_gram gram = vks_add_gram(&pass->encoding, layer, all_of(shape));
        vks_finish_gram(&pass->encoding, &gram);
        pass->from[i] = gram.buffer;
        pass->from[count + i] = -1;
        if (style->moments[i]) {
            int sums = vks_plan_buffer(pass->plan, "channel sums", style->padded[i] * 4, VKS_KEPT);
            vks_add_channel_sums(&pass->encoding, layer, all_of(shape), -1, sums, false);
            pass->from[count + i] = sums;
        }
        style->positions[i] = (double)shape.width * shape.height;
        pass->sizes[i] = (size_t)style->padded[i] * style->padded[i];
        pass->sizes[count + i] = style->moments[i] ? style->padded[i] : 0;
    }
    return pass->plan != NULL;
}

// Of the pass and what goes into it. The pass is that of a job of this size alone: a larger goal
// chooses other products of the same bits (convolution.c), and shall not be a reason to repeat it.
static bool gram_key(char key[VKS_SHA256_TEXT], vks_style *style, vks_gpu *gpu,
                     vks_network *network, const vks_setting *setting, const vkstyle_image *image,
                     vkstyle_error *error)
{
    vks_sha256 hash;
    size_t values = 3 * (size_t)image->width * (size_t)image->height;
    const char *device = vks_gpu_key(gpu);
    static const char host[] = "1"; // counts up with what the host does to weights and pictures
    style_pass pass = {0};
    vks_setting alone = *setting;
    alone.encode.goal = 0;
    vks_network *dry = vks_network_create(NULL, vks_network_model(network), error);
    bool done = dry && plan_style(&pass, style, gpu, dry, &alone, image, error);
    if (done) {
        vks_sha256_init(&hash);
        vks_sha256_update(&hash, host, sizeof host);
        vks_sha256_update(&hash, device, strlen(device) + 1);
        vks_kernels_digest(&hash);
        vks_network_digest(network, &hash);
        vks_plan_digest(pass.plan, &hash);
        vks_sha256_update(&hash, &image->width, sizeof image->width);
        vks_sha256_update(&hash, &image->height, sizeof image->height);
        vks_sha256_fold(&hash, image->rgb, values * sizeof *image->rgb);
        vks_sha256_final(&hash, key);
    }
    vks_plan_free(&pass.plan);
    vks_network_free(&dry);
    return done;
}

// On the device, or from an earlier run: the same bits.
static bool add_style(vks_style *style, vks_gpu *gpu, vks_network *network,
                      const vks_setting *setting, const vkstyle_image *image, double weight,
                      vkstyle_error *error)
{
    if (setting->tile)
        return add_style_tiled(style, gpu, network, setting, image, weight, error);
    style_pass pass;
    if (!plan_style(&pass, style, gpu, network, setting, image, error))
        return false;
    int count = style->count, all = 2 * count;
    float *values[2 * VKSTYLE_MAX_LAYERS] = {NULL};
    char key[VKS_SHA256_TEXT];
    bool done = true;
    for (int i = 0; done && i < all; i++)
        if (pass.sizes[i] && !(values[i] = malloc(pass.sizes[i] * sizeof *values[i])))
            done = vks_fail(error, VKSTYLE_NO_MEMORY, "out of memory for a Gram matrix");
    bool kept = vks_grams_are_kept();
    done = done && (!kept || gram_key(key, style, gpu, network, setting, image, error));
    if (done && !(kept && vks_grams_find(key, values, pass.sizes, all))) {
        done = run(pass.plan, gpu, &pass.encoding, image, error);
        for (int i = 0; done && i < all; i++) {
            if (!pass.sizes[i])
                continue;
            vks_slice slice = vks_plan_slice(pass.plan, pass.from[i]);
            slice.bytes = pass.sizes[i] * sizeof *values[i];
            done = vks_download(gpu, slice, values[i], error);
        }
        if (done && kept)
            vks_grams_keep(key, values, pass.sizes, all);
    }
    for (int i = 0; done && i < count; i++)
        for (size_t c = 0; c < pass.sizes[count + i]; c++)
            values[count + i][c] /= (float)(style->positions[i] * setting->encode.scale);
    if (done)
        blend(style, weight, values, values + count);
    for (int i = 0; !done && i < all; i++)
        free(values[i]);
    vks_plan_free(&pass.plan);
    return done;
}

bool vks_prepare_style(vks_style *style, vks_gpu *gpu, vks_network *network,
                       const vks_setting *setting, const vkstyle_image *const *images,
                       const double *weights, int count, vkstyle_error *error)
{
    const vkstyle_model *model = vks_network_model(network);
    *style = (vks_style){.count = setting->style_count};
    double total = 0;
    for (int i = 0; i < count; i++)
        total += weights ? weights[i] : 1;
    if (!(total > 0))
        return vks_fail(error, VKSTYLE_USAGE, "--style-weights: at least one must be positive");
    for (int i = 0; i < style->count; i++) {
        style->channels[i] = (uint32_t)model->layers[setting->style_layers[i]].out;
        style->padded[i] = vks_gram_padded(style->channels[i]);
        style->gram[i] = calloc((size_t)style->padded[i] * style->padded[i], sizeof(float));
        size_t more = vks_aim_floats(setting->style_loss, style->padded[i]);
        if (more)
            style->moments[i] = calloc(more, sizeof(float));
        if (!style->gram[i] || (more && !style->moments[i]))
            return vks_fail(error, VKSTYLE_NO_MEMORY, "out of memory for a Gram matrix");
    }
    for (int i = 0; i < count; i++)
        if (!add_style(style, gpu, network, setting, images[i], (weights ? weights[i] : 1) / total,
                       error))
            return false;
    for (int i = 0; i < style->count; i++) {
        size_t n = style->padded[i];
        for (size_t k = 0; k < n * n; k++)
            style->square[i] += (double)style->gram[i][k] * style->gram[i][k];
        for (size_t k = 0; k < n; k++)
            style->trace[i] += style->gram[i][k * n + k];
        if (!(style->square[i] < 1e300))
            return vks_fail(
                error, VKSTYLE_FAILED,
                "the style image's Gram matrix at %s is not finite; the device computes "
                "wrongly: try --precision fp32 or another --device",
                model->layers[setting->style_layers[i]].name);
    }
    return vks_aim_style(style, setting->style_loss, error);
}

// ---------------------------------------------------------------- content

void vks_content_free(vks_content *content)
{
    vks_block_free(&content->features);
    vks_block_free(&content->picture);
    content->square = 0;
}

// The block for features of a picture of that size.
static bool room_for_content(vks_content *content, vks_gpu *gpu, uint64_t bytes,
                             vkstyle_error *error)
{
    if (!content->features)
        content->features =
            vks_block_create(gpu, bytes, VKS_MEMORY_DEVICE, "content features", error);
    return content->features != NULL;
}

bool vks_keep_content(vks_content *content, vks_gpu *gpu, const vks_setting *setting,
                      vks_slice from, vks_shape shape, vkstyle_error *error)
{
    vks_plan *plan = vks_plan_create(vks_gpu_get_limits(gpu), setting->storage, error);
    if (!plan)
        return false;
    uint64_t bytes = vks_tensor_bytes(plan, shape);
    float *values = NULL;
    from.bytes = bytes;
    bool done = room_for_content(content, gpu, bytes, error);
    if (done) {
        vks_slice to = {content->features, 0, bytes};
        vks_plan_copy(plan, (vks_use){vks_plan_external(plan, "activations", from), 0, bytes},
                      (vks_use){vks_plan_external(plan, "content features", to), 0, bytes});
        done = vks_plan_realise(plan, gpu, false, error) && vks_plan_run(plan, error) &&
               (values = vks_download_tensor(gpu, to, shape, setting, error));
    }
    content->square = 0;
    for (size_t i = 0; done && i < (size_t)shape.channels * shape.width * shape.height; i++)
        content->square += (double)values[i] * values[i];
    content->to_come = !done;
    free(values);
    vks_plan_free(&plan);
    return done;
}

static bool expect_content(vks_content *content, vks_gpu *gpu, vks_network *network,
                           const vks_setting *setting, const vkstyle_image *image,
                           vkstyle_error *error)
{
    vks_encoding shapes;
    vks_plan *plan = vks_plan_create(vks_gpu_get_limits(gpu), setting->storage, error);
    *content = (vks_content){.to_come = true};
    bool done =
        plan &&
        vks_encode_shapes(&shapes, plan, network, &setting->encode, -1, (uint32_t)image->width,
                          (uint32_t)image->height, error) &&
        room_for_content(content, gpu, vks_tensor_bytes(plan, shapes.shape[setting->content_layer]),
                         error);
    vks_plan_free(&plan);
    return done;
}

bool vks_prepare_content(vks_content *content, vks_gpu *gpu, vks_network *network,
                         const vks_setting *setting, const vkstyle_image *image, bool start,
                         vkstyle_error *error)
{
    vks_encoding encoding;
    int layer = setting->content_layer;
    *content = (vks_content){0};
    if (setting->tile)
        return vks_survey_content(content, gpu, network, setting, image, error);
    if (start && setting->storage == VKS_FLOAT)
        return expect_content(content, gpu, network, setting, image, error);
    vks_plan *plan = forward_plan(&encoding, gpu, network, setting, &layer, 1, image, error);
    if (!plan)
        return false;
    // The layer is the pass' last: nothing has been written over it.
    bool done =
        run(plan, gpu, &encoding, image, error) &&
        vks_keep_content(content, gpu, setting, vks_plan_slice(plan, encoding.activation[layer]),
                         encoding.shape[layer], error);
    vks_plan_free(&plan);
    if (!done)
        vks_content_free(content);
    return done;
}
