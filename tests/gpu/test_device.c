// SPDX-License-Identifier: MIT
//
// Which device is opened, what is said when none can be, and VKSTYLE_DEBUG_LIMITS.
#include "support.h"

#include "error.h"
#include "gpu/internal.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void list(void **state)
{
    (void)state;
    vkstyle_error error = {0};
    vkstyle_device *devices = NULL;
    int count = 0;
    need(vkstyle_devices(&devices, &count, &error), &error);
    assert_true(count >= 1);
    for (int i = 0; i < count; ++i) {
        assert_int_equal(devices[i].index, i);
        assert_true(devices[i].name[0] && devices[i].driver[0]);
        assert_true(i == 0 || !devices[i].usable || devices[i].type >= devices[i - 1].type);
    }
    assert_true(devices[0].usable);
    assert_string_equal(devices[0].why_not, "");
    assert_int_equal(strlen(devices[0].uuid), 32);
    assert_true(devices[0].api >= (1 << 16 | 2 << 8));
    assert_true(devices[0].memory > 0 && devices[0].budget > 0);
    assert_true(devices[0].budget <= devices[0].memory);
    free(devices);
}

static void opened(const char *choice, const vkstyle_device *device)
{
    vkstyle_error error = {0};
    vkstyle_device got;
    vks_gpu *gpu = vks_gpu_open(choice, &error);
    need(gpu, &error);
    vks_gpu_describe(gpu, &got);
    assert_string_equal(got.name, device->name);
    assert_string_equal(got.uuid, device->uuid);
    assert_int_equal(got.index, device->index);
    vks_gpu_close(&gpu);
}

static void choices(void **state)
{
    (void)state;
    vkstyle_error error = {0};
    vkstyle_device *devices = NULL;
    int count = 0;
    need(vks_gpu_list(&devices, &count, &error), &error);
    const vkstyle_device *first = &devices[0];
    opened(NULL, first);
    opened("", first);
    opened("auto", first);
    opened("0", first);
    opened(first->uuid, first);
    char text[300];
    snprintf(text, sizeof text, "%.8s-%.4s-%.4s-%.4s-%.12s", first->uuid, first->uuid + 8,
             first->uuid + 12, first->uuid + 16, first->uuid + 20);
    for (char *c = text; *c; ++c)
        *c = (char)toupper((unsigned char)*c);
    opened(text, first);
    snprintf(text, sizeof text, "%s", first->name);
    for (char *c = text; *c; ++c)
        *c = (char)toupper((unsigned char)*c);
    opened(text, first);

    need_failure(vks_gpu_open("GeForce 9000", &error), &error, VKSTYLE_NO_DEVICE,
                 "\"GeForce 9000\"", "0: ", first->name, NULL);
    need_failure(vks_gpu_open("77", &error), &error, VKSTYLE_NO_DEVICE, "device 77", first->name,
                 NULL);
    need_failure(vks_gpu_open("4294967296", &error), &error, VKSTYLE_NO_DEVICE, "4294967296", NULL);
    need_failure(vks_gpu_open("-1", &error), &error, VKSTYLE_NO_DEVICE, "-1", NULL);
    need_failure(vks_gpu_open("01234567-89ab-cdef-0123-456789abcdef", &error), &error,
                 VKSTYLE_NO_DEVICE, "UUID", "01234567-89ab", first->name, NULL);
    assert_null(vks_gpu_open("77", NULL)); // without an error to fill
    free(devices);
}

// ---------------------------------------------------------------- machines that are not here

static char noticed[1024];

static void notice(const char *text, void *user)
{
    (void)user;
    snprintf(noticed, sizeof noticed, "%s", text);
}

