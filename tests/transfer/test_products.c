// SPDX-License-Identifier: MIT
//
// Products through shared-memory tiles: each tile against plain double precision, over shapes that
// none divides, with canaries around the result; the same bits whatever the tile. And the tuning
// that chooses one: remembered, replayed, and not to be misled by what lies in its file.
#include "iteration_rig.h"
#include "job_rig.h"
#include "transfer/kernel_choice.h"

#include "transfer/keep.h"
#include "transfer/product.h"
#include "transfer/tuning.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct shape {
    uint32_t batch, outs, k, columns;
    uint32_t k_first; // multiple of 4: the product begins there in the weights
    uint32_t k_total; // of the weights
    bool tensor, accumulate;
} shape;

static const shape shapes[] = {
    {.batch = 1, .outs = 64, .k = 64, .columns = 64, .k_total = 64},
    {.batch = 3, .outs = 48, .k = 20, .columns = 65, .k_total = 20},
    {.batch = 2, .outs = 16, .k = 4, .columns = 1, .k_total = 4},
    {.batch = 1, .outs = 144, .k = 36, .columns = 200, .k_total = 36},
    {.batch = 36, .outs = 80, .k = 12, .columns = 64, .k_total = 12},
    {.batch = 1,
     .outs = 64,
     .k = 28,
     .columns = 130,
     .k_first = 8,
     .k_total = 48,
     .tensor = true,
     .accumulate = true},
    {.batch = 1, .outs = 32, .k = 64, .columns = 64, .k_total = 64, .tensor = true},
};

enum { CANARY = 256 }; // floats before and after the result
static const float MARK = 1234.5f;

static float pick(uint32_t i, uint32_t seed)
{
    i = (i + seed * 7919) * 2654435761u;
    i ^= i >> 15;
    i *= 2246822519u;
    return (float)(i >> 8) / 8388608.0f - 1.0f;
}

// result[batch][outs / 4][columns][4], with its canaries, from the device.
static float *product_on(vks_gpu *gpu, const shape *s, int tile, vks_storage storage)
{
    vkstyle_error error = {0};
    size_t weights = (size_t)s->batch * s->outs * s->k_total,
           source = (size_t)s->batch * s->k * s->columns;
    size_t result = (size_t)s->batch * s->outs * s->columns,
           all = weights + source + result + 2 * CANARY;
    bool half = s->tensor && storage == VKS_HALF;
    assert_false(half); // halves go through test_kernels.c
    // Each begins at a multiple of 256 bytes.
    size_t source_at = (weights + 63) / 64 * 64, result_at = (source_at + source + 63) / 64 * 64;
    all = result_at + result + 2 * CANARY;
    float *values = malloc(all * sizeof *values);
    assert_non_null(values);
    for (size_t i = 0; i < all; i++)
        values[i] = MARK;
    for (size_t i = 0; i < weights; i++)
        values[i] = pick((uint32_t)i, 1);
    for (size_t i = 0; i < source; i++)
        values[source_at + i] = pick((uint32_t)i, 2);
    for (size_t i = 0; s->accumulate && i < result; i++)
        values[result_at + CANARY + i] = pick((uint32_t)i, 3);
    vks_block *block = vks_block_create(gpu, all * 4, VKS_MEMORY_DEVICE, "products", &error);
    need(block && vks_upload(gpu, (vks_slice){block, 0, all * 4}, values, &error), &error);
    vks_plan *plan = vks_plan_create(vks_gpu_get_limits(gpu), storage, &error);
    need(plan, &error);
    int w = vks_plan_external(plan, "weights", (vks_slice){block, 0, weights * 4});
    int v = vks_plan_external(plan, "source", (vks_slice){block, source_at * 4, source * 4});
    int m =
        vks_plan_external(plan, "result", (vks_slice){block, (result_at + CANARY) * 4, result * 4});
    vks_add_product(plan, &(vks_product){.tile = tile,
                                         .tensor = s->tensor,
                                         .weights = {w, 0, 0},
                                         .source = {v, 0, 0},
                                         .result = {m, 0, 0},
                                         .batch = s->batch,
                                         .out_quads = s->outs / 4,
                                         .columns = s->columns,
                                         .quads = s->k / 4,
                                         .k_quads = s->k_total / 4,
                                         .k_first = s->k_first / 4,
                                         .source_quads = s->k / 4,
                                         .source_columns = s->columns,
                                         .result_columns = s->columns,
                                         .accumulate = s->accumulate,
                                         .label = "product"});
    need(vks_plan_realise(plan, gpu, false, &error) && vks_plan_run(plan, &error), &error);
    float *got = malloc((result + 2 * CANARY) * 4);
    assert_non_null(got);
    need(vks_download(gpu, (vks_slice){block, result_at * 4, (result + 2 * CANARY) * 4}, got,
                      &error),
         &error);
    vks_plan_free(&plan);
    vks_block_free(&block);
    free(values);
    return got;
}

