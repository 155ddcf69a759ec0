// SPDX-License-Identifier: MIT
#include "context.h"
#include "iteration.h"
#include "kernel_choice.h"
#include "../error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// Two convolutions, 3 -> 16 -> 16 channels, over a picture whose sides no tile divides. Loss: half
// the sum of squares of the second layer, and its style loss against nothing at all. Large enough
// to use every kernel of the encoder's chain and of Gram matrices.
enum { WIDTH = 21, HEIGHT = 18, CHANNELS = 16, PIXELS = WIDTH * HEIGHT };

// A small generator: the test must not depend on the C library's.
static float noise(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (float)(*seed >> 8) / 16777216.0f - 0.5f;
}

static bool make_model(vkstyle_model *model, vks_layer layers[2])
{
    uint32_t seed = 7;
    memset(model, 0, sizeof *model);
    strcpy(model->name, "self-test");
    for (int c = 0; c < 3; c++) {
        model->order[c] = 2 - c;
        model->scale[c] = 2;
        model->shift[c] = -1;
    }
    model->layer_count = 2;
    model->layers = layers;
    memset(layers, 0, 2 * sizeof *layers);
    for (int i = 0; i < 2; i++) {
        vks_layer *l = &layers[i];
        strcpy(l->name, i ? "conv1_2" : "conv1_1");
        l->in = i ? CHANNELS : 3;
        l->out = CHANNELS;
        size_t count = (size_t)l->in * CHANNELS * 9;
        l->weights = malloc(count * sizeof *l->weights);
        l->bias = malloc(CHANNELS * sizeof *l->bias);
        if (!l->weights || !l->bias)
            return false;
        for (size_t k = 0; k < count; k++)
            l->weights[k] = noise(&seed) * (i ? 0.3f : 0.7f);
        for (int k = 0; k < CHANNELS; k++)
            l->bias[k] = noise(&seed);
    }
    return true;
}

static const double *tap(const double *plane, int y, int x)
{
    static const double zero = 0;
    return y < 0 || y >= HEIGHT || x < 0 || x >= WIDTH ? &zero : &plane[y * WIDTH + x];
}

static void forward(const vks_layer *l, const double *in, double *out)
{
    for (int n = 0; n < l->out; n++) {
        for (int p = 0; p < PIXELS; p++) {
            double sum = l->bias[n];
            for (int k = 0; k < l->in; k++)
                for (int t = 0; t < 9; t++)
                    sum += l->weights[(n * l->in + k) * 9 + t] *
                           *tap(in + k * PIXELS, p / WIDTH + t / 3 - 1, p % WIDTH + t % 3 - 1);
            out[n * PIXELS + p] = sum > 0 ? sum : 0;
        }
    }
}

// gradient_in = W^T gradient_out, where gradient_out has passed its ReLU.
static void backward(const vks_layer *l, const double *gradient_out, double *gradient_in)
{
    for (int k = 0; k < l->in; k++) {
        for (int p = 0; p < PIXELS; p++) {
            double sum = 0;
            for (int n = 0; n < l->out; n++)
                for (int t = 0; t < 9; t++)
                    sum += l->weights[(n * l->in + k) * 9 + t] * *tap(gradient_out + n * PIXELS,
                                                                      p / WIDTH - t / 3 + 1,
                                                                      p % WIDTH - t % 3 + 1);
            gradient_in[k * PIXELS + p] = sum;
        }
    }
}

// What the picture's gradient and the losses should be.
typedef struct answer {
    double beta; // puts the style loss' gradient at the second layer at most at the content's size
    double square;    // of the second layer's values
    double *room;     // 3 * CHANNELS * PIXELS doubles
    double *gradient; // CHANNELS * PIXELS doubles, the first three planes of which count
} answer;

// F + G F / |G| in place of F, G = F F^T: the gradient of both losses with beta = N^2 M^2 / |G|.
static void join_losses(answer *a, const double *f, double *joined)
{
    double gram[CHANNELS][CHANNELS], norm = 0;
    a->square = 0;
    for (int i = 0; i < CHANNELS; i++)
        for (int j = 0; j < CHANNELS; j++) {
            gram[i][j] = 0;
            for (int p = 0; p < PIXELS; p++)
                gram[i][j] += f[i * PIXELS + p] * f[j * PIXELS + p];
            norm += gram[i][j] * gram[i][j];
        }
    norm = sqrt(norm);
    for (int i = 0; i < CHANNELS; i++) {
        a->square += gram[i][i];
        for (int p = 0; p < PIXELS; p++) {
            double sum = f[i * PIXELS + p];
            for (int j = 0; j < CHANNELS; j++)
                sum += gram[i][j] / norm * f[j * PIXELS + p];
            joined[i * PIXELS + p] = f[i * PIXELS + p] > 0 ? sum : 0;
        }
    }
    a->beta = (double)CHANNELS * CHANNELS * PIXELS * PIXELS / norm;
}

static void reference(const vkstyle_model *model, const vkstyle_image *image, answer *a)
{
    double *x = a->gradient, *first = a->room, *second = a->room + CHANNELS * PIXELS;
    double *back = a->room + 2 * CHANNELS * PIXELS;
    for (int c = 0; c < 3; c++)
        for (int p = 0; p < PIXELS; p++)
            x[c * PIXELS + p] =
                image->rgb[model->order[c] * PIXELS + p] * model->scale[c] + model->shift[c];
    forward(&model->layers[0], x, first);
    forward(&model->layers[1], first, second);
    join_losses(a, second, a->gradient);
    backward(&model->layers[1], a->gradient, back);
    for (int i = 0; i < CHANNELS * PIXELS; i++)
        back[i] = first[i] > 0 ? back[i] : 0;
    backward(&model->layers[0], back, second);
    for (int c = 0; c < 3; c++)
        for (int p = 0; p < PIXELS; p++)
            a->gradient[model->order[c] * PIXELS + p] = second[c * PIXELS + p] * model->scale[c];
}

