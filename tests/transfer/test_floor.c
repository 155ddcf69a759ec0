// SPDX-License-Identifier: MIT
//
// The least device that is accepted, simulated: few invocations, little shared memory, small
// bindings. The numbers stay those of the reference, and what a plan asks for stays within the
// floor also for VGG-19 at sizes that no test could run.
#include "guards.h"
#include "iteration_rig.h"

#include "push.h"
#include "state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The floor: Vulkan 1.2's own least values, but for storage buffers.
#define FLOOR "invocations=128,shared_bytes=16384,push_bytes=128,subgroup=0,groups=65535"
enum { INVOCATIONS = 128, SHARED_BYTES = 16384, PUSH_BYTES = 128, GROUPS = 65535 };
static const uint64_t STORAGE_RANGE = 128u << 20;

// ---------------------------------------------------------------- what plans ask for

// Shared memory of one workgroup as the kernel declares it. No default: a new kernel has to be
// looked at (and the compiler says so).
static uint32_t shared_bytes(const vks_step *s)
{
    const uint32_t h = s->spec[1], basis = 2 * h + 1;
    switch (s->kernel) {
    case VKS_KERNEL_GEMM:
    case VKS_KERNEL_GEMM_WIDE:
    case VKS_KERNEL_GEMM_TENSOR:
        return s->spec[1] * s->spec[2] * 16; // vec4 w[CHUNK * OC]
    case VKS_KERNEL_GEMM_TILED:
    case VKS_KERNEL_GEMM_TILED_TENSOR:
        return 2 * (s->spec[3] * 4 * s->spec[1] + s->spec[3] * s->spec[2]) * 16; // w and v, twice
    case VKS_KERNEL_GRAM_TILED:
        return 2 * s->spec[1] * 17 * 16;
    case VKS_KERNEL_CONV_COOP_FORWARD:
    case VKS_KERNEL_CONV_COOP_BACKWARD: { // patch and twice the weights, or the stages
        uint32_t outputs = 16 * s->spec[4] * s->spec[6], tall = s->spec[5] * (4 / s->spec[6]);
        uint32_t pieces = 18 * (tall + 2) * 3 + 2 * outputs * 7;
        return 16 * (pieces > 1024 ? pieces : 1024);
    }
    case VKS_KERNEL_GRAM_COOP:
        return 2 * 64 * 9 * 16; // rows and columns
    case VKS_KERNEL_GEMM_COOP:
        return (128 + 64) * 9 * 16 + s->spec[0] * 4; // pixels, difference, and the norm
    case VKS_KERNEL_CONV:
        return s->spec[1] * 4 * 9 * 4 * 16; // vec4 w[QUADS * 4 * 9 * 4]
    case VKS_KERNEL_GRAM:
        return s->spec[1] * 16 * 16; // vec4 w[QUADS * 16]
    case VKS_KERNEL_IMAGE_GRADIENT:
    case VKS_KERNEL_STYLE_LOSS:
    case VKS_KERNEL_CONTENT_LOSS:
    case VKS_KERNEL_SUM:
    case VKS_KERNEL_MOMENTS_LOSS:
    case VKS_KERNEL_WASSERSTEIN_LOSS:
    case VKS_KERNEL_TRACE:
        return s->spec[0] * 4; // float [WIDTH]
    case VKS_KERNEL_CHANNEL_SUMS:
        return s->spec[0] * 16; // vec4 [WIDTH]
    case VKS_KERNEL_LBFGS_DOTS:
        return s->spec[0] * 2 * 16; // vec4 [WIDTH], twice
    case VKS_KERNEL_LBFGS_SOLVE:
        return 2 * h * 16 + (basis * basis + basis + h) * 4;
    case VKS_KERNEL_IMAGE_INPUT:
    case VKS_KERNEL_WINOGRAD_WEIGHTS:
    case VKS_KERNEL_WINOGRAD_INPUT:
    case VKS_KERNEL_FORWARD_OUTPUT:
    case VKS_KERNEL_BACKWARD_OUTPUT:
    case VKS_KERNEL_UNPOOL:
    case VKS_KERNEL_GRAM_TRANSPOSE:
    case VKS_KERNEL_TALLY:
    case VKS_KERNEL_MASK:
    case VKS_KERNEL_HALVE:
    case VKS_KERNEL_SPREAD:
    case VKS_KERNEL_WINDOW_LOAD:
    case VKS_KERNEL_WINDOW_ADD:
    case VKS_KERNEL_CROP:
    case VKS_KERNEL_FILL:
    case VKS_KERNEL_CLIP:
    case VKS_KERNEL_SHIFT:
    case VKS_KERNEL_COVARIANCE:
    case VKS_KERNEL_AFFINE:
    case VKS_KERNEL_ACCUMULATE:
    case VKS_KERNEL_PEAK:
    case VKS_KERNEL_ADAM_STATE:
    case VKS_KERNEL_ADAM:
    case VKS_KERNEL_LBFGS_STEP:
    case VKS_KERNEL_COUNT:
        return 0;
    }
    return UINT32_MAX;
}

