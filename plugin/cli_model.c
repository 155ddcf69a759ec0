// SPDX-License-Identifier: MIT
#include "cli.h"

#include <stdlib.h>
#include <string.h>

static const cli_option info_options[] = {{0}};

static const cli_option import_options[] = {
    {"output", 'o', "Files", "OUT.safetensors", "Where the model goes. Required."},
    {"bits", 0, "Files", "8|16|32",
     "How weights are stored: 32 exactly, 16 as half floats, 8 with one codebook a tensor. "
     "Default: 32."},
    {0},
};

static const char *const info_examples[] = {
    "vkstyle model info",
    "The model that ships.",
    NULL,
};

static const char *const import_examples[] = {
    "vkstyle model import vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5 -o vgg19.safetensors",
    "Keras' weights, exactly.",
    "vkstyle transfer photo.jpg painting.jpg -o out.png --model ./vgg19.safetensors",
    "And their use.",
    NULL,
};

static int run_info(const cli_args *args);
static int run_import(const cli_args *args);

const cli_command cli_model_info_command = {
    .name = "model info",
    .synopsis = "[MODEL]",
    .summary = "show a model's layers, preprocessing, origin and licence",
    .about = "MODEL is a name in the models folder or a file. Without it: the model that ships.",
    .examples = info_examples,
    .max_words = 1,
    .options = info_options,
    .run = run_info,
};

const cli_command cli_model_import_command = {
    .name = "model import",
    .synopsis = "FILE -o OUT.safetensors [--bits 8|16|32]",
    .summary = "convert weights of other programs into a model file",
    .about = "Reads Keras' HDF5 file of VGG-19 and .safetensors files with torchvision's names.",
    .examples = import_examples,
    .min_words = 1,
    .max_words = 1,
    .missing = "model import needs a file",
    .options = import_options,
    .run = run_import,
};

static int run_info(const cli_args *args)
{
    vkstyle_error error = {0};
    vkstyle_model *model = vkstyle_model_load(args->word_count ? args->words[0] : NULL, &error);
    if (!model)
        return cli_fail_error(&error);
    char *text = vkstyle_model_describe(model, &error);
    vkstyle_model_free(&model);
    if (!text)
        return cli_fail_error(&error);
    size_t length = strlen(text);
    printf("%s%s", text, length && text[length - 1] == '\n' ? "" : "\n");
    free(text);
    return cli_finish_output(VKSTYLE_DONE);
}

static int run_import(const cli_args *args)
{
    vkstyle_error error = {0};
    const char *output = cli_args_value(args, "output");
    int bits;
    if (!output)
        return cli_fail(VKSTYLE_USAGE, "-o OUT.safetensors is missing: where shall it go?");
    if (!cli_args_whole(args, "bits", 8, 32, 32, &bits))
        return VKSTYLE_USAGE;
    if (bits != 8 && bits != 16 && bits != 32)
        return cli_fail(VKSTYLE_USAGE, "--bits: %d is none of 8, 16 and 32", bits);
    const char *ending = strrchr(output, '.');
    if (!ending || strcmp(ending, ".safetensors"))
        return cli_fail(VKSTYLE_USAGE, "-o: %s does not end in .safetensors", output);
    int status = cli_output_check("-o", output, args->words, args->word_count);
    if (status)
        return status;
    cli_signals_hold(true);
    bool imported = vkstyle_model_import(args->words[0], output, bits, &error);
    cli_signals_hold(false);
    if (!imported)
        return cli_fail_error(&error);
    cli_note("%s: written with %d bits a weight", output, bits);
    return VKSTYLE_DONE;
}
