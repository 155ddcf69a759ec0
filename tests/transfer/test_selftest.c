// SPDX-License-Identifier: MIT
//
// The self-test's verdicts. Software Vulkan plays a GPU with matrix units: where the self-test asks
// for them, plain products in half precision stand in, and what comes back can be spoilt.
#include "iteration_rig.h"

#include "gpu/internal.h"
#include "transfer/kernel_choice.h"

#include <math.h>
#include <string.h>

// What becomes of a gradient on its way to the host.
typedef enum harm { NONE, STRETCHED, MIXED_UP, NOT_A_NUMBER, REFUSED } harm;

static harm plain_harm, matrix_harm; // of the plain kernels, of those that matrix units have
static bool matrices;                // those are at work
static int matrix_runs;

bool __real_vks_iteration_build(vks_iteration *it, const vks_gpu_limits *limits,
                                vks_network *network, const vks_setting *setting,
                                const vks_iteration_options *options, vkstyle_error *error);
bool __wrap_vks_iteration_build(vks_iteration *it, const vks_gpu_limits *limits,
                                vks_network *network, const vks_setting *setting,
                                const vks_iteration_options *options, vkstyle_error *error);
bool __real_vks_download_image(vks_gpu *gpu, vks_slice from, vkstyle_image *image,
                               vkstyle_error *error);
bool __wrap_vks_download_image(vks_gpu *gpu, vks_slice from, vkstyle_image *image,
                               vkstyle_error *error);

bool __wrap_vks_iteration_build(vks_iteration *it, const vks_gpu_limits *limits,
                                vks_network *network, const vks_setting *setting,
                                const vks_iteration_options *options, vkstyle_error *error)
{
    vks_setting here = *setting;
    matrices = here.encode.kernels == VKSTYLE_KERNELS_COOPMAT;
    matrix_runs += matrices;
    if (matrices) {
        assert_int_equal(here.storage, VKS_HALF);
        here.encode.kernels = VKSTYLE_KERNELS_TILED;
    }
    return __real_vks_iteration_build(it, limits, network, &here, options, error);
}

bool __wrap_vks_download_image(vks_gpu *gpu, vks_slice from, vkstyle_image *image,
                               vkstyle_error *error)
{
    size_t n = 3 * (size_t)image->width * (size_t)image->height;
    harm done = matrices ? matrix_harm : plain_harm;
    if (done == REFUSED) {
        *error = (vkstyle_error){VKSTYLE_FAILED, "the driver refused"};
        return false;
    }
    if (!__real_vks_download_image(gpu, from, image, error))
        return false;
    for (size_t i = 0; done == STRETCHED && i < n; i++)
        image->rgb[i] *= 1.02f;
    for (size_t i = 0; done == MIXED_UP && i + 1 < n; i += 2) {
        float first = image->rgb[i];
        image->rgb[i] = image->rgb[i + 1];
        image->rgb[i + 1] = first;
    }
    if (done == NOT_A_NUMBER)
        image->rgb[n / 2] = NAN;
    return true;
}

// Whether the device is trusted, and what auto then stands for on it.
static bool verdict(const char *limits, bool has_matrices, harm plain, harm with_matrices,
                    vkstyle_kernels *kernels, vkstyle_error *error)
{
    vks_gpu *gpu = rig_gpu(limits);
    vks_gpu_limits *is = &gpu->is.limits;
    vkstyle_params p;
    vks_storage storage;
    vkstyle_error none;
    for (int i = 0; i < 3; i++)
        is->matrix[i] = has_matrices ? 16 : 0;
    is->matrix_lanes = 32;
    plain_harm = plain;
    matrix_harm = with_matrices;
    matrix_runs = 0;
    *error = (vkstyle_error){0};
    bool trusted = vks_selftest(gpu, error);
    vkstyle_params_default(&p);
    need(vks_kernels_resolve(&p, vks_gpu_get_limits(gpu), kernels, &storage, &none), &none);
    p.kernels = VKSTYLE_KERNELS_COOPMAT; // asked for by name
    assert_true(vks_kernels_resolve(&p, is, &p.kernels, &storage, &none) == (is->matrix[0] > 0));
    vks_gpu_close(&gpu);
    return trusted;
}

static const char gpu_like[] = "software=0,texel=0";

static void matrix_units_are_tried(void **state)
{
    (void)state;
    vkstyle_error error;
    vkstyle_kernels kernels;
    assert_true(verdict(gpu_like, true, NONE, NONE, &kernels, &error));
    assert_int_equal(kernels, VKSTYLE_KERNELS_COOPMAT);
    assert_int_equal(matrix_runs, 1);
    // Not where there are none, nor on software Vulkan, whose auto does not mean them.
    assert_true(verdict(gpu_like, false, NONE, NONE, &kernels, &error));
    assert_int_equal(kernels, VKSTYLE_KERNELS_TILED);
    assert_int_equal(matrix_runs, 0);
    assert_true(verdict(NULL, true, NONE, NONE, &kernels, &error));
    assert_int_equal(kernels, VKSTYLE_KERNELS_WINOGRAD);
    assert_int_equal(matrix_runs, 0);
}

// The device goes on without its matrix units, and nobody is told of an error.
static void wrong_ones_are_dropped(void **state)
{
    (void)state;
    for (harm h = STRETCHED; h <= REFUSED; h++) {
        vkstyle_error error;
        vkstyle_kernels kernels;
        assert_true(verdict(gpu_like, true, NONE, h, &kernels, &error));
        assert_int_equal(kernels, VKSTYLE_KERNELS_TILED);
        assert_int_equal(matrix_runs, 1);
        assert_int_equal(error.status, VKSTYLE_DONE);
    }
}

static void a_wrong_device_is_refused(void **state)
{
    (void)state;
    for (harm h = STRETCHED; h <= REFUSED; h++) {
        vkstyle_error error;
        vkstyle_kernels kernels;
        assert_false(verdict(gpu_like, true, h, NONE, &kernels, &error));
        assert_int_equal(matrix_runs, 0);
        assert_int_equal(error.status, h == REFUSED ? VKSTYLE_FAILED : VKSTYLE_NO_DEVICE);
        assert_non_null(strstr(error.text, h == REFUSED ? "refused" : "failed the self-test"));
    }
}

static int teardown(void **state)
{
    (void)state;
    return vks_gpu_validation_messages();
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matrix_units_are_tried),
        cmocka_unit_test(wrong_ones_are_dropped),
        cmocka_unit_test(a_wrong_device_is_refused),
    };
    return cmocka_run_group_tests_name("selftest", tests, NULL, teardown);
}
