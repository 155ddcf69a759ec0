// SPDX-License-Identifier: MIT
//
// vkstyle_evaluate against values computed elsewhere: by plain double precision over a small random
// encoder (always), and by PyTorch in float64 over VGG-19 where ../shared (or $VKSTYLE_SHARED) has
// such files; there also five steps of Adam.
#include "iteration_rig.h"

#include "model/safetensors.h"
#include "transfer/pad.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static vkstyle_context *context;
static char out_path[VKSTYLE_PATH], model_path[VKSTYLE_PATH];

static int setup(void **state)
{
    (void)state;
    const char *folder = getenv("TMPDIR");
    snprintf(out_path, sizeof out_path, "%s/vkstyle-evaluate-%ld.safetensors",
             folder ? folder : "/tmp", (long)getpid());
    snprintf(model_path, sizeof model_path, "%s/vkstyle-vgg19-%ld.safetensors",
             folder ? folder : "/tmp", (long)getpid());
    context = rig_context(NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    vkstyle_close(&context);
    remove(out_path);
    remove(model_path);
    return vks_gpu_validation_messages();
}

typedef struct bars {
    vkstyle_precision precision;
    vkstyle_kernels kernels;
    double values, gradients;
} bars;

// What is promised (docs): direct fp32 1e-4 everywhere, Winograd 5e-3 for gradients, fp16 5e-3 and
// 5e-2.
// The last one only where the device has matrix units.
static const bars promised[] = {
    {VKSTYLE_PRECISION_FP32, VKSTYLE_KERNELS_DIRECT, 1e-4, 1e-4},
    {VKSTYLE_PRECISION_FP32, VKSTYLE_KERNELS_WINOGRAD, 1e-4, 5e-3},
    {VKSTYLE_PRECISION_FP16, VKSTYLE_KERNELS_WINOGRAD, 5e-3, 5e-2},
    {VKSTYLE_PRECISION_FP32, VKSTYLE_KERNELS_TILED, 1e-4, 5e-3},
    {VKSTYLE_PRECISION_FP16, VKSTYLE_KERNELS_TILED, 5e-3, 5e-2},
    {VKSTYLE_PRECISION_FP16, VKSTYLE_KERNELS_COOPMAT, 5e-3, 5e-2},
};

static int promises(void)
{
    int all = sizeof promised / sizeof *promised;
    return vks_gpu_get_limits(context->gpu)->matrix[0] ? all : all - 1;
}

// The tensor of that name in an evaluation, against the right values. Returns 0, or 1 and says so.
static int compare(const vks_safetensors *got, const char *name, const double *right, size_t count,
                   double bar)
{
    vkstyle_error error = {0};
    const vks_tensor_info *tensor = vks_safetensors_find(got, name);
    if (!tensor || tensor->values != count) {
        print_error("%s is missing, or has another size\n", name);
        return 1;
    }
    float *values = vks_safetensors_floats(tensor, &error);
    need(values, &error);
    double off = rig_off(values, right, count);
    free(values);
    if (off < bar)
        return 0;
    print_error("%s is off by %.2e, and may be by %.0e\n", name, off, bar);
    return 1;
}

// ---------------------------------------------------------------- a small encoder

static const char chain[] = "conv1_1:6 conv1_2:9 pool1 conv2_1:10 conv2_2:13 pool2 conv3_1:18 "
                            "conv3_2:15 pool3 conv4_1:21 conv4_2:20 pool4 conv5_1:24";

static int compare_gram(const vks_safetensors *got, const char *group, const char *layer,
                        const reference_tensor *features, double bar)
{
    char name[100];
    size_t n = (size_t)features->channels;
    double *gram = reference_gram(features); // the paper's is not divided by the positions
    for (size_t i = 0; i < n * n; i++)
        gram[i] *= (double)features->height * features->width;
    snprintf(name, sizeof name, "%s/%s", group, layer);
    int wrong = compare(got, name, gram, n * n, bar);
    free(gram);
    return wrong;
}

// Content and style losses apart, each with its own gradient.
static int compare_loss(const vks_safetensors *got, const reference_loss *loss, const char *what,
                        const reference_tensor *target, const double *reported, const bars *b)
{
    char name[100];
    reference_tensor gradient;
    reference_values values = reference_measure(loss, target, &gradient);
    double right = values.raw_content + values.raw_style;
    snprintf(name, sizeof name, "loss_%s", what);
    int wrong = compare(got, name, &right, 1, b->values);
    float same = (float)*reported;
    wrong += !(rig_off(&same, &right, 1) < b->values);
    snprintf(name, sizeof name, "grad_%s", what);
    wrong += compare(got, name, gradient.at, reference_count(&gradient), b->gradients);
    reference_free(&gradient);
    return wrong;
}

static int evaluate_small(const bars *b, vkstyle_pool pool, int tile, int width, int height,
                          int style_width, int style_height)
{
    vkstyle_error error = {0};
    vkstyle_params params;
    vkstyle_params_default(&params);
    params.precision = b->precision;
    params.kernels = b->kernels;
    params.pool = pool;
    params.tile = tile;
    params.tv = 5;                        // evaluate has none
    params.padding = VKSTYLE_PAD_REFLECT; // and pads with zeros
    vkstyle_model *model = rig_model(chain, 5);
    vkstyle_image *content = rig_picture(width, height, 2), *target = rig_picture(width, height, 1);
    vkstyle_image *style = rig_picture(style_width, style_height, 3);
    double losses[2];
    need(
        vkstyle_evaluate(context, model, content, style, target, &params, out_path, losses, &error),
        &error);
    vks_safetensors *got = vks_safetensors_open(out_path, &error);
    need(got, &error);

    // Small pictures are padded before they are looked at.
    vkstyle_image **images[] = {&content, &style, &target};
    for (int i = 0; i < 3; i++) {
        vkstyle_image *padded = vks_pad_small(*images[i], &error);
        need(padded, &error);
        vkstyle_image_free(images[i]);
        *images[i] = padded;
    }
    static const char *const names[] = {"conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1"};
    reference_loss loss = {.encoder = {model, pool, VKSTYLE_PAD_ZERO, model->layer_count},
                           .content_layer = vks_model_find(model, "conv4_2"),
                           .alpha = 1,
                           .beta = 1,
                           .raw = true};
    reference_tensor picture = reference_picture(target), other = reference_picture(style);
    reference_pass pass, style_pass;
    reference_forward(&pass, &loss.encoder, &picture);
    reference_forward(&style_pass, &loss.encoder, &other);
    int wrong = 0;
    char name[100];
    for (int i = 0; i < model->layer_count; i++) {
        if (model->layers[i].kind == VKS_POOL)
            continue;
        snprintf(name, sizeof name, "target/%s", model->layers[i].name);
        wrong += compare(got, name, pass.layer[i].at, reference_count(&pass.layer[i]), b->values);
    }
    reference_aim_content(&loss, content);
    wrong +=
        compare(got, "content/conv4_2", loss.content.at, reference_count(&loss.content), b->values);
    wrong += compare_loss(got, &loss, "content", &picture, &losses[0], b);
    reference_free(&loss.content);
    loss.style_count = 5;
    for (int i = 0; i < 5; i++) {
        loss.style_layers[i] = vks_model_find(model, names[i]);
        loss.layer_weights[i] = 0.2;
        int layer = loss.style_layers[i];
        wrong += compare_gram(got, "gram_target", names[i], &pass.layer[layer], b->values);
        wrong += compare_gram(got, "gram_style", names[i], &style_pass.layer[layer], b->values);
    }
    const vkstyle_image *styles[] = {style};
    reference_aim_style(&loss, styles, NULL, 1);
    wrong += compare_loss(got, &loss, "style", &picture, &losses[1], b);
    // 9 activations, the content's, 2 x 5 Gram matrices, 2 losses, 2 gradients: nothing else.
    wrong += vks_safetensors_count(got) != 9 + 1 + 10 + 4;
    reference_loss_free(&loss);
    reference_pass_free(&pass);
    reference_pass_free(&style_pass);
    reference_free(&picture);
    reference_free(&other);
    vks_safetensors_close(&got);
    vkstyle_image_free(&content);
    vkstyle_image_free(&style);
    vkstyle_image_free(&target);
    vkstyle_model_free(&model);
    return wrong;
}

static void small_encoder(void **state)
{
    (void)state;
    int wrong = 0;
    for (int i = 0; i < promises(); i++) {
        bars b = promised[i];
        if (b.precision == VKSTYLE_PRECISION_FP16)
            b.gradients = 1e-1; // without training, half precision decides otherwise more often
        wrong += evaluate_small(&b, VKSTYLE_POOL_MAX, 0, 40, 33, 27, 50);
        wrong += evaluate_small(&b, VKSTYLE_POOL_AVG, 0, 9, 20, 5, 7);
    }
    assert_int_equal(wrong, 0);
}

// Tile by tile the same values come out: for tiles that divide the picture and that do not, with
// odd rests, rests too narrow for a position of the deepest layer, and tiles in the middle that
// touch no edge.
static void small_encoder_in_tiles(void **state)
{
    (void)state;
    static const struct {
        int tile, width, height;
    } cases[] = {{16, 40, 33}, {64, 131, 67}, {48, 113, 50}, {23, 65, 16}, {32, 257, 80}};
    int wrong = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int found = evaluate_small(&promised[0], i % 2 ? VKSTYLE_POOL_AVG : VKSTYLE_POOL_MAX,
                                   cases[i].tile, cases[i].width, cases[i].height, 50, 35);
        if (found)
            print_error("tile %d of %dx%d: %d wrong\n", cases[i].tile, cases[i].width,
                        cases[i].height, found);
        wrong += found;
    }
    // The other kernels and storage. Half precision at the size and bar of small_encoder: this
    // encoder is not trained, and at 101x83 it is off by 0.108 in one piece and in tiles alike.
    for (int i = 1; i < promises(); i++) {
        bars b = promised[i];
        bool half = b.precision == VKSTYLE_PRECISION_FP16;
        b.gradients = half ? 1e-1 : b.gradients;
        wrong += half ? evaluate_small(&b, VKSTYLE_POOL_MAX, 16, 40, 33, 27, 50)
                      : evaluate_small(&b, VKSTYLE_POOL_MAX, 64, 101, 83, 27, 50);
    }
    assert_int_equal(wrong, 0);
}

