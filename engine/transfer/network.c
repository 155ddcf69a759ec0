// SPDX-License-Identifier: MIT
#include "network.h"
#include "../clock.h"
#include "plan.h"
#include "../error.h"
#include "../model/half.h"
#include "push.h"
#include "weights.h"

#include <stdlib.h>
#include <string.h>

typedef struct packing {
    vks_block *weights[2][VKS_FORMS]; // [direction][form]
    uint64_t bytes[2][VKS_FORMS];
    vks_block *bias;
    uint64_t bias_bytes;
    float bias_scale;
} packing;

struct vks_network {
    vks_gpu *gpu;
    const vkstyle_model *model;
    int layer_count; // the model may be gone when the network is freed
    packing *layers;
    vks_block *direct; // what is being transformed; NULL: nothing
    const vks_watch *watch;
    double seconds;               // spent in packing
    char digest[VKS_SHA256_TEXT]; // of the model; empty: not asked for yet
};

enum { TAPS = VKS_TAPS, FREQUENCIES = VKS_FREQUENCIES, BLOCK = VKS_BLOCK };

static uint64_t round_up(uint64_t n, uint64_t to)
{
    return (n + to - 1) / to * to;
}

vks_network *vks_network_create(vks_gpu *gpu, const vkstyle_model *model, vkstyle_error *error)
{
    vks_network *network = calloc(1, sizeof *network);
    if (network)
        network->layers = calloc((size_t)model->layer_count, sizeof *network->layers);
    if (!network || !network->layers) {
        free(network);
        vks_fail(error, VKSTYLE_NO_MEMORY, "out of memory for the network's weights");
        return NULL;
    }
    network->gpu = gpu;
    network->model = model;
    network->layer_count = model->layer_count;
    return network;
}

void vks_network_free(vks_network **network)
{
    vks_network *n = *network;
    if (!n)
        return;
    for (int i = 0; i < n->layer_count; i++) {
        for (int d = 0; d < 2; d++)
            for (int f = 0; f < VKS_FORMS; f++)
                vks_block_free(&n->layers[i].weights[d][f]);
        vks_block_free(&n->layers[i].bias);
    }
    vks_block_free(&n->direct);
    free(n->layers);
    free(n);
    *network = NULL;
}

const vkstyle_model *vks_network_model(const vks_network *network)
{
    return network->model;
}

static void take_in(const vkstyle_model *m, vks_sha256 *hash)
{
    vks_sha256_update(hash, m->order, sizeof m->order);
    vks_sha256_update(hash, m->scale, sizeof m->scale);
    vks_sha256_update(hash, m->shift, sizeof m->shift);
    for (int i = 0; i < m->layer_count; i++) {
        const vks_layer *l = &m->layers[i];
        int is[3] = {l->kind == VKS_CONV, l->in, l->out};
        size_t weights = vks_layer_weight_count(l);
        vks_sha256_update(hash, is, sizeof is);
        vks_sha256_fold(hash, l->weights, l->weights ? weights * sizeof *l->weights : 0);
        vks_sha256_fold(hash, l->indices, l->indices ? weights : 0);
        vks_sha256_fold(hash, l->codebook, l->codebook ? 256 * sizeof *l->codebook : 0);
        vks_sha256_fold(hash, l->bias, l->bias ? (size_t)l->out * sizeof *l->bias : 0);
    }
}

void vks_network_digest(vks_network *network, vks_sha256 *hash)
{
    if (!network->digest[0]) {
        vks_sha256 model;
        vks_sha256_init(&model);
        take_in(network->model, &model);
        vks_sha256_final(&model, network->digest);
    }
    vks_sha256_update(hash, network->digest, sizeof network->digest);
}

void vks_network_set_watch(vks_network *network, const vks_watch *watch)
{
    network->watch = watch;
}

vks_gpu *vks_network_gpu(const vks_network *network)
{
    return network->gpu;
}

double vks_network_seconds(const vks_network *network)
{
    return network->seconds;
}

const vks_watch *vks_network_watch(const vks_network *network)
{
    return network->watch;
}

uint64_t vks_network_bytes(const vks_network *network)
{
    uint64_t sum = 0;
    for (int i = 0; i < network->layer_count; i++) {
        const packing *p = &network->layers[i];
        for (int f = 0; f < VKS_FORMS; f++)
            sum += p->bytes[0][f] + p->bytes[1][f];
        sum += p->bias_bytes;
    }
    return sum;
}

// ---------------------------------------------------------------- packing on the host

