// SPDX-License-Identifier: MIT
//
// Weights in Winograd's domain, G g G^T in plain double precision: made on the host for software
// devices, by a kernel for all others.
#include "iteration_rig.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double G[6][3] = {{1.0 / 4, 0, 0},
                               {-1.0 / 6, -1.0 / 6, -1.0 / 6},
                               {-1.0 / 6, 1.0 / 6, -1.0 / 6},
                               {1.0 / 24, 1.0 / 12, 1.0 / 6},
                               {1.0 / 24, -1.0 / 12, 1.0 / 6},
                               {0, 0, 1}};

// Frequency (y, x) of one output and one input.
static double right(const float *g, bool flipped, int y, int x)
{
    double sum = 0;
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            sum += G[y][i] * G[x][j] * g[flipped ? 8 - (i * 3 + j) : i * 3 + j];
    return sum;
}

static void compare(vks_network *network, vks_gpu *gpu, const vkstyle_model *model, int number,
                    vks_direction direction, vks_form form)
{
    vkstyle_error error = {0};
    const vks_layer *layer = &model->layers[number];
    bool forward = direction == VKS_FORWARD;
    size_t ins = (size_t)(forward ? layer->in : layer->out);
    size_t outs = (size_t)(forward ? layer->out : layer->in);
    size_t k_padded = (ins + 3) / 4 * 4, blocks = (outs + 15) / 16;
    vks_slice slice;
    need(vks_network_weights(network, number, direction, form, &slice, &error), &error);
    assert_int_equal(slice.bytes, 36 * blocks * k_padded * 16 * sizeof(float));
    float *got = malloc(slice.bytes), *plain = vks_layer_weights(layer, &error);
    assert_non_null(got);
    need(plain, &error);
    need(vks_download(gpu, slice, got, &error), &error);
    for (size_t f = 0; f < 36; f++)
        for (size_t n = 0; n < blocks * 16; n++)
            for (size_t k = 0; k < k_padded; k++) {
                size_t four = ((f * blocks + n / 16) * k_padded + k / 4 * 4) * 16; // inputs
                float is =
                    got[four + (form == VKS_WIDE ? n % 16 * 4 + k % 4 : k % 4 * 16 + n % 16)];
                if (n >= outs || k >= ins) {
                    assert_true(is == 0);
                    continue;
                }
                const float *g = plain + (forward ? n * ins + k : k * outs + n) * 9;
                double size = 0;
                for (int t = 0; t < 9; t++)
                    size = fmax(size, fabs(g[t]));
                assert_true(fabs(is - right(g, !forward, (int)f / 6, (int)f % 6)) <= 1e-6 * size);
            }
    free(got);
    free(plain);
}

static void both(void **state)
{
    (void)state;
    static const char *const limits[] = {NULL, "software=0,texel=0", "software=0"};
    for (int i = 0; i < 3; i++) {
        vkstyle_error error = {0};
        vks_gpu *gpu = rig_gpu(limits[i]);
        assert_int_equal(vks_gpu_get_limits(gpu)->software, !limits[i]);
        vkstyle_model *model =
            rig_model("conv1_1:5 conv1_2:17 pool1 conv2_1:33 conv2_2:64 conv2_3:3", 11);
        vks_network *network = vks_network_create(gpu, model, &error);
        need(network, &error);
        for (int layer = 1; layer < model->layer_count; layer++)
            if (model->layers[layer].kind == VKS_CONV)
                for (int d = 0; d < 2; d++) {
                    compare(network, gpu, model, layer, d, VKS_WINOGRAD);
                    if (!limits[i]) // for software Vulkan only
                        compare(network, gpu, model, layer, d, VKS_WIDE);
                }
        vks_network_settle(network);
        vks_network_free(&network);
        vkstyle_model_free(&model);
        vks_gpu_close(&gpu);
    }
    assert_int_equal(vks_gpu_validation_messages(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(both)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