static void check_product(const shape *s, const float *got)
{
    size_t result = (size_t)s->batch * s->outs * s->columns;
    for (size_t i = 0; i < CANARY; i++)
        assert_true(got[i] == MARK && got[CANARY + result + i] == MARK);
    for (uint32_t b = 0; b < s->batch; b++)
        for (uint32_t n = 0; n < s->outs; n++)
            for (uint32_t x = 0; x < s->columns; x++) {
                size_t at = (((size_t)b * (s->outs / 4) + n / 4) * s->columns + x) * 4 + n % 4;
                double sum = s->accumulate ? pick((uint32_t)at, 3) : 0;
                for (uint32_t k = 0; k < s->k; k++) {
                    size_t w =
                        (((size_t)b * (s->outs / 16) + n / 16) * s->k_total + s->k_first + k) * 16 +
                        n % 16;
                    size_t v = (((size_t)b * (s->k / 4) + k / 4) * s->columns + x) * 4 + k % 4;
                    sum += (double)pick((uint32_t)w, 1) * (double)pick((uint32_t)v, 2);
                }
                double off = fabs(got[CANARY + at] - sum);
                if (!(off <= 1e-7 * (s->k + 1)))
                    fail_msg("%u outputs, k %u, %u columns: value (%u, %u, %u) is %g and not %g",
                             s->outs, s->k, s->columns, b, n, x, (double)got[CANARY + at], sum);
            }
}

static void every_tile(void **state)
{
    (void)state;
    for (int texel = 0; texel < 2; texel++) {
        vks_gpu *gpu = rig_gpu(texel ? "software=0,texel=1,alignment=256" : "software=0,texel=0");
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
            const shape *s = &shapes[i];
            size_t bytes = ((size_t)s->batch * s->outs * s->columns + 2 * CANARY) * 4;
            float *first = NULL;
            for (int t = 0; t < VKS_TILES; t += texel ? 3 : 1) {
                float *got = product_on(gpu, s, t, VKS_FLOAT);
                check_product(s, got);
                if (first)
                    assert_memory_equal(got, first, bytes); // k in the same order
                else
                    first = got;
                if (got != first)
                    free(got);
            }
            free(first);
        }
        vks_gpu_close(&gpu);
    }
}

// What gemm_tiled.glsl takes for granted of a tile.
static void tiles_are_whole(void **state)
{
    (void)state;
    for (int i = 0; i < VKS_TILES; i++) {
        const vks_tile *t = vks_tile_at(i);
        uint32_t width = vks_tile_width(t);
        char name[32];
        snprintf(name, sizeof name, "%ux%ux%u", t->outputs, t->columns, t->depth);
        assert_string_equal(name, t->name);
        assert_int_equal(vks_tile_find(name), i);
        assert_true(t->outputs % 16 == 0 && t->depth % 4 == 0 && t->mine_o % 4 == 0);
        assert_true(t->outputs % t->mine_o == 0 && t->columns % t->mine_x == 0);
        assert_int_equal(t->depth * t->outputs / 4 % width, 0);
        assert_int_equal(t->depth / 4 * t->columns % width, 0);
    }
    assert_int_equal(vks_tile_find(""), -1);
    assert_true(vks_tile_fits(vks_tile_at(0),
                              &(vks_gpu_limits){.invocations = 128, .shared_bytes = 16384}));
}