uint64_t vks_network_weight_bytes(const vkstyle_model *model, int layer, vks_direction direction,
                                  vks_form form)
{
    vks_extent e = vks_extent_of(&model->layers[layer], direction);
    if (layer == 0 && direction == VKS_BACKWARD)
        return round_up(e.k, BLOCK) * TAPS * 4 * sizeof(float);
    if (form == VKS_MATRIX)
        return round_up(e.k, BLOCK) * e.blocks * BLOCK * TAPS * sizeof(uint16_t);
    return e.k * e.blocks * BLOCK * (form == VKS_DIRECT ? TAPS : FREQUENCIES) * sizeof(float);
}

// [blocks][K / 16][9][16 outputs][16 inputs] in 16 bits, into zeros.
static void pack_matrix(const vks_layer *layer, vks_direction direction, uint16_t *to)
{
    bool forward = direction == VKS_FORWARD;
    size_t ins = (size_t)(forward ? layer->in : layer->out);
    size_t outs = (size_t)(forward ? layer->out : layer->in);
    size_t slices = round_up(ins, BLOCK) / BLOCK;
    float room[TAPS];
    for (size_t n = 0; n < outs; n++) {
        for (size_t k = 0; k < ins; k++) {
            const float *w = vks_taps_at(layer, forward ? n * ins + k : k * outs + n, room);
            for (size_t t = 0; t < TAPS; t++)
                to[((((n / BLOCK) * slices + k / BLOCK) * TAPS + t) * BLOCK + n % BLOCK) * BLOCK +
                   k % BLOCK] = vks_float_to_half(w[forward ? t : TAPS - 1 - t]);
        }
    }
}

// [3 rows of taps][K][3 taps][4 input channels], into zeros: image_gradient.comp gathers these
// products. K is rounded up to 16, so that each row begins at a multiple of 256 bytes and can be
// bound anywhere.
static void pack_image(const vks_layer *layer, float *to)
{
    size_t k_padded = round_up((uint64_t)layer->out, BLOCK);
    float room[TAPS];
    for (size_t k = 0; k < (size_t)layer->out; k++) {
        for (size_t c = 0; c < (size_t)layer->in; c++) {
            const float *w = vks_taps_at(layer, k * (size_t)layer->in + c, room);
            for (size_t t = 0; t < TAPS; t++)
                to[((t / 3 * k_padded + k) * 3 + t % 3) * 4 + c] = w[t];
        }
    }
}

// ---------------------------------------------------------------- to the device

static vks_slice whole(vks_block *block)
{
    return (vks_slice){block, 0, vks_block_bytes(block)};
}

static bool transform(vks_network *network, vks_extent e, vks_slice direct, vks_slice winograd,
                      vkstyle_error *error)
{
    const vks_gpu_limits *limits = vks_gpu_get_limits(network->gpu);
    vks_plan *plan = vks_plan_create(limits, VKS_FLOAT, error);
    if (!plan)
        return false;
    struct vks_push_weights push = {(uint32_t)e.k, (uint32_t)e.blocks};
    vks_plan_add(
        plan, &(vks_step){.kernel = VKS_KERNEL_WINOGRAD_WEIGHTS,
                          .spec = {64},
                          .spec_count = 1,
                          .uses = {{vks_plan_external(plan, "weights", direct), 0, 0},
                                   {vks_plan_external(plan, "winograd weights", winograd), 0, 0}},
                          .use_count = 2,
                          .push = &push,
                          .push_bytes = sizeof push,
                          .groups = {(uint32_t)((e.k * 4 + 63) / 64), (uint32_t)e.blocks},
                          .label = "weight transform"});
    bool done = vks_plan_realise(plan, network->gpu, false, error) && vks_plan_run(plan, error);
    vks_plan_free(&plan);
    return done;
}

// As the kernel takes them, or as the transform to Winograd's domain does.
static bool make_packed(vks_network *network, int number, vks_direction direction, bool matrix,
                        vks_block **to, vkstyle_error *error)
{
    const vks_layer *layer = &network->model->layers[number];
    bool image = number == 0 && direction == VKS_BACKWARD;
    uint64_t bytes = vks_network_weight_bytes(network->model, number, direction,
                                              matrix ? VKS_MATRIX : VKS_DIRECT);
    void *packed = calloc(1, bytes);
    if (!packed)
        return vks_fail(error, VKSTYLE_NO_MEMORY, "out of memory for the weights of %s",
                        layer->name);
    if (image)
        pack_image(layer, packed);
    else if (matrix)
        pack_matrix(layer, direction, packed);
    else
        vks_pack_direct(layer, direction, packed);
    *to = vks_block_create(network->gpu, bytes, VKS_MEMORY_DEVICE, "weights", error);
    bool done = *to && vks_upload(network->gpu, whole(*to), packed, error);
    free(packed);
    if (!done)
        vks_block_free(to);
    return done;
}