static void different_sizes(void **state)
{
    (void)state;
    vkstyle_error error = {0};
    vkstyle_params params;
    vkstyle_params_default(&params);
    vkstyle_model *model = rig_model(chain, 5);
    vkstyle_image *content = rig_picture(20, 16, 2), *target = rig_picture(16, 20, 1);
    assert_false(vkstyle_evaluate(context, model, content, content, target, &params, out_path, NULL,
                                  &error));
    assert_int_equal(error.status, VKSTYLE_USAGE);
    assert_non_null(strstr(error.text, "20x16"));
    vkstyle_image_free(&content);
    vkstyle_image_free(&target);
    vkstyle_model_free(&model);
}

// ---------------------------------------------------------------- VGG-19

static const char *shared_folder(void)
{
    const char *folder = getenv("VKSTYLE_SHARED");
    return folder && *folder ? folder : getenv("VKSTYLE_SHARED_DEFAULT");
}

// VGG-19 in float32, from Keras' file; NULL: it is not there.
static vkstyle_model *vgg19(void)
{
    vkstyle_error error = {0};
    char path[VKSTYLE_PATH];
    snprintf(path, sizeof path, "%s/vgg19/vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5",
             shared_folder());
    if (access(path, R_OK))
        return NULL;
    need(vkstyle_model_import(path, model_path, 32, &error), &error);
    vkstyle_model *model = vkstyle_model_load(model_path, &error);
    need(model, &error);
    return model;
}