static bool on_device(vks_gpu *gpu, const vkstyle_model *model, vkstyle_kernels kernels,
                      vks_storage storage, const vkstyle_image *image, const answer *right,
                      vkstyle_image *gradient, vkstyle_error *error)
{
    enum { PADDED = 64 };
    static float nothing[PADDED * PADDED];
    vks_setting setting = {.content_layer = 1,
                           .style_layers = {1},
                           .style_count = 1,
                           .layer_weights = {1},
                           .alpha = 1,
                           .beta = right->beta,
                           .raw = true,
                           .storage = storage,
                           .encode = {.kernels = kernels,
                                      .padding = VKSTYLE_PAD_ZERO,
                                      .scale = 1,
                                      .gradient = 1,
                                      .depth = 2,
                                      .keep = {[1] = true}}};
    uint64_t bytes = 16ull * vks_shape_of(WIDTH, HEIGHT, CHANNELS).plane * CHANNELS / 4;
    vks_style style = {.count = 1,
                       .channels = {CHANNELS},
                       .padded = {PADDED},
                       .gram = {nothing},
                       .positions = {1}};
    vks_content content = {.square = right->square};
    vks_network *network = vks_network_create(gpu, model, error);
    vks_iteration it = {0};
    bool done = false;
    if (!network)
        return false;
    content.features = vks_block_create(gpu, bytes, VKS_MEMORY_DEVICE, "self-test", error);
    if (content.features && vks_clear(gpu, (vks_slice){content.features, 0, bytes}, error) &&
        vks_iteration_build(
            &it, vks_gpu_get_limits(gpu), network, &setting,
            &(vks_iteration_options){
                .width = WIDTH, .height = HEIGHT, .style = &style, .content = &content},
            error) &&
        vks_iteration_realise(&it, gpu, &style, false, error) &&
        vks_upload_image(gpu, vks_plan_slice(it.plan, it.target), image, error) &&
        vks_plan_run(it.plan, error))
        done = vks_download_image(gpu, vks_plan_slice(it.plan, it.gradient), gradient, error);
    vks_iteration_free(&it);
    vks_content_free(&content);
    vks_network_free(&network);
    return done;
}

static double off_by(const vkstyle_image *gradient, const answer *right)
{
    double off = 0, size = 0;
    for (int i = 0; i < 3 * PIXELS; i++) {
        off += pow(gradient->rgb[i] - right->gradient[i], 2);
        size += right->gradient[i] * right->gradient[i];
    }
    return sqrt(off / size);
}

bool vks_selftest(vks_gpu *gpu, vkstyle_error *error)
{
    vkstyle_model model;
    vks_layer layers[2] = {0};
    vkstyle_image *image = vkstyle_image_create(WIDTH, HEIGHT, false, error);
    vkstyle_image *gradient = vkstyle_image_create(WIDTH, HEIGHT, false, error);
    answer right = {.room = malloc(3 * CHANNELS * PIXELS * sizeof *right.room),
                    .gradient = malloc(CHANNELS * PIXELS * sizeof *right.gradient)};
    const vks_gpu_limits *limits = vks_gpu_get_limits(gpu);
    vkstyle_kernels plain = limits->software ? VKSTYLE_KERNELS_WINOGRAD : VKSTYLE_KERNELS_TILED;
    vkstyle_error ignored;
    double off;
    bool done = false;
    if (!image || !gradient)
        goto end;
    if (!make_model(&model, layers) || !right.room || !right.gradient) {
        vks_fail(error, VKSTYLE_NO_MEMORY, "out of memory for the self-test");
        goto end;
    }
    uint32_t seed = 3;
    for (int i = 0; i < 3 * PIXELS; i++)
        image->rgb[i] = noise(&seed) + 0.5f;
    reference(&model, image, &right);
    if (!on_device(gpu, &model, plain, VKS_FLOAT, image, &right, gradient, error))
        goto end;
    off = off_by(gradient, &right);
    done = off < 1e-3; // Winograd in float32: 1e-6 here; a wrong kernel: about 1
    if (!done) {
        vkstyle_device device;
        vks_gpu_describe(gpu, &device);
        vks_fail(error, VKSTYLE_NO_DEVICE,
                 "%s (%s) failed the self-test: a small convolution is off by %.1e; update the "
                 "driver, or choose another --device",
                 device.name, device.driver, off);
    }
    // Matrix units are only taken where they give the same, but for half precision: 5e-4 here.
    if (done && limits->matrix[0] && !limits->software &&
        (!on_device(gpu, &model, VKSTYLE_KERNELS_COOPMAT, VKS_HALF, image, &right, gradient,
                    &ignored) ||
         !(off_by(gradient, &right) < 1e-2)))
        vks_gpu_forgo_matrices(gpu);
end:
    for (int i = 0; i < 2; i++) {
        free(layers[i].weights);
        free(layers[i].bias);
    }
    free(right.room);
    free(right.gradient);
    vkstyle_image_free(&image);
    vkstyle_image_free(&gradient);
    return done;
}
