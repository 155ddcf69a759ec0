// SPDX-License-Identifier: MIT
//
// Gram matrices kept between runs: the same bits with and without, found by all that they depend
// on, and never a reason to fail.
#include "job_rig.h"
#include "transfer/convolution.h"
#include "transfer/gram_store.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static vkstyle_model *model, *other;
static vkstyle_image *content, *style;
static char folder[VKSTYLE_PATH]; // $XDG_CACHE_HOME

static int setup(void **state)
{
    (void)state;
    const char *temporary = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/styles-XXXXXX", temporary ? temporary : "/tmp");
    if (!mkdtemp(folder))
        return 1;
    model = rig_model(job_chain, 5);
    other = rig_model(job_chain, 6);
    content = rig_picture(40, 33, 3);
    style = rig_picture(37, 41, 7);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    vkstyle_model_free(&model);
    vkstyle_model_free(&other);
    vkstyle_image_free(&content);
    vkstyle_image_free(&style);
    return vks_gpu_validation_messages() || rmdir(folder); // nothing was left there
}

// A fresh context's result, as a new process has it; `kept`: with the store.
static job_result fresh(const vkstyle_model *with, const vkstyle_image *of,
                        const vkstyle_params *params, bool kept)
{
    char *home = strdup(getenv("XDG_CACHE_HOME")), *styles = strdup(getenv("VKSTYLE_STYLES"));
    // The device has found its kernels by then.
    vkstyle_context *context = rig_context(NULL);
    setenv("XDG_CACHE_HOME", folder, 1);
    setenv("VKSTYLE_STYLES", kept ? "1" : "0", 1);
    job_result r = job_simple(context, with, content, of, params);
    setenv("XDG_CACHE_HOME", home, 1);
    setenv("VKSTYLE_STYLES", styles, 1);
    vkstyle_close(&context);
    free(home);
    free(styles);
    return r;
}

typedef struct file {
    char key[VKS_SHA256_TEXT], path[VKSTYLE_PATH * 2];
    long bytes;
} file;

static void inside(char path[VKSTYLE_PATH * 2], const char *name)
{
    snprintf(path, VKSTYLE_PATH * 2, "%s/vkstyle/%s", folder, name);
}

// The files of the store, at most `most`, or all removed (files NULL).
static int look(file *files, int most)
{
    char path[VKSTYLE_PATH * 2];
    inside(path, "");
    DIR *list = opendir(path);
    int count = 0;
    for (struct dirent *entry; list && (entry = readdir(list));) {
        if (entry->d_name[0] == '.')
            continue;
        inside(path, entry->d_name);
        if (!files) {
            assert_int_equal(remove(path), 0);
            continue;
        }
        assert_int_equal(strncmp(entry->d_name, "style-", 6), 0);
        assert_int_equal(strlen(entry->d_name), 6 + 64); // and nothing half written
        struct stat status;
        assert_int_equal(stat(path, &status), 0);
        assert_true(count < most);
        files[count].bytes = (long)status.st_size;
        strcpy(files[count].key, entry->d_name + 6);
        strcpy(files[count++].path, path);
    }
    if (list)
        closedir(list);
    return count;
}

static void clean(void)
{
    char path[VKSTYLE_PATH * 2];
    look(NULL, 0);
    inside(path, "");
    rmdir(path);
}

static void same_bits(void **state)
{
    (void)state;
    for (int half = 0; half < 2; half++) {
        vkstyle_params p = job_params(3);
        p.levels = 2;
        p.precision = half ? VKSTYLE_PRECISION_FP16 : VKSTYLE_PRECISION_FP32;
        file files[8];
        job_result without = fresh(model, style, &p, false);
        assert_int_equal(look(files, 8), 0);
        job_result filling = fresh(model, style, &p, true);
        assert_int_equal(look(files, 8), 2);
        job_result with = fresh(model, style, &p, true);
        assert_int_equal(look(files, 8), 2);
        assert_true(job_same(without.image, filling.image));
        assert_true(job_same(without.image, with.image));
        for (int i = -3; i < 0; i++)
            assert_true(job_loss(&without, i) == job_loss(&with, i));
        job_free(&without);
        job_free(&filling);
        job_free(&with);
        clean();
    }
}

