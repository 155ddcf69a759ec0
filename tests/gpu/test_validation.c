// SPDX-License-Identifier: MIT
//
// The validation layer is there, speaks, is heard and counted. This test fails where the layer is
// not installed: then the silence of the other tests would mean nothing.
#include "support.h"

#include "gpu/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

// Runs the probe, gives its exit status, and all that it printed.
static int probe(const char *environment, const char *arguments, char *text, size_t capacity)
{
    char command[1024];
    const char *program = getenv("VKS_TEST_PROBE");
    assert_non_null(program);
    assert_true((size_t)snprintf(command, sizeof command, "env %s '%s' %s 2>&1", environment,
                                 program, arguments) < sizeof command);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    const size_t length = fread(text, 1, capacity - 1, pipe);
    text[length] = 0;
    const int status = pclose(pipe);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void loaded(void **state)
{
    (void)state;
    vkstyle_error error = {0};
    setenv("VKSTYLE_VALIDATION", "1", 1);
    vks_gpu *gpu = vks_gpu_open(NULL, &error);
    need(gpu, &error);
    assert_true(gpu->instance->validation);
    assert_non_null(gpu->instance->messenger);
    vks_gpu_close(&gpu);
    assert_int_equal(vks_gpu_validation_messages(), 0);
}

static void heard(void **state)
{
    (void)state;
    char text[8192];
    // The program itself returns 0: the layer's message changes that.
    for (int i = 0; i < 2; ++i) {
        const char *how = i ? "VKSTYLE_VALIDATION=sync" : "VKSTYLE_VALIDATION=1";
        assert_int_equal(probe(how, "misuse", text, sizeof text), 1);
        assert_non_null(strstr(text, "vkstyle: validation error: "));
        assert_non_null(strstr(text, "vkCreateBuffer"));
        assert_non_null(strstr(text, "0 messages 1\n"));
        assert_non_null(strstr(text, "1 validation messages"));
        assert_int_equal(probe(how, "open", text, sizeof text), 0);
        assert_string_equal(text, "0 messages 0\n");
    }
    assert_int_equal(probe("VKSTYLE_VALIDATION=0", "misuse", text, sizeof text), 0);
    assert_string_equal(text, "0 messages 0\n");
}

static void missing(void **state)
{
    (void)state;
    char text[8192];
    probe("VKSTYLE_VALIDATION=1 VK_LAYER_PATH=/nonexistent", "open", text, sizeof text);
    assert_memory_equal(text, "1 ", 2);
    assert_non_null(strstr(text, "VK_LAYER_KHRONOS_validation"));
    assert_non_null(strstr(text, "vulkan-validationlayers"));
    probe("VKSTYLE_VALIDATION=yes", "open", text, sizeof text);
    assert_memory_equal(text, "2 ", 2);
    assert_non_null(strstr(text, "\"yes\""));
}

static void too_late(void **state)
{
    (void)state;
    vkstyle_error error = {0};
    setenv("VKSTYLE_VALIDATION", "0", 1);
    vks_gpu *gpu = vks_gpu_open(NULL, &error);
    need(gpu, &error);
    setenv("VKSTYLE_VALIDATION", "1", 1);
    need_failure(vks_gpu_open(NULL, &error), &error, VKSTYLE_FAILED, "VKSTYLE_VALIDATION", NULL);
    vks_gpu_close(&gpu);
    gpu = vks_gpu_open(NULL, &error);
    need(gpu, &error);
    vks_gpu_close(&gpu);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loaded),
        cmocka_unit_test(heard),
        cmocka_unit_test(missing),
        cmocka_unit_test(too_late),
    };
    return cmocka_run_group_tests_name("validation", tests, NULL, NULL);
}