// ---------------------------------------------------------------- tuning

static char folder[VKSTYLE_PATH], file[300];

// A cache of its own for the test, empty, with the name of the device's file in it.
static vks_gpu *tuned_gpu(const char *limits)
{
    snprintf(folder, sizeof folder, "%s/vkstyle-tuning-XXXXXX",
             getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    assert_non_null(mkdtemp(folder));
    vks_gpu *gpu = rig_gpu(limits);
    snprintf(file, sizeof file, "tile-%s", vks_gpu_key(gpu));
    return gpu;
}

static int tile_of(vks_gpu *gpu, const char *tune, const char *wanted, vkstyle_error *error)
{
    vks_setting setting = {.encode = {.kernels = VKSTYLE_KERNELS_TILED, .tile = 0}};
    char *before = getenv("XDG_CACHE_HOME") ? strdup(getenv("XDG_CACHE_HOME")) : NULL;
    setenv("XDG_CACHE_HOME", folder, 1);
    if (tune)
        setenv("VKSTYLE_TUNE", tune, 1);
    bool done = vks_tune(&setting, gpu, wanted, error);
    unsetenv("VKSTYLE_TUNE");
    if (before)
        setenv("XDG_CACHE_HOME", before, 1);
    else
        unsetenv("XDG_CACHE_HOME");
    free(before);
    return done ? setting.encode.tile : -1;
}

static void put(const char *text, size_t bytes)
{
    char path[VKSTYLE_PATH * 2];
    snprintf(path, sizeof path, "%s/vkstyle/%s", folder, file);
    FILE *to = fopen(path, "w");
    assert_non_null(to);
    assert_int_equal(fwrite(text, 1, bytes, to), bytes);
    fclose(to);
}

static void get(char text[64])
{
    char path[VKSTYLE_PATH * 2];
    snprintf(path, sizeof path, "%s/vkstyle/%s", folder, file);
    FILE *from = fopen(path, "r");
    assert_non_null(from);
    assert_non_null(fgets(text, 64, from));
    fclose(from);
    text[strcspn(text, "\n")] = 0;
}

static void forget(void)
{
    char path[VKSTYLE_PATH * 2];
    snprintf(path, sizeof path, "%s/vkstyle/%s", folder, file);
    remove(path);
    snprintf(path, sizeof path, "%s/vkstyle", folder);
    assert_int_equal(rmdir(path), 0); // and nothing else was left there
    assert_int_equal(rmdir(folder), 0);
}

static void remembered(void **state)
{
    (void)state;
    vkstyle_error error = {0};
    char text[64];
    vks_gpu *gpu = tuned_gpu("software=0,texel=0");
    assert_int_equal(tile_of(gpu, "0", NULL, &error), 0);
    int tile = tile_of(gpu, NULL, NULL, &error); // it plays a GPU: measured
    assert_true(tile >= 0);
    get(text);
    assert_string_equal(text, vks_tile_at(tile)->name);
    // What is there is taken, for it cannot be wrong: every tile gives the same bits.
    int other = tile == 2 ? 3 : 2;
    put(vks_tile_at(other)->name, strlen(vks_tile_at(other)->name));
    assert_int_equal(tile_of(gpu, NULL, NULL, &error), other);
    // Anything else is measured anew and put right.
    static const char *const rubbish[] = {
        "",
        "\n",
        "64x64x9\n",
        "\xff\xfe\x01",
        "64x64x8 and more",
        "a line that is much longer than any name of a tile may be"};
    for (size_t i = 0; i < sizeof rubbish / sizeof *rubbish; i++) {
        put(rubbish[i], strlen(rubbish[i]));
        assert_true(tile_of(gpu, NULL, NULL, &error) >= 0);
        get(text);
        assert_true(vks_tile_find(text) >= 0);
    }
    // A folder in the file's place: measured, not remembered, no harm.
    char path[VKSTYLE_PATH * 2];
    snprintf(path, sizeof path, "%s/vkstyle/%s", folder, file);
    assert_int_equal(remove(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_true(tile_of(gpu, NULL, NULL, &error) >= 0);
    assert_int_equal(rmdir(path), 0);
    forget();
    vks_gpu_close(&gpu);

    // A device without room for it does not take what another session with more room has left.
    gpu = tuned_gpu("software=0,texel=0,invocations=128,shared_bytes=16384");
    assert_true(tile_of(gpu, NULL, NULL, &error) >= 0);
    put("128x128x8", 9);
    tile = tile_of(gpu, NULL, NULL, &error);
    assert_true(tile >= 0 && vks_tile_fits(vks_tile_at(tile), vks_gpu_get_limits(gpu)));
    // Named: refused, with the reason.
    assert_int_equal(tile_of(gpu, NULL, "128x128x8", &error), -1);
    assert_int_equal(error.status, VKSTYLE_USAGE);
    assert_non_null(strstr(error.text, "256 invocations"));
    assert_int_equal(tile_of(gpu, "1x1x1", NULL, &error), -1);
    assert_non_null(strstr(error.text, "VKSTYLE_TUNE"));
    assert_int_equal(tile_of(gpu, "128x64x8", "64x64x16", &error), 1); // the plan's wins
    forget();
    vks_gpu_close(&gpu);
}

// A job's report names its tile, and its plan brings it back.
static void replayed(void **state)
{
    (void)state;
    vkstyle_context *context = rig_context("software=0,texel=0");
    vkstyle_model *model = rig_model("conv1_1:6 conv1_2:20 pool1 conv2_1:24", 5);
    vkstyle_image *content = rig_picture(24, 20, 2), *style = rig_picture(20, 24, 3);
    vkstyle_params p = job_params(3);
    snprintf(p.style_layers, sizeof p.style_layers, "conv1_2");
    snprintf(p.content_layer, sizeof p.content_layer, "conv2_1");
    setenv("VKSTYLE_TUNE", "32x64x16", 1);
    job_result a = job_simple(context, model, content, style, &p);
    need(a.image, &a.error);
    assert_string_equal(job_text(&a, "plan.kernels"), "tiled");
    assert_string_equal(job_text(&a, "plan.tile"), "32x64x16");
    setenv("VKSTYLE_TUNE", "128x64x8", 1);
    const vkstyle_image *styles[] = {style};
    vkstyle_job job = {.content = content, .styles = styles, .style_count = 1, .plan = a.text};
    p.kernels = VKSTYLE_KERNELS_DIRECT;
    job_result b = job_run(context, model, &job, &p);
    need(b.image, &b.error);
    assert_string_equal(job_text(&b, "plan.tile"), "32x64x16");
    assert_true(job_same(a.image, b.image));
    unsetenv("VKSTYLE_TUNE");
    job_free(&a);
    job_free(&b);
    vkstyle_image_free(&content);
    vkstyle_image_free(&style);
    vkstyle_model_free(&model);
    vkstyle_close(&context);
}

// Matrix units where there are none: a sentence, not a crash.
static void no_matrices(void **state)
{
    (void)state;
    vkstyle_error error = {0};
    vkstyle_model *model = rig_model("conv1_1:6 conv1_2:20", 5);
    vkstyle_params p;
    vks_setting setting;
    vkstyle_params_default(&p);
    snprintf(p.style_layers, sizeof p.style_layers, "conv1_2");
    snprintf(p.content_layer, sizeof p.content_layer, "conv1_2");
    p.kernels = VKSTYLE_KERNELS_COOPMAT;
    p.precision = VKSTYLE_PRECISION_FP16;
    assert_false(vks_setting_resolve(&setting, model, &p, &(vks_gpu_limits){0}, &error));
    assert_int_equal(error.status, VKSTYLE_USAGE);
    assert_non_null(strstr(error.text, "--kernels coopmat"));
    p.precision = VKSTYLE_PRECISION_FP32;
    assert_false(vks_setting_resolve(&setting, model, &p, &(vks_gpu_limits){.matrix = {16, 16, 16}},
                                     &error));
    assert_non_null(strstr(error.text, "--precision fp16"));
    p.kernels = VKSTYLE_KERNELS_AUTO;
    need(vks_setting_resolve(&setting, model, &p, &(vks_gpu_limits){0}, &error), &error);
    assert_int_equal(setting.encode.kernels, VKSTYLE_KERNELS_TILED);
    need(vks_setting_resolve(&setting, model, &p, &(vks_gpu_limits){.software = true}, &error),
         &error);
    assert_int_equal(setting.encode.kernels, VKSTYLE_KERNELS_WINOGRAD);
    vkstyle_model_free(&model);
}

// What auto comes to.
static void chosen(void **state)
{
    (void)state;
    static const struct {
        vkstyle_kernels asked;
        vkstyle_precision precision;
        bool raw, software;
        uint32_t matrix;
        vkstyle_kernels kernels;
        vks_storage storage;
    } all[] = {
        {VKSTYLE_KERNELS_AUTO, VKSTYLE_PRECISION_AUTO, false, false, 16, VKSTYLE_KERNELS_COOPMAT,
         VKS_HALF},
        {VKSTYLE_KERNELS_AUTO, VKSTYLE_PRECISION_FP16, false, false, 16, VKSTYLE_KERNELS_COOPMAT,
         VKS_HALF},
        {VKSTYLE_KERNELS_AUTO, VKSTYLE_PRECISION_FP32, false, false, 16, VKSTYLE_KERNELS_TILED,
         VKS_FLOAT},
        {VKSTYLE_KERNELS_AUTO, VKSTYLE_PRECISION_AUTO, true, false, 16, VKSTYLE_KERNELS_TILED,
         VKS_FLOAT},
        {VKSTYLE_KERNELS_AUTO, VKSTYLE_PRECISION_AUTO, false, false, 0, VKSTYLE_KERNELS_TILED,
         VKS_FLOAT},
        {VKSTYLE_KERNELS_AUTO, VKSTYLE_PRECISION_AUTO, false, true, 8, VKSTYLE_KERNELS_WINOGRAD,
         VKS_FLOAT},
        {VKSTYLE_KERNELS_TILED, VKSTYLE_PRECISION_AUTO, false, false, 16, VKSTYLE_KERNELS_TILED,
         VKS_FLOAT},
        {VKSTYLE_KERNELS_COOPMAT, VKSTYLE_PRECISION_AUTO, true, true, 8, VKSTYLE_KERNELS_COOPMAT,
         VKS_HALF},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        vkstyle_error error = {0};
        vkstyle_params p;
        vkstyle_kernels kernels;
        vks_storage storage;
        vkstyle_params_default(&p);
        p.kernels = all[i].asked;
        p.precision = all[i].precision;
        p.raw_losses = all[i].raw;
        vks_gpu_limits limits = {.software = all[i].software, .matrix = {all[i].matrix}};
        need(vks_kernels_resolve(&p, &limits, &kernels, &storage, &error), &error);
        assert_int_equal(kernels, all[i].kernels);
        assert_int_equal(storage, all[i].storage);
    }
}

static int validation(void **state)
{
    (void)state;
    return vks_gpu_validation_messages();
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tiles_are_whole), cmocka_unit_test(every_tile),
        cmocka_unit_test(remembered),      cmocka_unit_test(replayed),
        cmocka_unit_test(chosen),          cmocka_unit_test(no_matrices),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests_name("products", tests, NULL, validation);
}
