// SPDX-License-Identifier: MIT
// The reader and the writer of .safetensors, and the 16-bit numbers in them.
#include <stddef.h>
#include <stdint.h>
#include "scratch.h"

#include "model/half.h"
#include "model/safetensors.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

// A file of this header and so many bytes of data (0, 1, 2, ...).
static const char *write_raw(const char *header, size_t length, size_t data)
{
    const char *path = scratch_path("raw.safetensors");
    char *bytes = malloc(8 + length + data);
    assert_non_null(bytes);
    uint64_t size = length;
    memcpy(bytes, &size, 8);
    memcpy(bytes + 8, header, length);
    for (size_t i = 0; i < data; i++)
        bytes[8 + length + i] = (char)i;
    scratch_write(path, bytes, 8 + length + data);
    free(bytes);
    return path;
}

static vks_safetensors *open_raw(const char *header, size_t data, vkstyle_error *error)
{
    return vks_safetensors_open(write_raw(header, strlen(header), data), error);
}

static void test_round_trip(void **state)
{
    (void)state;
    vkstyle_error error;
    const uint8_t bytes[3] = {0, 7, 255};
    const uint16_t halves[2] = {0x3c00, 0xc100}, bfloats[2] = {0x3f80, 0xc000};
    const float floats[6] = {1, -2.5f, 3e-30f, 4e30f, 0, -0.0f};
    const double doubles[2] = {0.1, -1e100};
    const int64_t three = 3, two = 2, matrix[2] = {2, 3}, empty[2] = {0, 5};
    const char *path = scratch_path("round.safetensors");
    vks_safetensors_writer *writer = vks_safetensors_writer_create(&error);
    assert_non_null(writer);
    assert_done(vks_safetensors_add(writer, "bytes", VKS_U8, 1, &three, bytes, &error), error);
    assert_done(vks_safetensors_add(writer, "halves", VKS_F16, 1, &two, halves, &error), error);
    assert_done(vks_safetensors_add(writer, "b", VKS_BF16, 1, &two, bfloats, &error), error);
    assert_done(vks_safetensors_add(writer, "matrix", VKS_F32, 2, matrix, floats, &error), error);
    assert_done(vks_safetensors_add(writer, "dou\"ble \xc3\xa9", VKS_F64, 1, &two, doubles, &error),
                error);
    assert_done(vks_safetensors_add(writer, "empty", VKS_F32, 2, empty, NULL, &error), error);
    assert_done(vks_safetensors_add(writer, "scalar", VKS_F32, 0, NULL, floats, &error), error);
    assert_done(vks_safetensors_set_metadata(writer, "key", "old", &error), error);
    assert_done(vks_safetensors_set_metadata(writer, "key", "a \"value\"\nof two lines", &error),
                error);
    assert_done(vks_safetensors_write(writer, path, &error), error);
    size_t size, again_size;
    char *first = scratch_read(path, &size);
    assert_done(vks_safetensors_write(writer, path, &error), error); // over itself
    char *again = scratch_read(path, &again_size);
    assert_int_equal(size, again_size);
    assert_memory_equal(first, again, size);
    free(first);
    free(again);
    vks_safetensors_writer_free(&writer);
    assert_null(writer);

    vks_safetensors *file = vks_safetensors_open(path, &error);
    assert_done(file, error);
    assert_int_equal(vks_safetensors_count(file), 7);
    assert_string_equal(vks_safetensors_metadata(file, "key"), "a \"value\"\nof two lines");
    assert_null(vks_safetensors_metadata(file, "Key"));
    assert_null(vks_safetensors_find(file, "nothing"));
    assert_null(vks_safetensors_at(file, 7));
    assert_null(vks_safetensors_at(file, -1));
    // Wide types first: so the data is aligned as the types want it.
    const uint8_t *start = vks_safetensors_find(file, "dou\"ble \xc3\xa9")->data;
    for (int i = 0; i < 7; i++) {
        const vks_tensor_info *tensor = vks_safetensors_at(file, i);
        assert_int_equal(((const uint8_t *)tensor->data - start) % vks_dtype_size(tensor->dtype),
                         0);
    }
    const vks_tensor_info *tensor = vks_safetensors_find(file, "matrix");
    assert_int_equal(tensor->rank, 2);
    assert_int_equal(tensor->shape[1], 3);
    assert_int_equal(tensor->values, 6);
    assert_memory_equal(tensor->data, floats, sizeof floats);
    assert_int_equal(vks_safetensors_find(file, "empty")->values, 0);
    assert_int_equal(vks_safetensors_find(file, "scalar")->values, 1);
    static const struct {
        const char *name;
        float values[3];
    } wanted[] = {{"bytes", {0, 7, 255}},
                  {"halves", {1, -2.5f, 0}},
                  {"b", {1, -2, 0}},
                  {"dou\"ble \xc3\xa9", {0.1f, -INFINITY, 0}}};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        tensor = vks_safetensors_find(file, wanted[i].name);
        float *values = vks_safetensors_floats(tensor, &error);
        assert_done(values, error);
        for (uint64_t k = 0; k < tensor->values; k++)
            assert_true(values[k] == wanted[i].values[k]);
        free(values);
    }
    vks_safetensors_close(&file);
    assert_null(file);
    vks_safetensors_close(&file);
}

