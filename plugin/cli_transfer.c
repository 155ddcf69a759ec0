// SPDX-License-Identifier: MIT
#include "cli_transfer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const cli_option options[] = {
    {"output", 'o', "Files", "OUT",
     "Where the result goes: a .png, .jpg or .safetensors file. Required. An existing file is "
     "replaced when the result is complete, not before."},
    {"save-every", 0, "Files", "N",
     "Save the growing picture as well, after every N iterations, as OUT with the iteration's "
     "number in its name: out-000050.png."},
    {"keep-partial", 0, "Files", NULL,
     "When interrupted (Ctrl-C), write the picture as it is; without this, nothing is written."},
    {"report", 0, "Files", "FILE.json",
     "Write options, device, model, losses of every iteration, times and memory as JSON."},
    {"progress", 0, "Files", "HOW",
     "auto (a live line on a terminal, lines elsewhere), plain, json (one object a line on "
     "standard output) or none."},
    {"style", 0, "Files", "STYLE",
     "A style image, or a folder of them; may be given several times. With it all names are "
     "contents, folders of pictures among them, and OUT is a folder (or a file, for one content).",
     true},
    {"format", 0, "Files", "ENDING", "In a folder: png (the default), jpg or safetensors."},
    {"again", 0, "Files", NULL,
     "In a folder: paint those as well whose result is there, made from the same files with the "
     "same parameters. Without this they are left as they are."},
    {"preset", 0, "Look", "NAME", "A set of parameters by name; what else you give wins over it."},
    {"beta", 0, "Look", "B", NULL},
    {"alpha", 0, "Look", "A", NULL},
    {"style-scale", 0, "Look", "S", NULL},
    {"style-weights", 0, "Look", "a,b,..",
     "With several styles: one weight for each; a folder shares its own out. Default: all alike."},
    {"style-mask", 0, "Look", "a,b,..",
     "Where each style acts: one grey picture for each style, in their order, stretched over the "
     "content; white is fully, grey between. An empty place between commas: everywhere. A folder "
     "is one style. Styles with the same mask are blended there, at the cost of one."},
    {"strength-map", 0, "Look", "FILE",
     "A grey picture, stretched over the content: how strongly styles act at each place, from "
     "black (not at all) to white."},
    {"colour", 0, "Look", NULL, NULL},
    {"colour-strength", 0, "Look", "K", NULL},
    {"tv", 0, "Look", "W", NULL},
    {"style-layers", 0, "Look", "a,b,..", NULL},
    {"layer-weights", 0, "Look", "a,b,..", NULL},
    {"style-loss", 0, "Look", NULL, NULL},
    {"content-layer", 0, "Look", "NAME", NULL},
    {"init", 0, "Look", "content|random|FILE",
     "Where the target starts: the content image, noise, or a picture. Default: content."},
    {"size", 0, "Size and effort", "N", NULL},
    {"quality", 0, "Size and effort", NULL, NULL},
    {"full-size", 0, "Size and effort", NULL, NULL},
    {"iterations", 0, "Size and effort", "N", NULL},
    {"levels", 0, "Size and effort", "N", NULL},
    {"time-limit", 0, "Size and effort", "SECONDS", NULL},
    {"plan", 0, "Device and model", "REPORT.json",
     "Replay the plan of an earlier run from its report: kernels, precision, levels. On the same "
     "device, with the same pictures and seed, the result has the same bits."},
    {"checkpoint", 0, "Files", "FILE",
     "Keep the run's state in FILE, written once a minute and removed when the picture is saved. "
     "If FILE is there, go on from it: after a power cut, a Ctrl-C or a time limit. The same bits "
     "come out as without."},
    {"checkpoint-every", 0, "Files", "SECONDS",
     "How often --checkpoint writes, at the end of an iteration. Default: 60."},
    {"device", 0, "Device and model", "D", CLI_DEVICE_HELP},
    {"model", 0, "Device and model", "M", CLI_MODEL_HELP},
    {"memory", 0, "Device and model", "BYTES", NULL},
    {"tile", 0, "Device and model", "N", NULL},
    {"precision", 0, "Device and model", NULL, NULL},
    {"kernels", 0, "Device and model", NULL, NULL},
    {0},
};