// Room for weights about to be transformed, in memory that the device reads: kept from layer to
// layer, because fresh memory has to be cleared by the system.
static bool make_room(vks_network *network, uint64_t bytes, vkstyle_error *error)
{
    if (network->direct && vks_block_bytes(network->direct) >= bytes)
        return true;
    vks_block_free(&network->direct);
    network->direct = vks_block_create(network->gpu, bytes, VKS_MEMORY_READBACK, "weights", error);
    return network->direct != NULL;
}

void vks_network_settle(vks_network *network)
{
    vks_block_free(&network->direct);
}

// Software Vulkan's memory is the host's, and the kernel takes longer there than plain code: its 36
// stores go lane by lane.
static bool make_on_host(vks_network *network, int number, vks_direction direction, vks_form form,
                         vks_block **to, vkstyle_error *error)
{
    const vkstyle_model *model = network->model;
    *to = vks_block_create(network->gpu, vks_network_weight_bytes(model, number, direction, form),
                           VKS_MEMORY_READBACK, "winograd weights", error);
    if (*to)
        vks_pack_winograd(&model->layers[number], direction, form == VKS_WIDE, vks_block_map(*to));
    return *to != NULL;
}

// Packed straight to memory that the device reads, and transformed there.
static bool make_winograd(vks_network *network, int number, vks_direction direction, vks_block **to,
                          vkstyle_error *error)
{
    const vkstyle_model *model = network->model;
    const vks_layer *layer = &model->layers[number];
    uint64_t bytes = vks_network_weight_bytes(model, number, direction, VKS_DIRECT);
    if (vks_gpu_get_limits(network->gpu)->software)
        return make_on_host(network, number, direction, VKS_WINOGRAD, to, error);
    if (!make_room(network, bytes, error))
        return false;
    vks_pack_direct(layer, direction, vks_block_map(network->direct));
    *to = vks_block_create(network->gpu,
                           vks_network_weight_bytes(model, number, direction, VKS_WINOGRAD),
                           VKS_MEMORY_DEVICE, "winograd weights", error);
    if (*to && transform(network, vks_extent_of(layer, direction),
                         (vks_slice){network->direct, 0, bytes}, whole(*to), error))
        return true;
    vks_block_free(to);
    return false;
}

static bool make_weights(vks_network *network, int number, vks_direction direction, vks_form form,
                         vkstyle_error *error)
{
    const vks_watch *watch = network->watch;
    vks_block **to = &network->layers[number].weights[direction][form];
    if (watch && watch->tick && watch->tick(0, watch->user) != VKSTYLE_CONTINUE)
        return vks_fail(error, VKSTYLE_INTERRUPTED, "interrupted");
    bool image = number == 0 && direction == VKS_BACKWARD; // which has a form of its own
    if (form == VKS_WINOGRAD && !image)
        return make_winograd(network, number, direction, to, error);
    if (form == VKS_WIDE)
        return make_on_host(network, number, direction, form, to, error);
    return make_packed(network, number, direction, form == VKS_MATRIX && !image, to, error);
}

bool vks_network_weights(vks_network *network, int layer, vks_direction direction, vks_form form,
                         vks_slice *weights, vkstyle_error *error)
{
    packing *p = &network->layers[layer];
    vks_block **block = &p->weights[direction][form];
    p->bytes[direction][form] = vks_network_weight_bytes(network->model, layer, direction, form);
    *weights = (vks_slice){NULL, 0, p->bytes[direction][form]};
    if (!network->gpu)
        return true;
    double start = vks_seconds();
    if (!*block && !make_weights(network, layer, direction, form, error))
        return false;
    network->seconds += vks_seconds() - start;
    weights->block = *block;
    return true;
}

bool vks_network_bias(vks_network *network, int number, float scale, vks_slice *bias,
                      vkstyle_error *error)
{
    packing *p = &network->layers[number];
    const vks_layer *layer = &network->model->layers[number];
    uint64_t count = round_up((uint64_t)layer->out, BLOCK);
    p->bias_bytes = count * sizeof(float);
    *bias = (vks_slice){NULL, 0, p->bias_bytes};
    if (!network->gpu)
        return true;
    if (!p->bias || p->bias_scale != scale) {
        float *values = calloc(count, sizeof *values);
        if (!values)
            return vks_fail(error, VKSTYLE_NO_MEMORY, "out of memory for the bias of %s",
                            layer->name);
        for (int i = 0; i < layer->out; i++)
            values[i] = layer->bias[i] * scale;
        if (!p->bias)
            p->bias = vks_block_create(network->gpu, count * sizeof *values, VKS_MEMORY_DEVICE,
                                       "bias", error);
        bool done = p->bias && vks_upload(network->gpu, whole(p->bias), values, error);
        free(values);
        if (!done)
            return false;
        p->bias_scale = scale;
    }
    bias->block = p->bias;
    return true;
}