static void test_writer_refuses(void **state)
{
    (void)state;
    vkstyle_error error;
    const float value = 1;
    const int64_t one = 1, minus = -1, huge[2] = {INT64_MAX, 4};
    vks_safetensors_writer *writer = vks_safetensors_writer_create(&error);
    assert_true(vks_safetensors_add(writer, "x", VKS_F32, 1, &one, &value, &error));
    assert_false(vks_safetensors_add(writer, "x", VKS_F32, 1, &one, &value, &error));
    assert_failure(error, VKSTYLE_FAILED, "'x' was to be written twice");
    assert_false(vks_safetensors_add(writer, "y", VKS_F32, 7, huge, &value, &error));
    assert_failure(error, VKSTYLE_FAILED, "'y' has 7 dimensions");
    assert_false(vks_safetensors_add(writer, "y", VKS_F32, 1, &minus, &value, &error));
    assert_failure(error, VKSTYLE_FAILED, "shape of tensor 'y'");
    assert_false(vks_safetensors_add(writer, "y", VKS_F32, 2, huge, &value, &error));
    assert_failure(error, VKSTYLE_FAILED, "shape of tensor 'y'");
    assert_false(vks_safetensors_add(writer, "", VKS_F32, 1, &one, &value, &error));
    assert_failure(error, VKSTYLE_FAILED, "name");
    assert_false(vks_safetensors_set_metadata(writer, "key", "\xff", &error));
    assert_failure(error, VKSTYLE_FAILED, "UTF-8");
    assert_false(vks_safetensors_add(writer, "x", VKS_F32, 1, &one, &value, NULL));

    // A file that cannot be written leaves nothing, and harms nothing that is there.
    int before = scratch_count();
    assert_false(vks_safetensors_write(writer, scratch_path("no/such/folder"), &error));
    assert_failure(error, VKSTYLE_FAILED, "No such file or directory");
    const char *folder = scratch_path("folder");
    assert_int_equal(mkdir(folder, 0777), 0);
    assert_false(vks_safetensors_write(writer, folder, &error));
    assert_failure(error, VKSTYLE_FAILED, "cannot write");
    assert_int_equal(rmdir(folder), 0);
    assert_int_equal(scratch_count(), before);
    vks_safetensors_writer_free(&writer);
}

// The disk is full half way (a limit on file sizes says so): the old file stays, no other is left.
static void test_writer_fails_midway(void **state)
{
    (void)state;
    vkstyle_error error;
    float values[5000] = {0};
    const int64_t count = 5000;
    const char *path = scratch_path("old.safetensors");
    scratch_write(path, "old", 3);
    int before = scratch_count();
    vks_safetensors_writer *writer = vks_safetensors_writer_create(&error);
    assert_true(vks_safetensors_add(writer, "x", VKS_F32, 1, &count, values, &error));
    struct rlimit limit, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    small = limit;
    small.rlim_cur = 4096;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    bool done = vks_safetensors_write(writer, path, &error);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_false(done);
    assert_failure(error, VKSTYLE_FAILED, "File too large");
    size_t size;
    char *kept = scratch_read(path, &size);
    assert_string_equal(kept, "old");
    free(kept);
    assert_int_equal(scratch_count(), before);
    vks_safetensors_writer_free(&writer);
}

// The temporary name is there already, as a symbolic link that somebody planted: it is not
// followed, and the next name is taken.
static void test_writer_avoids_links(void **state)
{
    (void)state;
    vkstyle_error error;
    const float value = 1;
    const int64_t one = 1;
    char name[64];
    const char *path = scratch_path("linked.safetensors");
    snprintf(name, sizeof name, "linked.safetensors.%ld-0.tmp", (long)getpid());
    const char *trap = scratch_path(name), *victim = scratch_path("victim");
    scratch_write(victim, "precious", 8);
    assert_int_equal(symlink(victim, trap), 0);
    vks_safetensors_writer *writer = vks_safetensors_writer_create(&error);
    assert_true(vks_safetensors_add(writer, "x", VKS_F32, 1, &one, &value, &error));
    assert_done(vks_safetensors_write(writer, path, &error), error);
    vks_safetensors_writer_free(&writer);
    size_t size;
    char *kept = scratch_read(victim, &size);
    assert_string_equal(kept, "precious");
    free(kept);
    vks_safetensors *file = vks_safetensors_open(path, &error);
    assert_done(file, error);
    vks_safetensors_close(&file);
}