static const char *const examples[] = {
    "vkstyle transfer photo.jpg painting.jpg -o result.png",
    "Paint the photo, at most 512 pixels long.",
    "vkstyle transfer photo.jpg painting.jpg -o result.png --size 1024 --beta 100",
    "Larger, and with much more of the painting.",
    "vkstyle transfer photo.jpg painting.jpg -o draft.png --quality draft",
    "A quick draft.",
    "vkstyle transfer photo.jpg painting.jpg -o own.png --colour match",
    "The painting's strokes in the photo's colours.",
    "vkstyle transfer photos --style painting.jpg -o painted",
    "Every picture in the folder photos, each with its report; again, only what is new.",
    "vkstyle transfer photo.jpg a.jpg b.jpg -o mix.png --style-weights 2,1",
    "Two styles, the first one twice as strong.",
    "vkstyle transfer photo.jpg painting.jpg -o out.jpg --time-limit 60 --full-size",
    "What one minute can do, scaled to the photo's own size.",
    NULL,
};

static int run(const cli_args *args);

const cli_command cli_transfer_command = {
    .name = "transfer",
    .synopsis = "CONTENT STYLE... -o OUT [OPTION]...",
    .summary = "paint one picture in the manner of others",
    .about =
        "Makes a picture with the subject of CONTENT and the colours, strokes and textures "
        "of STYLE. Pictures are PNG, JPEG, BMP, TGA or PNM; FILE.safetensors:NAME reads a "
        "tensor [3,H,W] exactly. A STYLE that is a folder stands for all pictures in it. For many "
        "contents: vkstyle transfer CONTENT... --style STYLE -o FOLDER. Each CONTENT, or each "
        "picture in it if it is a folder, becomes FOLDER/NAME.png "
        "with its report FOLDER/NAME.json; what is done already is skipped, and a picture "
        "that fails does not stop the others.",
    .examples = examples,
    .min_words = 1,
    .max_words = CLI_MAX_WORDS,
    .missing = "transfer needs a content image and a style image",
    .options = options,
    .all_parameters = true,
    .run = run,
};

static bool read_weights(const cli_args *args, double *weights, int styles)
{
    const char *text = cli_args_value(args, "style-weights");
    for (int i = 0; i < styles; i++)
        weights[i] = 1;
    if (!text)
        return true;
    double sum = 0;
    int count = 0;
    const char *rest = text;
    bool good = true;
    while (good) {
        char *end;
        // strtod takes "nan", "inf" and hexadecimal too; a weight is made of digits.
        good = strspn(rest, "0123456789.eE+-") == strcspn(rest, ",") && rest[0] != ',' && rest[0];
        double weight = good ? strtod(rest, &end) : 0;
        good = good && (*end == ',' || !*end) && weight >= 0 && weight <= 1e12;
        if (!good)
            break;
        if (count < styles)
            weights[count] = weight;
        count++;
        sum += weight;
        if (!*end)
            break;
        rest = end + 1;
    }
    if (!good)
        cli_fail(VKSTYLE_USAGE, "--style-weights: '%s' is not a list of numbers from 0 up", text);
    else if (count != styles)
        cli_fail(VKSTYLE_USAGE, "--style-weights: %d given for %d styles; give one each", count,
                 styles);
    else if (!(sum > 0))
        cli_fail(VKSTYLE_USAGE, "--style-weights: all are 0");
    return good && count == styles && sum > 0;
}