static int steps_seen;
static char excess[300];

static void exceed(const vks_step *s, const char *what, uint64_t value, uint64_t most)
{
    if (value > most && !excess[0])
        snprintf(excess, sizeof excess, "%s (%s): %s is %llu, the floor has %llu",
                 vks_kernel_name(s->kernel), s->label, what, (unsigned long long)value,
                 (unsigned long long)most);
}

static void look_at(const vks_step *step)
{
    steps_seen++;
    exceed(step, "invocations", step->spec[0], INVOCATIONS);
    exceed(step, "shared memory", shared_bytes(step), SHARED_BYTES);
    exceed(step, "push constants", step->push_bytes, PUSH_BYTES);
    for (int i = 0; i < 3; i++)
        exceed(step, "workgroups", step->groups[i], GROUPS);
    for (int i = 0; i < step->use_count; i++) {
        exceed(step, "a binding", step->uses[i].bytes, STORAGE_RANGE);
        exceed(step, "an offset's remainder", step->uses[i].offset % 256, 0);
    }
}

static const char vgg19[] = "conv1_1:64 conv1_2:64 pool1 conv2_1:128 conv2_2:128 pool2 conv3_1:256 "
                            "conv3_2:256 conv3_3:256 conv3_4:256 pool3 conv4_1:512 conv4_2:512 "
                            "conv4_3:512 conv4_4:512 pool4 conv5_1:512";

// The chain without weights: enough for dry plans.
static vkstyle_model *skeleton(void)
{
    vkstyle_error error = {0};
    vkstyle_model *model = vks_model_create(&error);
    need(model, &error);
    for (const char *at = vgg19; *at; at += strspn(at, " ")) {
        char name[VKSTYLE_NAME];
        size_t stem = strcspn(at, ": ");
        snprintf(name, sizeof name, "%.*s", (int)stem, at);
        int out = at[stem] == ':' ? atoi(at + stem + 1) : 0;
        need(vks_model_add(model, name, out, &error), &error);
        at += strcspn(at, " ");
    }
    return model;
}

static void dry_plan(const vkstyle_model *model, const vkstyle_params *p, bool software,
                     uint32_t width, uint32_t height)
{
    vkstyle_error error = {0};
    vks_gpu_limits limits = {.software = software,
                             .storage_range = STORAGE_RANGE,
                             .texel_elements = STORAGE_RANGE / 16,
                             .allocation = UINT64_MAX,
                             .invocations = INVOCATIONS,
                             .shared_bytes = SHARED_BYTES,
                             .push_bytes = PUSH_BYTES,
                             .groups = {GROUPS, GROUPS, GROUPS},
                             .alignment = 256};
    vks_setting setting;
    need(vks_setting_resolve(&setting, model, p, &limits, &error), &error);
    vks_style style = {.count = setting.style_count};
    for (int i = 0; i < style.count; i++) {
        style.channels[i] = (uint32_t)model->layers[setting.style_layers[i]].out;
        style.padded[i] = vks_gram_padded(style.channels[i]);
        style.square[i] = style.trace[i] = 1;
    }
    vks_content content = {.square = 1};
    struct vks_optimiser_options optimiser = vks_optimiser_default(p->optimizer);
    vks_network *dry = vks_network_create(NULL, model, &error);
    need(dry, &error);
    vks_iteration it = {0};
    need(vks_iteration_build(&it, &limits, dry, &setting,
                             &(vks_iteration_options){.width = width,
                                                      .height = height,
                                                      .style = &style,
                                                      .content = &content,
                                                      .optimiser = &optimiser},
                             &error),
         &error);
    if (excess[0])
        fail_msg("%ux%u: %s", width, height, excess);
    vks_iteration_free(&it);
    vks_network_free(&dry);
}