static vkstyle_image *tensor_image(const char *file, const char *name)
{
    vkstyle_error error = {0};
    char path[2 * VKSTYLE_PATH];
    snprintf(path, sizeof path, "%s:%s", file, name);
    vkstyle_image *image = vkstyle_image_load(path, &error);
    need(image, &error);
    return image;
}

static int compare_files(const vks_safetensors *right, const vks_safetensors *got, const bars *b)
{
    vkstyle_error error = {0};
    int wrong = 0, compared = 0;
    for (int i = 0; i < vks_safetensors_count(right); i++) {
        const vks_tensor_info *tensor = vks_safetensors_at(right, i);
        const char *name = tensor->name;
        if (!strcmp(name, "content") || !strcmp(name, "style") || !strcmp(name, "target") ||
            !strcmp(name, "adam_target"))
            continue;
        float *values = vks_safetensors_floats(tensor, &error);
        double *wide = malloc(tensor->values * sizeof *wide);
        assert_true(values && wide);
        for (uint64_t k = 0; k < tensor->values; k++)
            wide[k] = values[k];
        wrong += compare(got, name, wide, tensor->values,
                         strncmp(name, "grad_", 5) ? b->values : b->gradients);
        compared++;
        free(values);
        free(wide);
    }
    return wrong + (compared < 20);
}