static void machine(vks_candidate devices[5])
{
    static const struct {
        const char *name, *uuid;
        vkstyle_device_type type;
    } kinds[5] = {
        {"llvmpipe (LLVM 19)", "00000000000000000000000000000001", VKSTYLE_DEVICE_SOFTWARE},
        {"NVIDIA GeForce RTX 4090", "00000000000000000000000000000002", VKSTYLE_DEVICE_DISCRETE},
        {"NVIDIA GeForce RTX 4090 Laptop", "00000000000000000000000000000003",
         VKSTYLE_DEVICE_DISCRETE},
        {"Intel(R) UHD Graphics", "00000000000000000000000000000004", VKSTYLE_DEVICE_INTEGRATED},
        {"Virtio-GPU Venus", "00000000000000000000000000000005", VKSTYLE_DEVICE_VIRTUAL},
    };
    memset(devices, 0, 5 * sizeof *devices);
    for (int i = 0; i < 5; ++i) {
        snprintf(devices[i].info.name, sizeof devices[i].info.name, "%s", kinds[i].name);
        snprintf(devices[i].info.uuid, sizeof devices[i].info.uuid, "%s", kinds[i].uuid);
        devices[i].info.type = kinds[i].type;
        devices[i].info.usable = true;
    }
}

static const char *chosen(const vks_candidate *devices, int count, const char *choice,
                          vkstyle_error *error)
{
    const vks_candidate *candidate = vks_choose(devices, count, choice, error);
    return candidate ? candidate->info.name : NULL;
}

static void other_machines(void **state)
{
    (void)state;
    vkstyle_error error = {0};
    vks_candidate devices[5];
    machine(devices);
    vks_candidates_sort(devices, 5);
    const char *const order[] = {"NVIDIA GeForce RTX 4090", "NVIDIA GeForce RTX 4090 Laptop",
                                 "Intel(R) UHD Graphics", "Virtio-GPU Venus", "llvmpipe (LLVM 19)"};
    for (int i = 0; i < 5; ++i) {
        assert_string_equal(devices[i].info.name, order[i]);
        assert_int_equal(devices[i].info.index, i);
    }
    vkstyle_set_notice(notice, NULL);
    noticed[0] = 0;
    assert_string_equal(chosen(devices, 5, NULL, &error), order[0]);
    assert_string_equal(chosen(devices, 5, "uhd", &error), order[2]);
    assert_string_equal(chosen(devices, 5, "3", &error), order[3]);
    assert_string_equal(chosen(devices, 5, "4090 laptop", &error), order[1]);
    assert_string_equal(chosen(devices, 5, "nvidia geforce rtx 4090", &error), order[0]);
    assert_string_equal(chosen(devices, 5, "llvm", &error), order[4]);
    assert_string_equal(chosen(devices, 5, "00000000-0000-0000-0000-000000000004", &error),
                        order[2]);
    assert_string_equal(noticed, "");
    need_failure(chosen(devices, 5, "geforce", &error), &error, VKSTYLE_USAGE, "several",
                 "0: ", order[0], "1: ", order[1], NULL);
    assert_null(strstr(error.text, "UHD"));
    need_failure(chosen(devices, 5, "4090", &error), &error, VKSTYLE_USAGE, "several", NULL);
    need_failure(chosen(devices, 5, "Radeon", &error), &error, VKSTYLE_NO_DEVICE, order[0],
                 order[4], NULL);

    // The best one cannot be used: it goes last, and the next is taken.
    devices[0].info.usable = false;
    snprintf(devices[0].info.why_not, sizeof devices[0].info.why_not, "it has Vulkan 1.1");
    vks_candidates_sort(devices, 5);
    assert_string_equal(chosen(devices, 5, NULL, &error), order[1]);
    assert_string_equal(devices[4].info.name, order[0]);
    need_failure(chosen(devices, 5, "4", &error), &error, VKSTYLE_NO_DEVICE, order[0], "Vulkan 1.1",
                 NULL);

    // Software is taken by itself only when there is nothing else, and said.
    assert_string_equal(chosen(&devices[3], 1, NULL, &error), order[4]);
    assert_non_null(strstr(noticed, order[4]));
    assert_non_null(strstr(noticed, "software"));
    devices[3].info.usable = false;
    snprintf(devices[3].info.why_not, sizeof devices[3].info.why_not, "it is tired");
    need_failure(chosen(&devices[3], 2, NULL, &error), &error, VKSTYLE_NO_DEVICE, "it is tired",
                 "it has Vulkan 1.1", "apt install", NULL);
    vkstyle_set_notice(NULL, NULL);
}

