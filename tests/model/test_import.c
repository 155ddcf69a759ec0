// SPDX-License-Identifier: MIT
// Importing other programs' weights. argv[1] is tiny_keras.h5, which h5py wrote
// (make_tiny_keras.py); where libhdf5 is installed (VKS_TEST_HDF5), it writes what our reader must
// refuse.
#include <stddef.h>
#include <stdint.h>
#include "scratch.h"

#include "model/hdf5.h"
#include "model/import.h"
#include "model/safetensors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef VKS_TEST_HDF5
#include <hdf5.h>
#endif

static const char *fixture;
static char notice[1024];

static void take_notice(const char *text, void *user)
{
    (void)user;
    snprintf(notice, sizeof notice, "%s", text);
}

static float tiny_value(size_t k, int layer)
{
    return (float)((int)((k * 7 + (size_t)layer) % 251) - 125) / 128;
}

// Imports to a scratch file and loads that.
static vkstyle_model *import(const char *from, int bits)
{
    vkstyle_error error;
    const char *to = scratch_path("imported.safetensors");
    assert_done(vkstyle_model_import(from, to, bits, &error), error);
    vkstyle_model *model = vkstyle_model_load(to, &error);
    assert_done(model, error);
    assert_int_equal(model->bits, bits);
    return model;
}

static void refuse_import(const char *from, const char *words)
{
    vkstyle_error error = {0};
    const char *to = scratch_path("refused.safetensors");
    if (vkstyle_model_import(from, to, 32, &error))
        fail_msg("accepted, where '%s' was expected", words);
    assert_failure(error, VKSTYLE_FAILED, words);
    assert_false(scratch_exists(to));
    assert_false(vkstyle_model_import(from, to, 32, NULL));
}

static void check_chain(const vkstyle_model *model, const char *wanted)
{
    char chain[1000] = "";
    for (int i = 0; i < model->layer_count; i++) {
        size_t used = strlen(chain);
        snprintf(chain + used, sizeof chain - used, "%s%s:%d", i ? " " : "", model->layers[i].name,
                 model->layers[i].out);
    }
    assert_string_equal(chain, wanted);
}

static void test_keras(void **state)
{
    (void)state;
    static const int bits[] = {32, 16, 8};
    for (int b = 0; b < 3; b++) {
        notice[0] = '\0';
        vkstyle_model *model = import(fixture, bits[b]);
        assert_non_null(strstr(notice, "is not the file that Keras publishes"));
        check_chain(model, "conv1_1:4 conv1_2:5 pool1:5 conv2_1:6 conv2_2:3 pool2:3 conv3_1:2 "
                           "conv3_2:4 conv3_3:3 pool3:3 conv4_1:2");
        assert_int_equal(model->order[0], 2);
        assert_int_equal(model->order[2], 0);
        assert_true(model->scale[0] == 255 && model->shift[0] == -103.939);
        assert_non_null(strstr(model->source, "tiny_keras.h5"));
        assert_null(strchr(model->source, '/')); // no folder of the user's
        int conv = 0;
        for (int n = 0; n < model->layer_count; n++) {
            const vks_layer *layer = &model->layers[n];
            if (layer->kind == VKS_POOL)
                continue;
            vkstyle_error error;
            float *weights = vks_layer_weights(layer, &error);
            assert_done(weights, error);
            // Keras has [3][3][in][out]. The values are sevenths of 8 bits: no storage loses any.
            for (int o = 0; o < layer->out; o++)
                for (int i = 0; i < layer->in; i++)
                    for (int tap = 0; tap < 9; tap++)
                        assert_true(
                            weights[(o * layer->in + i) * 9 + tap] ==
                            tiny_value((size_t)((tap * layer->in + i) * layer->out + o), conv));
            for (int o = 0; o < layer->out; o++)
                assert_true(layer->bias[o] == tiny_value((size_t)o, conv));
            free(weights);
            conv++;
        }
        vkstyle_model_free(&model);
    }
}