// The styles' names and weights: a folder stands for all pictures in it and shares its weight out.
static int read_styles(cli_transfer *t, const char *const *words, int count)
{
    double weights[VKSTYLE_MAX_STYLES];
    if (count > VKSTYLE_MAX_STYLES)
        return cli_fail(VKSTYLE_USAGE, "at most %d styles", VKSTYLE_MAX_STYLES);
    if (!read_weights(t->args, weights, count))
        return VKSTYLE_USAGE;
    for (int i = 0; i < count; i++) {
        int first = t->style_names.count, status = cli_names_add(&t->style_names, words[i]);
        if (status)
            return status;
        int many = t->style_names.count - first;
        if (t->style_names.count > VKSTYLE_MAX_STYLES)
            return cli_fail(VKSTYLE_USAGE, "%s: with it there are more than %d style pictures",
                            words[i], VKSTYLE_MAX_STYLES);
        for (int k = first; k < t->style_names.count; k++) {
            t->weights[k] = weights[i] / many;
            t->style_of[k] = i;
        }
    }
    t->styles_given = count;
    t->source.styles = (const char *const *)t->style_names.list;
    t->source.style_count = t->style_names.count;
    t->source.weights = t->weights;
    return VKSTYLE_DONE;
}

int cli_transfer_check_output(const cli_transfer *t)
{
    const char *inputs[2 * VKSTYLE_MAX_STYLES + 4];
    int count = 0;
    inputs[count++] = t->source.content;
    for (int i = 0; i < t->source.style_count; i++)
        inputs[count++] = t->source.styles[i];
    for (int i = 0; i < t->source.other_count; i++)
        if (t->source.others[i])
            inputs[count++] = t->source.others[i];
    const char *names[] = {"-o", "--report", "--checkpoint"};
    const char *paths[] = {t->output, t->report_path, t->checkpoint};
    for (int i = 0; i < 3; i++) {
        if (!paths[i])
            continue;
        for (int k = 0; k < i; k++)
            if (paths[k] && !strcmp(paths[k], paths[i]))
                return cli_fail(VKSTYLE_USAGE, "%s and %s name the same file", names[i], names[k]);
        int status = cli_output_check(names[i], paths[i], inputs, count);
        if (status)
            return status;
    }
    return VKSTYLE_DONE;
}

// True where -o names a folder for many results and not one file.
static bool into_folder(const cli_transfer *t)
{
    const cli_args *args = t->args;
    size_t length = strlen(t->output);
    return args->repeated_count &&
           (args->word_count > 1 || cli_is_folder(args->words[0]) || cli_is_folder(t->output) ||
            (length && t->output[length - 1] == '/') || !vkstyle_image_can_save(t->output, NULL));
}

