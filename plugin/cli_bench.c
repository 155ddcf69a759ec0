// SPDX-License-Identifier: MIT
#include "cli.h"

#include <cjson/cJSON.h>
#include <stdlib.h>

static const cli_option options[] = {
    {"size", 0, "Work", "N", "Time pictures of N x N pixels. Default: 512."},
    {"iterations", 0, "Work", "N", "Iterations to time, after a warm-up. Default: 10."},
    {"json", 0, "Work", NULL, "Print the figures as JSON."},
    {"model", 0, "Device and model", "M", CLI_MODEL_HELP},
    {"device", 0, "Device and model", "D", CLI_DEVICE_HELP},
    {"precision", 0, "Device and model", NULL, NULL},
    {"kernels", 0, "Device and model", NULL, NULL},
    {"memory", 0, "Device and model", "BYTES", NULL},
    {"tile", 0, "Device and model", "N", NULL},
    {"optimizer", 0, "Plan", NULL, NULL},
    {"pool", 0, "Plan", NULL, NULL},
    {"padding", 0, "Plan", NULL, NULL},
    {"style-layers", 0, "Plan", "a,b,..", NULL},
    {"style-loss", 0, "Plan", NULL, NULL},
    {"content-layer", 0, "Plan", "NAME", NULL},
    {0},
};

static const char *const examples[] = {
    "vkstyle bench",
    "Seconds an iteration at 512 x 512, kernel by kernel.",
    "vkstyle bench --size 1024 --json",
    "The same at 1024 x 1024, for programs.",
    NULL,
};

static int run(const cli_args *args);

const cli_command cli_bench_command = {
    .name = "bench",
    .synopsis = "[OPTION]...",
    .summary = "time an iteration and its kernels on a device",
    .about = "Times transfer's own work: network, Gram matrices, losses and optimiser.",
    .examples = examples,
    .options = options,
    .all_parameters = false,
    .run = run,
};

static const char *text_of(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsString(item) ? item->valuestring : "";
}

static double number_of(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsNumber(item) ? item->valuedouble : 0;
}

static void print_kernels(const cJSON *kernels)
{
    if (!cJSON_GetArraySize(kernels))
        return;
    printf("\n%-36s %12s %12s %8s\n", "kernel", "ms/iteration", "GFLOP/s", "of peak");
    const cJSON *kernel;
    cJSON_ArrayForEach(kernel, kernels)
    {
        printf("%-36s %12.3f", text_of(kernel, "name"), 1e3 * number_of(kernel, "seconds"));
        if (number_of(kernel, "gflops") > 0)
            printf(" %12.1f %6.0f %%", number_of(kernel, "gflops"),
                   100 * number_of(kernel, "share_of_peak"));
        printf("\n");
    }
}

static bool print_text(const char *json)
{
    cJSON *figures = cJSON_Parse(json);
    if (!cJSON_IsObject(figures)) {
        cJSON_Delete(figures);
        return false;
    }
    const cJSON *size = cJSON_GetObjectItemCaseSensitive(figures, "size");
    const cJSON *width = cJSON_GetArrayItem(size, 0), *height = cJSON_GetArrayItem(size, 1);
    char bytes[32];
    printf("device       %s\n", text_of(figures, "device"));
    printf("model        %s\n", text_of(figures, "model"));
    printf("size         %.0fx%.0f\n", width ? width->valuedouble : 0,
           height ? height->valuedouble : 0);
    printf("precision    %s\n", text_of(figures, "precision"));
    printf("iteration    %.4f s (median), %.4f s (fastest)\n",
           number_of(figures, "seconds_per_iteration"), number_of(figures, "fastest"));
    const cJSON *startup = cJSON_GetObjectItemCaseSensitive(figures, "startup");
    printf("speed        %.1f GFLOP/s of direct convolution's arithmetic; the device does %.1f\n",
           number_of(figures, "gflops"), number_of(figures, "device_peak_gflops"));
    printf("start-up     %.3f s: instance and device %.3f, pipelines %.3f, weights %.3f, style and "
           "content %.3f, first iteration %.3f\n",
           number_of(figures, "startup_seconds"), number_of(startup, "instance"),
           number_of(startup, "pipelines"), number_of(startup, "weights"),
           number_of(startup, "style_and_content"), number_of(startup, "first_iteration"));
    printf("memory       %s predicted",
           cli_bytes_text(bytes, sizeof bytes, number_of(figures, "predicted_bytes")));
    printf(", %s at most", cli_bytes_text(bytes, sizeof bytes, number_of(figures, "peak_bytes")));
    printf(" (process %s)\n",
           cli_bytes_text(bytes, sizeof bytes, number_of(figures, "peak_process_bytes")));
    printf("             %.0f bytes a pixel without weights\n",
           number_of(figures, "plan_bytes_per_pixel"));
    print_kernels(cJSON_GetObjectItemCaseSensitive(figures, "kernels"));
    cJSON_Delete(figures);
    return true;
}

static int run(const cli_args *args)
{
    vkstyle_error error = {0};
    vkstyle_model *model = NULL;
    vkstyle_context *context = NULL;
    char *json = NULL;
    int size, iterations;
    if (!cli_args_whole(args, "size", 1, 65536, 512, &size) ||
        !cli_args_whole(args, "iterations", 1, 100000, 10, &iterations))
        return VKSTYLE_USAGE;
    if (!vkstyle_params_check(&args->params, &error))
        return cli_fail_error(&error);
    int status = cli_open(args, &model, &context);
    if (!status &&
        !vkstyle_bench(context, model, size, size, iterations, &args->params, &json, &error))
        status = cli_fail_error(&error);
    vkstyle_close(&context);
    vkstyle_model_free(&model);
    if (!status) {
        if (cli_args_value(args, "json"))
            printf("%s\n", json);
        else if (!print_text(json))
            status = cli_fail(VKSTYLE_FAILED, "bench: the engine's figures are not JSON");
    }
    free(json);
    return status ? status : cli_finish_output(status);
}