static int evaluate_file(const vkstyle_model *model, const char *file, const bars *b, int tile)
{
    vkstyle_error error = {0};
    vkstyle_params params;
    vkstyle_params_default(&params);
    params.precision = b->precision;
    params.kernels = b->kernels;
    params.tile = tile;
    params.pool = strstr(file, "-avg.") ? VKSTYLE_POOL_AVG : VKSTYLE_POOL_MAX;
    vkstyle_image *content = tensor_image(file, "content"), *style = tensor_image(file, "style");
    vkstyle_image *target = tensor_image(file, "target");
    need(vkstyle_evaluate(context, model, content, style, target, &params, out_path, NULL, &error),
         &error);
    vks_safetensors *right = vks_safetensors_open(file, &error);
    vks_safetensors *got = vks_safetensors_open(out_path, &error);
    assert_true(right && got);
    int wrong = compare_files(right, got, b);
    vks_safetensors_close(&right);
    vks_safetensors_close(&got);
    vkstyle_image_free(&content);
    vkstyle_image_free(&style);
    vkstyle_image_free(&target);
    return wrong;
}

// loss_content + 1000 * loss_style, five steps of torch.optim.Adam.
static int five_steps(const vkstyle_model *model, const char *file)
{
    vkstyle_error error = {0};
    vkstyle_params params;
    vkstyle_params_default(&params);
    params.pool = strstr(file, "-avg.") ? VKSTYLE_POOL_AVG : VKSTYLE_POOL_MAX;
    params.raw_losses = params.no_clamp = true;
    params.iterations = 5;
    params.levels = 1;
    params.beta = 1000;
    params.learning_rate = 0.02;
    params.precision = VKSTYLE_PRECISION_FP32;
    params.kernels = VKSTYLE_KERNELS_DIRECT;
    params.init = VKSTYLE_INIT_FILE;
    vkstyle_image *content = tensor_image(file, "content"), *style = tensor_image(file, "style");
    vkstyle_image *start = tensor_image(file, "target"), *right = tensor_image(file, "adam_target");
    const vkstyle_image *styles[] = {style};
    vkstyle_job job = {.content = content, .styles = styles, .style_count = 1, .init = start};
    vkstyle_image *result = vkstyle_transfer(context, model, &job, &params, NULL, &error);
    need(result, &error);
    assert_true(result->width == right->width && result->height == right->height);
    reference_tensor wide = reference_picture(right);
    double off = rig_off(result->rgb, wide.at, reference_count(&wide));
    double still = rig_off(start->rgb, wide.at, reference_count(&wide));
    if (off >= 2e-3)
        print_error("%s: after five steps of Adam off by %.1e\n", file, off);
    reference_free(&wide);
    vkstyle_image_free(&result);
    vkstyle_image_free(&content);
    vkstyle_image_free(&style);
    vkstyle_image_free(&start);
    vkstyle_image_free(&right);
    return off >= 2e-3 || still < 0.02; // something has moved
}

static void reference_files(void **state)
{
    (void)state;
    char folder[VKSTYLE_PATH], path[VKSTYLE_PATH + 300];
    snprintf(folder, sizeof folder, "%s/reference", shared_folder() ? shared_folder() : "");
    DIR *list = shared_folder() ? opendir(folder) : NULL;
    vkstyle_model *model = list ? vgg19() : NULL;
    if (!model) {
        if (list)
            closedir(list);
        print_message("skipped: no reference values and weights of VGG-19 in ../shared or "
                      "$VKSTYLE_SHARED\n");
        skip();
    }
    // Under sanitizers one file will do: what differs between files is in the shaders, which they
    // do not see.
    bool quick = getenv("VKSTYLE_TEST_QUICK") != NULL;
    int wrong = 0, files = 0;
    for (struct dirent *entry; (entry = readdir(list)) && !(quick && files);) {
        size_t length = strlen(entry->d_name);
        if (length < 12 || strcmp(entry->d_name + length - 12, ".safetensors"))
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        for (int i = 0; i < promises(); i++) {
            if (promised[i].kernels >= VKSTYLE_KERNELS_TILED && files)
                continue; // software Vulkan is slow at them, and no file is special to them
            int found = evaluate_file(model, path, &promised[i], 0);
            if (found)
                print_error("%s, variant %d: %d wrong\n", entry->d_name, i, found);
            wrong += found;
        }
        int found = evaluate_file(model, path, &promised[0], 64);
        if (found)
            print_error("%s in tiles: %d wrong\n", entry->d_name, found);
        wrong += found;
        wrong += five_steps(model, path);
        files++;
    }
    closedir(list);
    vkstyle_model_free(&model);
    assert_int_equal(wrong, 0);
    assert_true(files > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_encoder),
        cmocka_unit_test(small_encoder_in_tiles),
        cmocka_unit_test(different_sizes),
        cmocka_unit_test(reference_files),
    };
    return cmocka_run_group_tests_name("reference", tests, setup, teardown);
}