#define X(DTYPE, SHAPE, BEGIN, END)                                                                \
    "{\"x\":{\"dtype\":\"" DTYPE "\",\"shape\":" SHAPE ",\"data_offsets\":[" BEGIN "," END "]}}"

static void test_accepted(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        size_t data;
    } good[] = {
        {"{}", 0},
        {X("U8", "[4]", "0", "4"), 4},
        {X("F32", "[]", "0", "4") "   ", 4},
        {X("F32", "[0,9007199254740992]", "0", "0"), 0},
        {"{\"__metadata__\":{},\"x\":{\"shape\":[1],\"data_offsets\":[0,1],\"dtype\":\"U8\"}}", 1},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        vkstyle_error error;
        vks_safetensors *file = open_raw(good[i].header, good[i].data, &error);
        assert_done(file, error);
        vks_safetensors_close(&file);
    }
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        size_t data;
        const char *words;
    } bad[] = {
        {"[]", 0, "not a .safetensors file"},
        {"{", 0, "too short"},
        {"{ ", 0, "not valid JSON"},
        {"{}x", 0, "not valid JSON"},
        {"{\"x\":1}", 0, "type"},
        {"{\"x\":{}}", 0, "type"},
        {"{\"\":{}}", 0, "name"},
        {"{\"a\\nb\":{}}", 0, "name"},
        {"{\"a\xff\":{}}", 0, "not valid JSON"},
        {"{\"a\xed\xa0\x80\":{}}", 0, "not valid JSON"},
        {"{\"a\xc0\x80\":{}}", 0, "not valid JSON"},
        {X("I64", "[1]", "0", "8"), 8, "tensor 'x' is of a type"},
        {X("F32", "1", "0", "4"), 4, "has no shape"},
        {X("F32", "[-1]", "0", "4"), 4, "whole numbers"},
        {X("F32", "[1.5]", "0", "4"), 4, "whole numbers"},
        {X("F32", "[1e300]", "0", "4"), 4, "whole numbers"},
        {X("F32", "[\"1\"]", "0", "4"), 4, "whole numbers"},
        {X("F32", "[1,1,1,1,1,1,1]", "0", "4"), 4, "more than 6 dimensions"},
        {X("F32", "[4294967296,4294967296]", "0", "4"), 4, "absurdly large"},
        {X("F64", "[2305843009213693952,1]", "0", "0"), 0, "whole numbers"},
        {X("F64", "[4503599627370496,512]", "0", "0"), 0, "not as long as its shape"},
        {X("F32", "[2]", "0", "4"), 4, "not as long as its shape"},
        {X("F32", "[1]", "0", "4"), 3, "outside of the file"},
        {X("F32", "[1]", "4", "0"), 4, "outside of the file"},
        {X("F32", "[1]", "9007199254740988", "9007199254740992"), 4, "outside of the file"},
        {X("F32", "[1]", "-4", "0"), 4, "data offsets"},
        {X("F32", "[1]", "0,0", "4"), 4, "data offsets"},
        {X("F32", "[1]", "0", "4"), 8, "4 bytes after its last tensor"},
        {X("F32", "[1]", "4", "8"), 8, "leaves a hole"},
        {"{\"x\":{\"dtype\":\"U8\",\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1,
         "unknown or doubled field"},
        {"{\"x\":{\"dtype\":\"U8\",\"stride\":[1],\"shape\":[1],\"data_offsets\":[0,1]}}", 1,
         "unknown or doubled field"},
        {"{\"x\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
         "\"x\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]}}",
         2, "two tensors named 'x'"},
        {"{\"x\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},"
         "\"y\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[1,3]}}",
         3, "tensor 'y' overlaps"},
        {"{\"x\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},"
         "\"y\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]}}",
         2, "overlaps"},
        {"{\"__metadata__\":{\"a\":1}}", 0, "not a string"},
        {"{\"__metadata__\":[\"a\"]}", 0, "not a list of strings"},
        {"{\"__metadata__\":{},\"__metadata__\":{}}", 0, "metadata twice"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        vkstyle_error error = {0};
        vks_safetensors *file = open_raw(bad[i].header, bad[i].data, &error);
        if (file)
            fail_msg("accepted: %s", bad[i].header);
        assert_failure(error, VKSTYLE_FAILED, bad[i].words);
        assert_null(open_raw(bad[i].header, bad[i].data, NULL));
    }
}