static void vgg19_within_the_floor(void **state)
{
    (void)state;
    static const uint32_t sizes[][2] = {{16, 16},     {97, 61},   {512, 384},
                                        {1600, 1200}, {960, 960}, {16, 20000}};
    vkstyle_model *model = skeleton();
    guards_step = look_at;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        for (int k = 0; k < 12; k++) {
            static const vkstyle_kernels kernels[] = {
                VKSTYLE_KERNELS_WINOGRAD, VKSTYLE_KERNELS_DIRECT, VKSTYLE_KERNELS_TILED};
            vkstyle_params p;
            vkstyle_params_default(&p);
            p.precision = k & 1 ? VKSTYLE_PRECISION_FP16 : VKSTYLE_PRECISION_FP32;
            p.kernels = kernels[k / 2 % 3];
            p.optimizer = k & 1 ? VKSTYLE_LBFGS : VKSTYLE_ADAM;
            p.style_loss = (vkstyle_style_loss)((k + (int)i) % 3);
            dry_plan(model, &p, k >= 6, sizes[i][0], sizes[i][1]);
        }
    }
    guards_step = NULL;
    assert_true(steps_seen > 6 * 12 * 100);
    vkstyle_model_free(&model);
}

// ---------------------------------------------------------------- small devices at work

// Large enough to be cut into slices of channels and strips of tiles.
static const rig_case wide = {
    .chain = "conv1_1:20 conv1_2:33 pool1 conv2_1:40 conv2_2:18 pool2 conv3_1:24",
    .style_layers = "conv1_1,conv2_1",
    .content_layer = "conv3_1",
    .width = 61,
    .height = 97,
    .style_width = 70,
    .style_height = 45,
    .padding = VKSTYLE_PAD_REPLICATE,
    .alpha = 1,
    .beta = 10,
    .tv = 0.01};

static void works_with(const char *limits, vkstyle_kernels kernels, vkstyle_precision precision)
{
    vkstyle_error error = {0};
    rig r;
    rig_case is = wide;
    is.kernels = kernels;
    is.precision = precision;
    bool half = precision == VKSTYLE_PRECISION_FP16;
    rig_open(&r, &is);
    vks_gpu *gpu = rig_gpu(limits);
    vks_network *network = vks_network_create(gpu, r.model, &error);
    need(network, &error);
    guards_on = true;
    guards_broken = 0;
    need(rig_run(&r, gpu, network, NULL, true, &error), &error);
    guards_on = false;
    vks_network_free(&network);
    vks_gpu_close(&gpu);
    if (guards_broken)
        fail_msg("%s: %d buffers were written past their end, at last '%s'", limits, guards_broken,
                 guards_culprit);
    float total = (float)r.got.total;
    double loss = rig_off(&total, &r.values.total, 1);
    double gradient = rig_off(r.got_gradient->rgb, r.gradient.at, reference_count(&r.gradient));
    if (!(r.worst_activation < (half ? 2e-3 : 1e-5)) || !(loss < (half ? 2e-3 : 1e-4)) ||
        !(gradient < (half ? 1e-1 : 5e-3)))
        fail_msg("%s: activations off by %.1e, loss %.1e, gradient %.1e", limits,
                 r.worst_activation, loss, gradient);
    rig_close(&r);
}