// What is read is used: other matrices make another picture.
static void are_used(void **state)
{
    (void)state;
    vkstyle_params p = job_params(3);
    file files[8];
    job_result right = fresh(model, style, &p, true);
    assert_int_equal(look(files, 8), 1);
    FILE *is = fopen(files[0].path, "r+b");
    assert_non_null(is);
    // The values as one matrix, after the header.
    long header = 8 + 2 * VKS_SHA256_TEXT;
    size_t size = (size_t)(files[0].bytes - header) / sizeof(float);
    float *values = malloc(size * sizeof *values);
    assert_non_null(values);
    fseek(is, header, SEEK_SET);
    assert_int_equal(fread(values, sizeof *values, size, is), size);
    fclose(is);
    // Five of them, as the job has them, with the first one's values twice as large.
    size_t sizes[VKSTYLE_MAX_LAYERS] = {size};
    float *grams[VKSTYLE_MAX_LAYERS] = {values};
    int count = 0;
    for (size_t left = size; left; count++) {
        sizes[count] = 64 * 64; // of the small chain: all are padded to 64 channels
        grams[count] = values + (size - left);
        assert_true(left >= sizes[count]);
        left -= sizes[count];
    }
    for (size_t i = 0; i < sizes[0]; i++)
        values[i] *= 2;
    char *home = strdup(getenv("XDG_CACHE_HOME"));
    setenv("XDG_CACHE_HOME", folder, 1);
    setenv("VKSTYLE_STYLES", "1", 1);
    vks_grams_keep(files[0].key, grams, sizes, count);
    setenv("XDG_CACHE_HOME", home, 1);
    setenv("VKSTYLE_STYLES", "0", 1);
    free(home);
    job_result wrong = fresh(model, style, &p, true);
    assert_false(job_same(right.image, wrong.image));
    free(values);
    job_free(&right);
    job_free(&wrong);
    clean();
}

static void damage(const file *f, int kind)
{
    FILE *is = fopen(f->path, "r+b");
    assert_non_null(is);
    if (kind < 4) { // a bit: of the magic, the key, the sum, the values
        long at[] = {3, 20, 100, f->bytes - 5};
        fseek(is, at[kind], SEEK_SET);
        int byte = fgetc(is);
        fseek(is, at[kind], SEEK_SET);
        fputc(byte ^ 1, is);
    } else if (kind == 4) {
        fseek(is, 0, SEEK_END);
        fputc(0, is);
    }
    fclose(is);
    if (kind == 5)
        assert_int_equal(truncate(f->path, f->bytes / 2), 0);
    if (kind == 6)
        assert_int_equal(truncate(f->path, 0), 0);
    if (kind == 7) { // a folder of that name
        assert_int_equal(remove(f->path), 0);
        assert_int_equal(mkdir(f->path, 0700), 0);
    }
}

static void damage_is_survived(void **state)
{
    (void)state;
    vkstyle_params p = job_params(2);
    file files[8];
    job_result right = fresh(model, style, &p, true);
    for (int kind = 0; kind < 8; kind++) {
        assert_int_equal(look(files, 8), 1);
        file f = files[0];
        damage(&f, kind);
        job_result r = fresh(model, style, &p, true);
        assert_true(job_same(right.image, r.image));
        job_free(&r);
        assert_int_equal(look(files, 8), 1);
        if (kind < 7) // and mended
            assert_int_equal(files[0].bytes, f.bytes);
    }
    job_free(&right);
    clean();
}

// The key of the one file that a job leaves in an empty store.
static void key_of(char key[VKS_SHA256_TEXT], const vkstyle_model *with, const vkstyle_image *of,
                   const vkstyle_params *params)
{
    file files[8];
    job_result r = fresh(with, of, params, true);
    assert_int_equal(look(files, 8), 1);
    strcpy(key, files[0].key);
    job_free(&r);
    clean();
}