// Options and file names: all that can be known to be wrong before any work.
static int check(cli_transfer *t)
{
    static const char *other_names[3 + VKSTYLE_MAX_STYLES] = {"init", "plan", "strength-map"};
    static char mask_names[VKSTYLE_MAX_STYLES][24];
    const cli_args *args = t->args;
    vkstyle_error error = {0};
    t->params = args->params;
    t->output = cli_args_value(args, "output");
    t->report_path = cli_args_value(args, "report");
    t->checkpoint = cli_args_value(args, "checkpoint");
    t->keep_partial = cli_args_value(args, "keep-partial") != NULL;
    if (!args->repeated_count && args->word_count < 2)
        return cli_fail(VKSTYLE_USAGE, "transfer needs a content image and a style image");
    if (!t->output)
        return cli_fail(VKSTYLE_USAGE, "-o OUT is missing: where shall the result go?");
    if (!cli_progress_choose(cli_args_value(args, "progress")) ||
        !cli_args_whole(args, "save-every", 1, 1000000, 0, &t->save_every) ||
        !cli_args_whole(args, "checkpoint-every", 1, 1000000, 60, &t->checkpoint_every))
        return VKSTYLE_USAGE;
    int status = args->repeated_count ? read_styles(t, args->repeated, args->repeated_count)
                                      : read_styles(t, args->words + 1, args->word_count - 1);
    if (status)
        return status;
    const char *init = cli_args_value(args, "init");
    if (init && (!strcmp(init, "content") || !strcmp(init, "random"))) {
        if (!vkstyle_params_set(&t->params, "init", init, &error))
            return cli_fail_error(&error);
    } else if (init) {
        t->init_path = init;
        t->params.init = VKSTYLE_INIT_FILE;
    }
    if (!vkstyle_params_check(&t->params, &error))
        return cli_fail_error(&error);
    t->others[0] = t->init_path;
    t->others[1] = cli_args_value(args, "plan");
    t->source.others = t->others;
    t->source.other_names = other_names;
    t->others[2] = cli_args_value(args, "strength-map");
    t->source.other_count = 3;
    status = cli_masks_read(&t->masks, cli_args_value(args, "style-mask"), t->styles_given);
    if (status)
        return status;
    for (int i = 0; i < t->masks.count; i++) {
        if (!t->masks.name[i])
            continue;
        // One name each: what is done already is found by them.
        snprintf(mask_names[i], sizeof mask_names[i], "style-mask %d", i + 1);
        other_names[t->source.other_count] = mask_names[i];
        t->others[t->source.other_count++] = t->masks.name[i];
    }
    t->source.model = cli_args_value(args, "model");
    t->source.params = &t->params;
    t->source.content = args->words[0];
    if (into_folder(t))
        return VKSTYLE_DONE;
    if (cli_args_value(args, "format"))
        return cli_fail(VKSTYLE_USAGE, "--format is for folders; -o %s says it already", t->output);
    if (cli_is_folder(t->source.content))
        return cli_fail(VKSTYLE_USAGE,
                        "%s is a folder; write 'vkstyle transfer %s --style STYLE -o FOLDER'",
                        t->source.content, t->source.content);
    if (!vkstyle_image_can_save(t->output, &error))
        return cli_fail(VKSTYLE_USAGE, "-o: %s", error.text);
    return cli_transfer_check_output(t);
}

// All but the content.
static int load(cli_transfer *t)
{
    vkstyle_error error = {0};
    for (int i = 0; i < t->source.style_count; i++)
        if (!(t->styles[i] = vkstyle_image_load(t->source.styles[i], &error)))
            return cli_fail_error(&error);
    if (t->init_path && !(t->init = vkstyle_image_load(t->init_path, &error)))
        return cli_fail(error.status, "--init: %s", error.text);
    const char *plan = cli_args_value(t->args, "plan");
    if (plan && !(t->plan = cli_read_text(plan, &error)))
        return cli_fail(error.status, "--plan: %s", error.text);
    int status = cli_masks_load(&t->masks, t->others[2]);
    return status ? status : cli_open(t->args, &t->model, &t->context);
}

static int paint_one(cli_transfer *t)
{
    vkstyle_error error = {0};
    if (!(t->content = vkstyle_image_load(t->source.content, &error)))
        return cli_fail_error(&error);
    int status = load(t);
    return status ? status : cli_transfer_work(t);
}

static int paint_many(cli_transfer *t)
{
    int status = VKSTYLE_DONE;
    if (t->checkpoint)
        return cli_fail(VKSTYLE_USAGE, "--checkpoint: for one picture at a time; runs over many go "
                                       "on where they were anyway");
    for (int i = 0; !status && i < t->args->word_count; i++)
        status = cli_names_add(&t->contents, t->args->words[i]);
    if (!status)
        status = load(t);
    return status ? status : cli_transfer_folder(t);
}

static int run(const cli_args *args)
{
    cli_transfer t = {.args = args};
    int status = check(&t);
    if (!status)
        status = into_folder(&t) ? paint_many(&t) : paint_one(&t);
    free(t.report);
    free(t.plan);
    vkstyle_image_free(&t.result);
    vkstyle_close(&t.context);
    vkstyle_model_free(&t.model);
    vkstyle_image_free(&t.content);
    vkstyle_image_free(&t.init);
    cli_masks_free(&t.masks);
    for (int i = 0; i < VKSTYLE_MAX_STYLES; i++)
        vkstyle_image_free(&t.styles[i]);
    cli_names_free(&t.contents);
    cli_names_free(&t.style_names);
    return status;
}