#define WORKS(name, limits, kernels, precision)                                                    \
    static void name(void **state)                                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        works_with(limits, kernels, precision);                                                    \
    }
#define WINOGRAD VKSTYLE_KERNELS_WINOGRAD
#define DIRECT   VKSTYLE_KERNELS_DIRECT
#define TILED    VKSTYLE_KERNELS_TILED
#define FLOAT    VKSTYLE_PRECISION_FP32
#define HALF     VKSTYLE_PRECISION_FP16

WORKS(floor_winograd, FLOOR ",software=0,texel=0,storage_range=134217728", WINOGRAD, FLOAT)
WORKS(floor_direct_half, FLOOR ",software=0,texel=0,storage_range=134217728", DIRECT, HALF)
WORKS(small_bindings, FLOOR ",software=0,texel=0,storage_range=1048576", WINOGRAD, FLOAT)
WORKS(small_bindings_half, FLOOR ",software=0,texel=0,storage_range=1048576", WINOGRAD, HALF)
WORKS(smaller_bindings, "storage_range=480256", WINOGRAD, FLOAT)
WORKS(smaller_bindings_direct, "texel=0,storage_range=480256", DIRECT, FLOAT)
WORKS(small_bindings_tiled, FLOOR ",software=0,texel=0,storage_range=1048576", TILED, FLOAT)
WORKS(smaller_bindings_tiled, FLOOR ",software=0,texel=0,storage_range=480256", TILED, HALF)
WORKS(coarse_alignment, "alignment=256,texel=0", DIRECT, FLOAT)

// Matrix units, where there are any: their kernel takes slices of 16 channels.
static void smaller_bindings_matrices(void **state)
{
    (void)state;
    vks_gpu *gpu = rig_gpu(NULL);
    bool there = vks_gpu_get_limits(gpu)->matrix[0] > 0;
    vks_gpu_close(&gpu);
    if (!there)
        skip();
    works_with("software=0,texel=0,storage_range=480256,alignment=256", VKSTYLE_KERNELS_COOPMAT,
               HALF);
}

// Too little is refused by name, not tried.
static void refused(void **state)
{
    (void)state;
    vkstyle_error error = {0};
    setenv("VKSTYLE_DEBUG_LIMITS", "api=1.1", 1);
    vkstyle_context *context = vkstyle_open(NULL, &error);
    unsetenv("VKSTYLE_DEBUG_LIMITS");
    assert_null(context);
    assert_int_equal(error.status, VKSTYLE_NO_DEVICE);
    assert_non_null(strstr(error.text, "1.1"));

    rig r;
    rig_open(&r, &wide);
    static const char *const small[] = {"storage_range=65536", "software=0,storage_range=420096",
                                        "groups=7"};
    for (int i = 0; i < 3; i++) {
        error = (vkstyle_error){0};
        vks_gpu *gpu = rig_gpu(small[i]);
        vks_network *network = vks_network_create(gpu, r.model, &error);
        need(network, &error);
        bool done = rig_run(&r, gpu, network, NULL, false, &error);
        vks_network_free(&network);
        vks_gpu_close(&gpu);
        if (done || !error.status || !error.text[0])
            fail_msg("%s was not refused", small[i]);
        if (!strstr(error.text, i < 2 ? "at once" : "groups"))
            fail_msg("%s: %s", small[i], error.text);
    }
    rig_close(&r);
}

static int validation(void **state)
{
    (void)state;
    return vks_gpu_validation_messages();
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vgg19_within_the_floor),  cmocka_unit_test(floor_winograd),
        cmocka_unit_test(floor_direct_half),       cmocka_unit_test(small_bindings),
        cmocka_unit_test(small_bindings_half),     cmocka_unit_test(smaller_bindings),
        cmocka_unit_test(smaller_bindings_direct), cmocka_unit_test(small_bindings_tiled),
        cmocka_unit_test(smaller_bindings_tiled),  cmocka_unit_test(smaller_bindings_matrices),
        cmocka_unit_test(coarse_alignment),        cmocka_unit_test(refused),
    };
    return cmocka_run_group_tests_name("floor", tests, NULL, validation);
}