// All that changes bits changes the key; what does not, leaves it.
static void keys(void **state)
{
    (void)state;
    enum { SAME, ITERATIONS, MODEL, PIXEL, POOL, LAYERS, PRECISION, KERNELS, SCALE, RAW, COUNT };
    char all[COUNT][VKS_SHA256_TEXT];
    for (int i = 0; i < COUNT; i++) {
        vkstyle_params p = job_params(1);
        vkstyle_image *of = rig_picture(37, 41, 7);
        if (i == ITERATIONS)
            p.iterations = 2;
        if (i == PIXEL)
            of->rgb[3 * 37 * 41 - 1] = nextafterf(of->rgb[3 * 37 * 41 - 1], 0.5f);
        if (i == POOL)
            p.pool = p.pool == VKSTYLE_POOL_MAX ? VKSTYLE_POOL_AVG : VKSTYLE_POOL_MAX;
        if (i == LAYERS)
            strcpy(p.style_layers, "conv1_1");
        if (i == PRECISION)
            p.precision = VKSTYLE_PRECISION_FP16;
        if (i == KERNELS)
            p.kernels = VKSTYLE_KERNELS_DIRECT;
        if (i == SCALE)
            p.style_scale = 0.9;
        if (i == RAW)
            p.raw_losses = true; // a border of zeros
        key_of(all[i], i == MODEL ? other : model, of, &p);
        vkstyle_image_free(&of);
        for (int k = 0; k < i; k++)
            assert_int_equal(strcmp(all[i], all[k]) == 0, i == ITERATIONS && k == SAME);
    }
}

// The form of a layer's weights in a picture of `side` pixels, where the job's goal is so large.
static vks_form form_at(vkstyle_context *context, const vkstyle_model *with, int layer,
                        uint32_t side, uint32_t goal)
{
    vkstyle_error error = {0};
    vks_plan *plan = vks_plan_create(vks_gpu_get_limits(context->gpu), VKS_FLOAT, &error);
    vks_network *network = vks_network_create(NULL, with, &error);
    vks_encode_options o = {
        .kernels = VKSTYLE_KERNELS_WINOGRAD, .depth = with->layer_count, .goal = goal};
    vks_encoding e;
    need(plan && network && vks_encode_shapes(&e, plan, network, &o, -1, side, side, &error),
         &error);
    vks_form form = vks_form_of(&e, layer, VKS_FORWARD);
    vks_network_free(&network);
    vks_plan_free(&plan);
    return form;
}

// A style of the same size in a job that goes on to a larger one: found in the context and in the
// store, although that job's products have another form. The same bits as without.
static void another_goal(void **state)
{
    (void)state;
    vkstyle_model *wide = rig_model("conv1_1:6 pool1 conv2_1:320 conv2_2:64", 8);
    vkstyle_params small = job_params(3);
    strcpy(small.style_layers, "conv1_1,conv2_1,conv2_2");
    strcpy(small.content_layer, "conv2_2");
    small.kernels = VKSTYLE_KERNELS_WINOGRAD;
    small.size = 40;
    vkstyle_params large = small;
    large.levels = 2;
    large.size = 80;
    vkstyle_context *context = rig_context(NULL);
    assert_int_equal(form_at(context, wide, 3, 40, 40), VKS_WIDE);
    assert_int_equal(form_at(context, wide, 3, 40, 80), VKS_WINOGRAD);
    job_result without = fresh(wide, style, &large, false);
    assert_true(job_number(&without, "styles_prepared") == 2);
    job_result first = job_simple(context, wide, content, style, &small);
    job_result then = job_simple(context, wide, content, style, &large);
    assert_true(job_number(&first, "styles_prepared") == 1);
    assert_true(job_number(&then, "styles_prepared") == 1); // that of 80 pixels
    assert_true(job_same(without.image, then.image));
    job_free(&first);
    job_free(&then);
    file files[8];
    first = fresh(wide, style, &small, true);
    assert_int_equal(look(files, 8), 1);
    then = fresh(wide, style, &large, true);
    assert_int_equal(look(files, 8), 2);
    assert_true(job_same(without.image, then.image));
    job_free(&first);
    job_free(&then);
    // What changes bits is another style in the context, too (in the store: keys).
    for (int i = 0; i < 3; i++) {
        vkstyle_params p = small;
        p.kernels = i == 0 ? VKSTYLE_KERNELS_DIRECT : p.kernels;
        p.precision = i == 1 ? VKSTYLE_PRECISION_FP16 : p.precision;
        p.pool = i == 2 ? VKSTYLE_POOL_AVG : p.pool;
        job_result r = job_simple(context, wide, content, style, &p);
        assert_true(job_number(&r, "styles_prepared") == 1);
        job_free(&r);
    }
    job_free(&without);
    vkstyle_close(&context);
    vkstyle_model_free(&wide);
    clean();
}

