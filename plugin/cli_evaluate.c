// SPDX-License-Identifier: MIT
#include "cli.h"

#include <string.h>

static const cli_option options[] = {
    {"output", 'o', "Files", "OUT.safetensors", "Where the tensors go. Required."},
    {"model", 0, "Device and model", "M", CLI_MODEL_HELP},
    {"device", 0, "Device and model", "D", CLI_DEVICE_HELP},
    {"pool", 0, "Device and model", NULL, NULL},
    {"precision", 0, "Device and model", NULL, NULL},
    {"kernels", 0, "Device and model", NULL, NULL},
    {"memory", 0, "Device and model", "BYTES", NULL},
    {"tile", 0, "Device and model", "N", NULL},
    {0},
};

static const char *const examples[] = {
    "vkstyle evaluate photo.png painting.png result.png -o losses.safetensors",
    "Losses and gradients of a result.",
    NULL,
};

static int run(const cli_args *args);

const cli_command cli_evaluate_command = {
    .name = "evaluate",
    .synopsis = "CONTENT STYLE TARGET -o OUT.safetensors [OPTION]...",
    .summary = "compute losses and gradients of a picture",
    .about = "One forward and one backward pass at the pictures' own sizes, with zero padding, "
             "layer weights of 1/5 and the losses exactly as the 2016 paper defines them. CONTENT "
             "and TARGET have the same size. Prints both losses and writes these tensors: "
             "target/convB_C, content/conv4_2, gram_style/convB_1, gram_target/convB_1, "
             "loss_content, loss_style, grad_content and grad_style.",
    .examples = examples,
    .min_words = 3,
    .max_words = 3,
    .missing = "evaluate needs a content image, a style image and a target",
    .options = options,
    .run = run,
};

static int run(const cli_args *args)
{
    vkstyle_error error = {0};
    const char *output = cli_args_value(args, "output");
    if (!output)
        return cli_fail(VKSTYLE_USAGE, "-o OUT.safetensors is missing: where shall it go?");
    const char *ending = strrchr(output, '.');
    if (!ending || strcmp(ending, ".safetensors"))
        return cli_fail(VKSTYLE_USAGE, "-o: %s does not end in .safetensors", output);
    int status = cli_output_check("-o", output, args->words, args->word_count);
    if (status)
        return status;
    vkstyle_image *images[3] = {0};
    vkstyle_model *model = NULL;
    vkstyle_context *context = NULL;
    double losses[2];
    for (int i = 0; i < 3 && !status; i++)
        if (!(images[i] = vkstyle_image_load(args->words[i], &error)))
            status = cli_fail_error(&error);
    if (!status)
        status = cli_open(args, &model, &context);
    if (!status && !vkstyle_evaluate(context, model, images[0], images[1], images[2], &args->params,
                                     output, losses, &error))
        status = cli_fail_error(&error);
    if (!status) {
        printf("loss_content %.9g\nloss_style %.9g\n", losses[0], losses[1]);
        status = cli_finish_output(status);
    }
    vkstyle_close(&context);
    vkstyle_model_free(&model);
    for (int i = 0; i < 3; i++)
        vkstyle_image_free(&images[i]);
    return status;
}