static void test_bad_lengths(void **state)
{
    (void)state;
    vkstyle_error error;
    const char *path = scratch_path("length.safetensors");
    static const uint64_t lengths[] = {0, 1, 5, 1000, INT64_MAX, UINT64_MAX, UINT64_MAX - 7};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        char bytes[12] = {0, 0, 0, 0, 0, 0, 0, 0, '{', '}', ' ', ' '};
        memcpy(bytes, &lengths[i], 8);
        scratch_write(path, bytes, sizeof bytes);
        assert_null(vks_safetensors_open(path, &error));
        assert_failure(error, VKSTYLE_FAILED, "not a .safetensors file");
    }
    // Every possible truncation of a good file.
    const char *good = X("F32", "[1]", "0", "4");
    size_t size;
    char *whole = scratch_read(write_raw(good, strlen(good), 4), &size);
    for (size_t cut = 0; cut < size; cut++) {
        scratch_write(path, whole, cut);
        assert_null(vks_safetensors_open(path, &error));
        assert_failure(error, VKSTYLE_FAILED, path);
    }
    free(whole);
    // A header beyond the limit, and one that nests beyond reason.
    size = VKS_MAX_HEADER + 8;
    char *header = malloc(size);
    memset(header, ' ', size);
    header[0] = '{';
    header[size - 1] = '}';
    assert_null(vks_safetensors_open(write_raw(header, size, 0), &error));
    assert_failure(error, VKSTYLE_FAILED, "more than the 1048576");
    memset(header, '[', VKS_MAX_HEADER);
    memcpy(header, "{\"x\":", 5);
    assert_null(vks_safetensors_open(write_raw(header, VKS_MAX_HEADER, 0), &error));
    assert_failure(error, VKSTYLE_FAILED, "not valid JSON");
    free(header);
}

static void test_not_files(void **state)
{
    (void)state;
    vkstyle_error error;
    assert_null(vks_safetensors_open(scratch_path("absent"), &error));
    assert_failure(error, VKSTYLE_FAILED, "No such file");
    assert_null(vks_safetensors_open(scratch_path("."), &error));
    assert_failure(error, VKSTYLE_FAILED, "is not a file");
    const char *pipe = scratch_path("pipe");
    assert_int_equal(mkfifo(pipe, 0666), 0);
    assert_null(vks_safetensors_open(pipe, &error)); // must not wait for a writer
    assert_failure(error, VKSTYLE_FAILED, "is not a file");
}

// All 65536 halves, and the rounding of what lies between them.
static void test_half(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < 0x10000; bits++) {
        float value = vks_half_to_float((uint16_t)bits);
        int exponent = bits >> 10 & 31;
        double mantissa = bits & 1023, wanted;
        if (exponent == 31)
            wanted = mantissa == 0 ? INFINITY : NAN;
        else if (exponent == 0)
            wanted = ldexp(mantissa, -24);
        else
            wanted = ldexp(1024 + mantissa, exponent - 25);
        if (bits & 0x8000)
            wanted = -wanted;
        if (isnan(wanted)) {
            assert_true(isnan(value));
            assert_true(isnan(vks_half_to_float(vks_float_to_half(value))));
            continue;
        }
        assert_true((double)value == wanted);
        assert_int_equal(vks_float_to_half(value), bits);
        // Half way to the next larger magnitude goes to the even one, and a little more or less to
        // the nearer one.
        if (exponent == 31 || (bits & 0x7fff) == 0x7bff)
            continue;
        float middle = 0.5f * (value + vks_half_to_float((uint16_t)(bits + 1)));
        assert_int_equal(vks_float_to_half(middle), bits & 1 ? bits + 1 : bits);
        assert_int_equal(vks_float_to_half(nextafterf(middle, value)), bits);
        assert_int_equal(vks_float_to_half(nextafterf(middle, bits & 0x8000 ? -1e9f : 1e9f)),
                         bits + 1);
    }
    assert_int_equal(vks_float_to_half(65519.996f), 0x7bff);
    assert_int_equal(vks_float_to_half(65520), 0x7c00);
    assert_int_equal(vks_float_to_half(-3e38f), 0xfc00);
    assert_int_equal(vks_float_to_half(1e-30f), 0);
    assert_true(vks_bfloat_to_float(0xc049) == -3.140625f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_round_trip),
                                       cmocka_unit_test(test_writer_refuses),
                                       cmocka_unit_test(test_writer_fails_midway),
                                       cmocka_unit_test(test_writer_avoids_links),
                                       cmocka_unit_test(test_accepted),
                                       cmocka_unit_test(test_refused),
                                       cmocka_unit_test(test_bad_lengths),
                                       cmocka_unit_test(test_not_files),
                                       cmocka_unit_test(test_half)};
    return cmocka_run_group_tests(tests, scratch_create, scratch_remove);
}