// A single weight and a single word anywhere count.
static void folding(void **state)
{
    (void)state;
    unsigned char data[100] = {0};
    char texts[101][VKS_SHA256_TEXT];
    for (int i = 0; i <= 100; i++) {
        vks_sha256 hash;
        vks_sha256_init(&hash);
        if (i < 100)
            data[i] = 1;
        vks_sha256_fold(&hash, data, 100);
        if (i < 100)
            data[i] = 0;
        vks_sha256_final(&hash, texts[i]);
        for (int k = 0; k < i; k++)
            assert_string_not_equal(texts[i], texts[k]);
    }
    for (size_t size = 0; size < 100; size++) { // of zeros
        vks_sha256 hash;
        vks_sha256_init(&hash);
        vks_sha256_fold(&hash, data, size);
        vks_sha256_final(&hash, texts[size]);
        for (size_t k = 0; k < size; k++)
            assert_string_not_equal(texts[size], texts[k]);
    }
}

// The oldest go first, and what is asked for is not old.
static void bounded(void **state)
{
    (void)state;
    enum { EACH = 4 << 20, COUNT = VKS_GRAMS_MOST / EACH + 4 };
    size_t size = EACH / sizeof(float);
    float *values = calloc(VKS_GRAMS_EACH / sizeof *values + 1, sizeof *values);
    char key[VKS_SHA256_TEXT], *home = strdup(getenv("XDG_CACHE_HOME"));
    file files[COUNT];
    assert_non_null(values);
    setenv("XDG_CACHE_HOME", folder, 1);
    setenv("VKSTYLE_STYLES", "1", 1);
    for (int i = 0; i < COUNT; i++) {
        snprintf(key, sizeof key, "%064d", i);
        vks_grams_keep(key, &values, &size, 1);
        usleep(20000); // file systems count in steps of some milliseconds
        if (i) {
            snprintf(key, sizeof key, "%064d", 0);
            assert_true(vks_grams_find(key, &values, &size, 1));
            usleep(20000);
        }
    }
    int count = look(files, COUNT);
    assert_int_equal(count, VKS_GRAMS_MOST / EACH - 1); // headers count, too
    for (int i = 0; i < count; i++) {
        int number = atoi(files[i].key);
        assert_true(number == 0 || number > COUNT - count);
    }
    snprintf(key, sizeof key, "%064d", 1);
    assert_false(vks_grams_find(key, &values, &size, 1));
    snprintf(key, sizeof key, "%064d", COUNT - 1);
    size_t less = size - 1;
    assert_true(vks_grams_find(key, &values, &size, 1));
    assert_false(vks_grams_find(key, &values, &less, 1));
    // One that is too large is not kept, and harms no other.
    size = VKS_GRAMS_EACH / sizeof(float) + 1;
    snprintf(key, sizeof key, "%064d", COUNT);
    vks_grams_keep(key, &values, &size, 1);
    assert_int_equal(look(files, COUNT), count);
    setenv("XDG_CACHE_HOME", home, 1);
    setenv("VKSTYLE_STYLES", "0", 1);
    free(home);
    free(values);
    clean();
}

// Where nothing can be written, all is as without.
static void no_place(void **state)
{
    (void)state;
    vkstyle_params p = job_params(2);
    char whole[VKSTYLE_PATH];
    job_result right = fresh(model, style, &p, false);
    strcpy(whole, folder);
    strcpy(folder, "/proc/vkstyle");
    job_result r = fresh(model, style, &p, true);
    strcpy(folder, whole);
    assert_true(job_same(right.image, r.image));
    job_free(&right);
    job_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folding),  cmocka_unit_test(same_bits),
        cmocka_unit_test(are_used), cmocka_unit_test(damage_is_survived),
        cmocka_unit_test(keys),     cmocka_unit_test(bounded),
        cmocka_unit_test(no_place), cmocka_unit_test(another_goal),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