static void test_keras_damaged(void **state)
{
    (void)state;
    size_t size;
    char *whole = scratch_read(fixture, &size), *copy = malloc(size);
    assert_non_null(copy);
    vkstyle_error error;
    const char *path = scratch_path("damaged.h5");
    scratch_write(path, whole, size - 1);
    refuse_import(path, "is incomplete: it has 22735 bytes and should have 22736");
    scratch_write(path, whole, 50);
    refuse_import(path, "not an HDF5 file, or is incomplete");
    // Cut anywhere, with a superblock that says so is right: what is missing is found missing.
    size_t refused = 0;
    for (size_t cut = 96; cut < size; cut += 13) {
        memcpy(copy, whole, cut);
        uint64_t end = cut;
        memcpy(copy + 40, &end, 8);
        vks_map map = {(const uint8_t *)copy, cut};
        vkstyle_model *model = vks_import_keras("cut.h5", &map, &error);
        if (model) { // what is cut off was not of the network
            assert_int_equal(model->layer_count, 11);
            vkstyle_model_free(&model);
            continue;
        }
        refused++;
        assert_failure(error, VKSTYLE_FAILED, "'cut.h5'");
    }
    assert_true(refused * 13 > size * 9 / 10);
    // A dataset that says it is shorter than its shape: the layout message is 3, 1, address,
    // length.
    static const uint8_t length[8] = {4 * 4 * 27 % 256, 4 * 4 * 27 / 256};
    memcpy(copy, whole, size);
    size_t found = 0;
    while (found + 18 < size && (copy[found] != 3 || copy[found + 1] != 1 ||
                                 memcmp(copy + found + 10, length, sizeof length)))
        found++;
    assert_true(found + 18 < size);
    copy[found + 10] -= 4;
    scratch_write(path, copy, size);
    refuse_import(path, "'block1_conv1/block1_conv1_W_1:0' is not as long as its shape says");
    // The root group's tree becomes its own child, on a level that would allow for it.
    memcpy(copy, whole, size);
    uint64_t root;
    memcpy(&root, copy + 80, 8); // of the root's symbol table entry: cached address of the tree
    assert_memory_equal(copy + root, "TREE", 4);
    copy[root + 5] = 1;
    memcpy(copy + root + 32, &root, 8);
    scratch_write(path, copy, size);
    refuse_import(path, "index is not where it should be");
    free(whole);
    free(copy);
}

// Overlapping datasets could ask for much more memory than the file has bytes.
static void test_keras_hands_out_once(void **state)
{
    (void)state;
    vkstyle_error error = {0};
    size_t size;
    char *whole = scratch_read(fixture, &size);
    vks_hdf5 *file = vks_hdf5_open("twice.h5", whole, size, &error);
    assert_done(file, error);
    vks_hdf5_dataset dataset;
    size_t bytes = 0;
    while (vks_hdf5_find(file, "block1_conv2/block1_conv2_W_1:0", &dataset, &error) ==
           VKS_HDF5_FOUND) {
        bytes += 4 * dataset.values;
        assert_true(bytes <= size);
    }
    assert_failure(error, VKSTYLE_FAILED, "shares its data");
    assert_true(bytes > size / 2);
    assert_int_equal(vks_hdf5_find(file, "block1_conv2/nothing", &dataset, &error),
                     VKS_HDF5_ABSENT);
    assert_int_equal(vks_hdf5_find(file, "block1_conv", &dataset, &error), VKS_HDF5_ABSENT);
    assert_int_equal(vks_hdf5_find(file, "input_1/x", &dataset, &error), VKS_HDF5_ABSENT);
    vks_hdf5_close(&file);
    vks_hdf5_close(&file);
    free(whole);
}

#ifdef VKS_TEST_HDF5
// How a file differs from what Keras writes.
typedef struct variant {
    const char *words; // of the refusal; NULL: accepted
    bool latest, compact, chunked, packed, external, named, later;
    int rank, holes; // rank of the kernel; bit b set: no block1_convB kernel
    float poison;
    hsize_t shape[5];
} variant;

