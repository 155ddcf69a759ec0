// SPDX-License-Identifier: MIT
//
// The pipeline cache's file: written whole, used again, and never in the way.
#include "support.h"

#include "gpu/internal.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char base[] = "/tmp/vkstyle-test-XXXXXX"; // $XDG_CACHE_HOME
static char path[1024];                          // of the file

// Opens the device, runs one small product, checks that it did, closes.
static void work(void)
{
    static const product small = {
        .columns = 64, .n = 16, .k = 16, .batch = 1, .width = 64, .chunk = 16, .oc = 4};
    vkstyle_error error = {0};
    vks_gpu *gpu = open_with(NULL);
    snprintf(path, sizeof path, "%s/vkstyle/pipelines-%s.bin", base, vks_gpu_key(gpu));
    vks_block *block = vks_block_create(gpu, 16384, VKS_MEMORY_DEVICE, "block", &error);
    need(block, &error);
    float ones[4096];
    for (int i = 0; i < 4096; ++i)
        ones[i] = 1;
    need(vks_upload(gpu, (vks_slice){block, 0, 16384}, ones, &error), &error);
    const vks_slice slices[3] = {{block, 0, 1024}, {block, 1024, 4096}, {block, 8192, 4096}};
    vks_sequence *sequence = vks_sequence_create(gpu, false, &error);
    need(sequence, &error);
    product_add(sequence, &small, VKS_FLOAT, slices, false);
    need(vks_sequence_cut(sequence, 1, &error), &error);
    need(vks_sequence_record(sequence, &error), &error);
    run(gpu, sequence);
    need(vks_download(gpu, slices[2], ones, &error), &error);
    for (int i = 0; i < 1024; ++i)
        assert_true(ones[i] == 16);
    vks_sequence_free(&sequence);
    vks_block_free(&block);
    vks_gpu_close(&gpu);
}

static unsigned char *read_file(size_t *bytes)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return NULL;
    unsigned char *data = malloc(1 << 24);
    assert_non_null(data);
    *bytes = fread(data, 1, 1 << 24, file);
    fclose(file);
    return data;
}

static void write_file(const void *data, size_t bytes)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, bytes, file), bytes);
    assert_int_equal(fclose(file), 0);
}

static int files(const char *folder)
{
    char name[1100];
    snprintf(name, sizeof name, "%s/%s", base, folder);
    DIR *dir = opendir(name);
    if (!dir)
        return -1;
    int count = 0;
    for (struct dirent *entry; (entry = readdir(dir));)
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

static void kept(void **state)
{
    (void)state;
    size_t bytes = 0;
    work();
    unsigned char *data = read_file(&bytes);
    assert_non_null(data);
    assert_true(bytes >= 24 + 32);
    assert_memory_equal(data, "vkspipe1", 8);
    assert_int_equal(files("vkstyle"), 1); // nothing else is left beside it
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    work();
    free(data);
}

// Whatever the file holds, the work is done, and the file is whole again afterwards.
static void damaged(void **state)
{
    (void)state;
    work();
    size_t bytes = 0, after = 0;
    unsigned char *good = read_file(&bytes);
    assert_non_null(good);
    unsigned char *bad = malloc(bytes + 64);
    assert_non_null(bad);
    for (int i = 0; i < 9; ++i) {
        size_t length = bytes;
        memcpy(bad, good, bytes);
        memset(bad + bytes, 0, 64);
        switch (i) {
        case 0:
            length = 0;
            break;
        case 1:
            length = 10;
            break;
        case 2:
            length = bytes - 1;
            break;
        case 3:
            length = bytes + 1;
            break;
        case 4:
            bad[0] ^= 1; // magic
            break;
        case 5:
            bad[8 + 7] = 0xff; // a length of exabytes
            break;
        case 6:
            bad[bytes - 1] ^= 0x80; // data
            break;
        case 7: // another driver's data, whole: the hash fits, the UUID does not
            bad[24 + 16] ^= 0xff;
            memcpy(bad + 16, &(uint64_t){vks_hash(VKS_HASH_SEED, bad + 24, bytes - 24)}, 8);
            break;
        case 8: // a driver header that claims more than there is
            memset(bad + 24, 0xff, 4);
            memcpy(bad + 16, &(uint64_t){vks_hash(VKS_HASH_SEED, bad + 24, bytes - 24)}, 8);
            break;
        }
        write_file(bad, length);
        work();
        unsigned char *again = read_file(&after);
        assert_non_null(again);
        assert_int_equal(after, bytes);
        assert_memory_equal(again, good, 24 + 32);
        free(again);
    }
    free(good);
    free(bad);
}

static void nowhere(void **state)
{
    (void)state;
    char file[1100];
    snprintf(file, sizeof file, "%s/file", base);
    FILE *made = fopen(file, "w");
    assert_non_null(made);
    fclose(made);
    setenv("XDG_CACHE_HOME", file, 1); // is no folder
    work();
    setenv("XDG_CACHE_HOME", "/proc/vkstyle", 1); // cannot be made
    work();

    char *home = getenv("HOME") ? strdup(getenv("HOME")) : NULL;
    unsetenv("XDG_CACHE_HOME");
    unsetenv("HOME");
    work();
    setenv("HOME", base, 1);
    work();
    assert_int_equal(files(".cache/vkstyle"), 1);
    assert_int_equal(unlink(file), 0);
    setenv("XDG_CACHE_HOME", "relative", 1); // the standard says: ignored
    work();
    assert_int_not_equal(access("relative", F_OK), 0);
    assert_int_equal(files(".cache/vkstyle"), 1);
    if (home)
        setenv("HOME", home, 1);
    else
        unsetenv("HOME");
    free(home);
    setenv("XDG_CACHE_HOME", base, 1);
}

static int setup(void **state)
{
    (void)state;
    if (!mkdtemp(base))
        return -1;
    // Mesa has a cache of its own in the same place.
    setenv("MESA_SHADER_CACHE_DISABLE", "true", 1);
    return setenv("XDG_CACHE_HOME", base, 1);
}

static int teardown(void **state)
{
    (void)state;
    char command[100];
    snprintf(command, sizeof command, "rm -r '%s'", base);
    return system(command) != 0 || vks_gpu_validation_messages();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kept),
        cmocka_unit_test(damaged),
        cmocka_unit_test(nowhere),
    };
    return cmocka_run_group_tests_name("cache", tests, setup, teardown);
}