// ---------------------------------------------------------------- simulated limits

static void simulated(void **state)
{
    (void)state;
    vks_gpu *gpu = open_with(NULL);
    const vks_gpu_limits own = *vks_gpu_get_limits(gpu);
    char key[128];
    snprintf(key, sizeof key, "%s", vks_gpu_key(gpu));
    for (const char *c = key; *c; ++c)
        assert_true(islower((unsigned char)*c) || isdigit((unsigned char)*c) || *c == '-');
    vks_gpu_close(&gpu);
    assert_true(own.invocations >= 128 && own.shared_bytes >= 16384 && own.push_bytes >= 128);
    assert_true(own.storage_range >= 128 << 20 && own.alignment >= 16);
    assert_true(own.allocation <= own.memory && own.budget <= own.memory);
    gpu = open_with(NULL);
    assert_string_equal(key, vks_gpu_key(gpu)); // the same each time
    vks_gpu_close(&gpu);

    gpu = open_with("storage_range=1048576,invocations=128,shared_bytes=16384,texel=0,groups=1000,"
                    "alignment=256,subgroup=4,memory=536870912,texel_elements=65536,software=0");
    const vks_gpu_limits *l = vks_gpu_get_limits(gpu);
    assert_int_equal(l->storage_range, 1 << 20);
    assert_int_equal(l->invocations, 128);
    assert_int_equal(l->shared_bytes, 16384);
    assert_int_equal(l->texel_elements, 65536);
    assert_false(l->texel);
    assert_false(l->software);
    for (int i = 0; i < 3; ++i)
        assert_int_equal(l->groups[i], 1000);
    assert_int_equal(l->alignment, 256);
    assert_int_equal(l->subgroup, 4);
    assert_int_equal(l->memory, 512 << 20);
    assert_true(l->allocation <= 512 << 20 && l->budget <= 512 << 20);
    assert_string_not_equal(key, vks_gpu_key(gpu)); // it must not calibrate the real one
    vks_gpu_close(&gpu);

    gpu = open_with("storage_range=999999999999,alignment=1,invocations=4000000000");
    assert_int_equal(vks_gpu_get_limits(gpu)->storage_range, own.storage_range);
    assert_int_equal(vks_gpu_get_limits(gpu)->alignment, own.alignment);
    assert_int_equal(vks_gpu_get_limits(gpu)->invocations, own.invocations);
    vks_gpu_close(&gpu);
    gpu = open_with("software=1");
    assert_true(vks_gpu_get_limits(gpu)->texel);
    vks_gpu_close(&gpu);
    gpu = open_with("software=0");
    assert_false(vks_gpu_get_limits(gpu)->texel);
    vks_gpu_close(&gpu);
}

static void fails_with(const char *limits, vkstyle_status status, const char *word,
                       const char *more)
{
    vkstyle_error error = {0};
    setenv("VKSTYLE_DEBUG_LIMITS", limits, 1);
    vks_gpu *gpu = vks_gpu_open(NULL, &error);
    unsetenv("VKSTYLE_DEBUG_LIMITS");
    need_failure(gpu, &error, status, word, more, NULL);
}