static void write_dataset(hid_t file, const char *name, int rank, const hsize_t *shape, hid_t type,
                          const variant *what, bool kernel)
{
    static float values[2000];
    for (int i = 0; i < 2000; i++)
        values[i] = (float)i;
    if (kernel && what->poison != 0)
        values[5] = what->poison;
    hid_t space = H5Screate_simple(rank, shape, NULL), list = H5Pcreate(H5P_DATASET_CREATE);
    if (kernel && what->compact)
        H5Pset_layout(list, H5D_COMPACT);
    if (kernel && (what->chunked || what->packed))
        H5Pset_chunk(list, rank, shape);
    if (kernel && what->packed)
        H5Pset_deflate(list, 6);
    if (kernel && what->external)
        H5Pset_external(list, scratch_path("external"), 0, H5F_UNLIMITED);
    hid_t links = H5Pcreate(H5P_LINK_CREATE);
    H5Pset_create_intermediate_group(links, 1);
    hid_t set = H5Dcreate2(file, name, type, space, links, list, H5P_DEFAULT);
    assert_true(set >= 0);
    assert_true(H5Dwrite(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
    H5Dclose(set);
    H5Pclose(links);
    H5Pclose(list);
    H5Sclose(space);
}

static const char *write_variant(const variant *what, hid_t type)
{
    const char *path = scratch_path("variant.h5");
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    if (what->latest)
        H5Pset_libver_bounds(access, H5F_LIBVER_LATEST, H5F_LIBVER_LATEST);
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, access);
    assert_true(file >= 0);
    hid_t own = H5Tcopy(type);
    if (what->named)
        H5Tcommit2(file, "type", own, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    char name[100];
    hsize_t in = 3;
    for (int conv = 1; conv <= 3; conv++) {
        hsize_t plain[4] = {3, 3, in, (hsize_t)conv + 1};
        const hsize_t *shape = conv == 1 && what->rank ? what->shape : plain;
        int rank = conv == 1 && what->rank ? what->rank : 4;
        snprintf(name, sizeof name,
                 what->later ? "block1_conv%d/block1_conv%d/kernel:0"
                             : "block1_conv%d/block1_conv%d_W_1:0",
                 conv, conv);
        if (!(what->holes & 1 << conv))
            write_dataset(file, name, rank, shape, own, what, true);
        snprintf(name, sizeof name,
                 what->later ? "block1_conv%d/block1_conv%d/bias:0"
                             : "block1_conv%d/block1_conv%d_b_1:0",
                 conv, conv);
        if (!(what->holes & 16 << conv))
            write_dataset(file, name, 1, &plain[3], H5T_IEEE_F32LE, what, false);
        in = plain[3];
    }
    H5Tclose(own);
    assert_true(H5Fclose(file) >= 0);
    H5Pclose(access);
    return path;
}

static void test_keras_variants(void **state)
{
    (void)state;
    const struct {
        variant what;
        hid_t type;
    } cases[] = {
        {{.words = NULL}, H5T_IEEE_F32LE},
        {{.words = NULL, .compact = true}, H5T_IEEE_F32LE},
        {{.words = NULL, .later = true}, H5T_IEEE_F32LE},
        {{.words = "newer kind", .latest = true}, H5T_IEEE_F32LE},
        {{.words = "h5repack", .chunked = true}, H5T_IEEE_F32LE},
        {{.words = "h5repack", .packed = true}, H5T_IEEE_F32LE},
        {{.words = "way that vkstyle does not read", .external = true}, H5T_IEEE_F32LE},
        {{.words = "is not of little-endian float32", .named = true}, H5T_IEEE_F32LE},
        {{.words = "is not of little-endian float32"}, H5T_IEEE_F32BE},
        {{.words = "is not of little-endian float32"}, H5T_IEEE_F64LE},
        {{.words = "is not of little-endian float32"}, H5T_STD_I32LE},
        {{.words = "[3, 3, inputs, outputs]", .rank = 4, .shape = {2, 3, 3, 3}}, H5T_IEEE_F32LE},
        {{.words = "[3, 3, inputs, outputs]", .rank = 3, .shape = {3, 3, 6}}, H5T_IEEE_F32LE},
        {{.words = "more than four", .rank = 5, .shape = {3, 3, 3, 2, 1}}, H5T_IEEE_F32LE},
        {{.words = "[3, 3, inputs, outputs]", .rank = 4, .shape = {3, 3, 3, 3}}, H5T_IEEE_F32LE},
        {{.words = "expects 4 inputs but 3 arrive", .rank = 4, .shape = {3, 3, 4, 2}},
         H5T_IEEE_F32LE},
        {{.words = "not finite", .poison = NAN}, H5T_IEEE_F32LE},
        {{.words = "not finite", .poison = INFINITY}, H5T_IEEE_F32LE},
        {{.words = "is not a VGG from Keras", .holes = 2 + 4 + 8}, H5T_IEEE_F32LE},
        {{.words = "'block1_conv3/block1_conv3_W_1:0' but not block1_conv2", .holes = 4},
         H5T_IEEE_F32LE},
        {{.words = "no dataset 'block1_conv2/block1_conv2_b_1:0'", .holes = 16 << 2},
         H5T_IEEE_F32LE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *path = write_variant(&cases[i].what, cases[i].type);
        if (cases[i].what.words) {
            refuse_import(path, cases[i].what.words);
            continue;
        }
        vkstyle_model *model = import(path, 32);
        check_chain(model, "conv1_1:2 conv1_2:3 conv1_3:4");
        assert_true(model->layers[0].weights[1] == 3 * 2); // tap 1 of input 0, output 0
        vkstyle_model_free(&model);
    }
}
#endif

// A file with torchvision's names: indices and channels of the convolutions; -1 ends them.
static const char *write_torch(const int (*convs)[2], vks_dtype dtype, const char *extra, int rank)
{
    static double wide[4000];
    vkstyle_error error;
    vks_safetensors_writer *writer = vks_safetensors_writer_create(&error);
    int64_t in = 3;
    assert_true(vks_safetensors_set_metadata(writer, "format", "pt", &error));
    for (int i = 0; convs[i][0] >= 0; i++) {
        char name[64];
        int64_t shape[4] = {convs[i][1], in, 3, 3};
        in = shape[0];
        for (int k = 0; k < 4000; k++) {
            float value = tiny_value((size_t)k, i);
            if (dtype == VKS_F64)
                wide[k] = value;
            else
                ((float *)wide)[k] = value;
        }
        snprintf(name, sizeof name, "features.%d.weight", convs[i][0]);
        assert_done(vks_safetensors_add(writer, name, dtype, 4, shape, wide, &error), error);
        snprintf(name, sizeof name, "features.%d.bias", convs[i][0]);
        assert_done(vks_safetensors_add(writer, name, dtype, 1, shape, wide, &error), error);
    }
    memset(wide, 0, sizeof wide);
    if (extra)
        assert_done(vks_safetensors_add(writer, extra, VKS_F32, rank,
                                        (const int64_t[]){2, 3, 3, 3, 1}, wide, &error),
                    error);
    const char *path = scratch_path("torch.safetensors");
    assert_done(vks_safetensors_write(writer, path, &error), error);
    vks_safetensors_writer_free(&writer);
    return path;
}

static void test_torch(void **state)
{
    (void)state;
    // As VGG-16 begins: two and two and three convolutions.
    static const int convs[][2] = {{0, 4},  {2, 5},  {5, 6},  {7, 3},
                                   {10, 2}, {12, 4}, {14, 3}, {-1, 0}};
    static const vks_dtype types[] = {VKS_F32, VKS_F64};
    for (int t = 0; t < 2; t++) {
        vkstyle_model *model = import(write_torch(convs, types[t], "classifier.0.weight", 2), 32);
        check_chain(model, "conv1_1:4 conv1_2:5 pool1:5 conv2_1:6 conv2_2:3 pool2:3 conv3_1:2 "
                           "conv3_2:4 conv3_3:3");
        assert_int_equal(model->order[0], 0);
        assert_true(fabs(model->scale[0] * 0.229 - 1) < 1e-12);
        assert_true(fabs(model->shift[2] + 0.406 / 0.225) < 1e-12);
        const vks_layer *layer = &model->layers[vks_model_find(model, "conv2_2")];
        for (size_t k = 0; k < vks_layer_weight_count(layer); k++)
            assert_true(layer->weights[k] == tiny_value(k, 3));
        vkstyle_model_free(&model);
    }
}

static void test_torch_refused(void **state)
{
    (void)state;
    static const int late[][2] = {{1, 4}, {-1, 0}}, gap[][2] = {{0, 4}, {4, 5}, {-1, 0}},
                     near[][2] = {{0, 4}, {1, 5}, {-1, 0}}, good[][2] = {{0, 2}, {2, 3}, {-1, 0}};
    refuse_import(write_torch(late, VKS_F32, NULL, 0), "no tensor 'features.0.weight'");
    refuse_import(write_torch(gap, VKS_F32, NULL, 0), "does not fit a chain");
    refuse_import(write_torch(near, VKS_F32, NULL, 0), "does not fit a chain");
    refuse_import(write_torch(good, VKS_U8, NULL, 0), "[outputs, inputs, 3, 3]");
    refuse_import(write_torch(good, VKS_F32, "features.1.weight", 1), "normalises batches");
    refuse_import(write_torch(good, VKS_F32, "features.4.weight", 5), "[outputs, inputs, 3, 3]");
    refuse_import(write_torch(good, VKS_F32, "features.4.weight", 4), "'features.4.bias'");
    refuse_import(write_torch(good, VKS_F32, "features.9.running_mean", 1), "5 tensors");
    refuse_import(write_torch(good, VKS_F32, "features.9000.weight", 4), "5 tensors");
    // Values beyond float32 become infinite, and those are found.
    static const int one[][2] = {{0, 2}, {-1, 0}};
    const char *path = write_torch(one, VKS_F64, NULL, 0);
    size_t size;
    char *data = scratch_read(path, &size);
    double huge = -1e300;
    memcpy(data + size - 8, &huge, 8); // the last bias or weight
    scratch_write(path, data, size);
    free(data);
    refuse_import(path, "not finite");
}

static void test_usage(void **state)
{
    (void)state;
    vkstyle_error error;
    const char *to = scratch_path("usage.safetensors");
    assert_false(vkstyle_model_import(fixture, to, 4, &error));
    assert_failure(error, VKSTYLE_USAGE, "not 4");
    assert_false(vkstyle_model_import(fixture, scratch_path("usage.h5"), 8, &error));
    assert_failure(error, VKSTYLE_USAGE, ".safetensors");
    assert_false(vkstyle_model_import(scratch_path("absent.h5"), to, 8, &error));
    assert_failure(error, VKSTYLE_FAILED, "absent.h5");
    assert_false(vkstyle_model_import(fixture, scratch_path("no/where.safetensors"), 8, &error));
    assert_failure(error, VKSTYLE_FAILED, "cannot write");
    scratch_write(scratch_path("text.h5"), "hello, world", 12);
    assert_false(vkstyle_model_import(scratch_path("text.h5"), to, 8, &error));
    assert_failure(error, VKSTYLE_FAILED, "not a .safetensors file");
    // HDF5 given as a model says what to do.
    assert_null(vkstyle_model_load(fixture, &error));
    assert_failure(error, VKSTYLE_FAILED, "convert it with `vkstyle model import`");
    assert_false(scratch_exists(to));
}

// The whole of Keras' layout, where the workshop has such a file.
static void test_shared(void **state)
{
    (void)state;
    const char *path = scratch_shared("vgg19/vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5");
    if (!path)
        skip();
    vkstyle_error error;
    vkstyle_model *model = import(path, 32), *shipped = vkstyle_model_load(NULL, &error);
    assert_done(shipped, error);
    assert_int_equal(model->layer_count, 20);
    assert_string_equal(model->layers[19].name, "conv5_4");
    for (int n = 0; n < shipped->layer_count; n++) {
        const vks_layer *ours = &shipped->layers[n], *theirs = &model->layers[n];
        assert_string_equal(ours->name, theirs->name);
        if (ours->kind == VKS_POOL)
            continue;
        float *weights = vks_layer_weights(ours, &error);
        assert_done(weights, error);
        double difference = 0, norm = 0;
        for (size_t k = 0; k < vks_layer_weight_count(ours); k++) {
            difference += pow((double)weights[k] - theirs->weights[k], 2);
            norm += pow(theirs->weights[k], 2);
        }
        // That file is itself quantised from conv4_1 on.
        assert_true(sqrt(difference / norm) < (ours->name[4] < '4' ? 0.01 : 0.1));
        free(weights);
    }
    vkstyle_model_free(&shipped);
    vkstyle_model_free(&model);
    assert_int_equal(remove(scratch_path("imported.safetensors")), 0);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    fixture = argv[1];
    vkstyle_set_notice(take_notice, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keras),
        cmocka_unit_test(test_keras_damaged),
        cmocka_unit_test(test_keras_hands_out_once),
#ifdef VKS_TEST_HDF5
        cmocka_unit_test(test_keras_variants),
#endif
        cmocka_unit_test(test_torch),
        cmocka_unit_test(test_torch_refused),
        cmocka_unit_test(test_usage),
        cmocka_unit_test(test_shared),
    };
    return cmocka_run_group_tests(tests, scratch_create, scratch_remove);
}