static void refused_limits(void **state)
{
    (void)state;
    const char *const wrong[] = {"storage_rang=5",
                                 "invocations",
                                 "invocations=",
                                 "invocations=1x",
                                 "texel=2",
                                 "alignment=48",
                                 "api=1",
                                 "api=x.1",
                                 "subgroup=-4",
                                 "memory=1,,",
                                 ",",
                                 "=5",
                                 "memory=99999999999999999999999"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; ++i)
        fails_with(wrong[i], VKSTYLE_USAGE, "VKSTYLE_DEBUG_LIMITS", NULL);
    fails_with("api=1.1", VKSTYLE_NO_DEVICE, "Vulkan 1.1", "needs 1.2");
    fails_with("api=1.0,memory=1000000", VKSTYLE_NO_DEVICE, "Vulkan 1.0", "driver");
    fails_with("invocations=64", VKSTYLE_NO_DEVICE, "64 invocations", "needs 128");
    fails_with("shared_bytes=8192", VKSTYLE_NO_DEVICE, "8192 bytes", "needs 16384");
    fails_with("push_bytes=64", VKSTYLE_NO_DEVICE, "64 bytes", "needs 128");

    // They are still listed, with the reason.
    vkstyle_error error = {0};
    vkstyle_device *devices;
    int count;
    setenv("VKSTYLE_DEBUG_LIMITS", "api=1.1", 1);
    const bool good = vks_gpu_list(&devices, &count, &error);
    unsetenv("VKSTYLE_DEBUG_LIMITS");
    need(good, &error);
    assert_false(devices[0].usable);
    assert_int_equal(devices[0].api, 1 << 16 | 1 << 8);
    assert_non_null(strstr(devices[0].why_not, "1.2"));
    free(devices);
}

// ---------------------------------------------------------------- no driver, no loader

static void no_driver(void **state)
{
    (void)state;
    vkstyle_error error = {0};
    vkstyle_device *devices = NULL;
    int count = 7;
    // The older name of the variable has its turn where the loader knows only that.
    setenv("VK_DRIVER_FILES", "/nonexistent/driver.json", 1);
    setenv("VK_ICD_FILENAMES", "/nonexistent/driver.json", 1);
    vks_gpu *gpu = vks_gpu_open(NULL, &error);
    const bool listed = vkstyle_devices(&devices, &count, NULL);
    unsetenv("VK_DRIVER_FILES");
    unsetenv("VK_ICD_FILENAMES");
    need_failure(gpu, &error, VKSTYLE_NO_DEVICE, "driver", "mesa-vulkan-drivers", "NVIDIA", NULL);
    assert_false(listed);
    assert_null(devices);
    assert_int_equal(count, 0);
}

// The line that the probe prints when its environment has one more variable.
static void probe(const char *arguments, const char *variable, const char *value, char *line,
                  size_t capacity)
{
    char command[1024];
    const char *program = getenv("VKS_TEST_PROBE");
    assert_non_null(program);
    assert_true((size_t)snprintf(command, sizeof command, "%s='%s' '%s' %s 2>&1", variable, value,
                                 program, arguments) < sizeof command);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    line[0] = 0;
    const char *got = fgets(line, (int)capacity, pipe);
    pclose(pipe);
    assert_non_null(got);
}

static void no_loader(void **state)
{
    (void)state;
    // Files of the loader's names that are no libraries, found first.
    char folder[] = "/tmp/vkstyle-test-XXXXXX", path[64], line[1200];
    assert_non_null(mkdtemp(folder));
    const char *const names[] = {"libvulkan.so.1", "libvulkan.so"};
    for (int i = 0; i < 2; ++i) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fputs("not a library\n", file);
        fclose(file);
    }
    probe("open", "LD_LIBRARY_PATH", folder, line, sizeof line);
    const bool said = strncmp(line, "3 ", 2) == 0 && strstr(line, "libvulkan1");
    probe("list", "LD_LIBRARY_PATH", folder, path, sizeof path);
    for (int i = 0; i < 2; ++i) {
        char name[64];
        snprintf(name, sizeof name, "%s/%s", folder, names[i]);
        unlink(name);
    }
    rmdir(folder);
    if (!said)
        fail_msg("%s", line);
    assert_memory_equal(path, "3 ", 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(list),           cmocka_unit_test(choices),
        cmocka_unit_test(other_machines), cmocka_unit_test(simulated),
        cmocka_unit_test(refused_limits), cmocka_unit_test(no_driver),
        cmocka_unit_test(no_loader),
    };
    return cmocka_run_group_tests_name("device", tests, NULL, NULL);
}
