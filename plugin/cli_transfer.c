// SPDX-License-Identifier: MIT
#include "cli.h"

#include <cjson/cJSON.h>
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
    {"beta", 0, "Look", "B", NULL},
    {"alpha", 0, "Look", "A", NULL},
    {"style-scale", 0, "Look", "S", NULL},
    {"style-weights", 0, "Look", "a,b,..",
     "With several styles: one weight for each. Default: all alike."},
    {"mask", 0, "Look", "FILE[,FILE..]",
     "Where each style acts: a grey picture of any size for each, stretched over the content; "
     "white "
     "is full strength, soft edges blend. Nothing between two commas: what the other masks leave. "
     "Where no style acts the content stays as it is."},
    {"strength-map", 0, "Look", "FILE",
     "How strongly all styles act, pixel by pixel: a grey picture, white for full strength."},
    {"style-loss", 0, "Look", NULL, NULL},
    {"tv", 0, "Look", "W", NULL},
    {"style-layers", 0, "Look", "a,b,..", NULL},
    {"layer-weights", 0, "Look", "a,b,..", NULL},
    {"content-layer", 0, "Look", "NAME", NULL},
    {"init", 0, "Look", "content|random|FILE",
     "Where the target starts: the content image, noise, or a picture. Default: content."},
    {"size", 0, "Size and effort", "N", NULL},
    {"full-size", 0, "Size and effort", NULL, NULL},
    {"iterations", 0, "Size and effort", "N", NULL},
    {"levels", 0, "Size and effort", "N", NULL},
    {"early-stop", 0, "Size and effort", "SHARE", NULL},
    {"time-limit", 0, "Size and effort", "SECONDS", NULL},
    {"plan", 0, "Device and model", "REPORT.json",
     "Replay the plan of an earlier run from its report: kernels, precision, levels. On the same "
     "device, with the same pictures and seed, the result has the same bits."},
    {"device", 0, "Device and model", "D", CLI_DEVICE_HELP},
    {"model", 0, "Device and model", "M", CLI_MODEL_HELP},
    {"memory", 0, "Device and model", "BYTES", NULL},
    {"precision", 0, "Device and model", NULL, NULL},
    {"kernels", 0, "Device and model", NULL, NULL},
    {0},
};

static const char *const examples[] = {
    "vkstyle transfer photo.jpg painting.jpg -o result.png",
    "Paint the photo, at most 512 pixels long.",
    "vkstyle transfer photo.jpg painting.jpg -o result.png --size 1024 --beta 100",
    "Larger, and with much more of the painting.",
    "vkstyle transfer photo.jpg painting.jpg -o draft.png --size 256",
    "A quick draft.",
    "vkstyle transfer photo.jpg a.jpg b.jpg -o mix.png --style-weights 2,1",
    "Two styles, the first one twice as strong.",
    "vkstyle transfer photo.jpg a.jpg b.jpg -o two.png --mask sky.png,",
    "The first style where sky.png is white, the second one everywhere else.",
    "vkstyle transfer photo.jpg painting.jpg -o out.jpg --time-limit 60 --full-size",
    "What one minute can do, scaled to the photo's own size.",
    NULL,
};

static int run(const cli_args *args);

const cli_command cli_transfer_command = {
    .name = "transfer",
    .synopsis = "CONTENT STYLE... -o OUT [OPTION]...",
    .summary = "paint one picture in the manner of others",
    .about = "Makes a picture with the subject of CONTENT and the colours, strokes and textures "
             "of STYLE. Pictures are PNG, JPEG, BMP, TGA or PNM; FILE.safetensors:NAME reads a "
             "tensor [3,H,W] exactly.",
    .examples = examples,
    .min_words = 2,
    .max_words = 1 + VKSTYLE_MAX_STYLES,
    .missing = "transfer needs a content image and a style image",
    .options = options,
    .all_parameters = true,
    .run = run,
};

// Everything of one run that has to be given back.
typedef struct transfer {
    const cli_args *args;
    const char *output, *report_path, *init_path;
    const char *map_path;
    cli_masks masks;
    vkstyle_image *map;
    char *plan; // text of an earlier report
    int save_every;
    bool keep_partial;
    vkstyle_image *content, *init, *styles[VKSTYLE_MAX_STYLES];
    double weights[VKSTYLE_MAX_STYLES];
    int style_count;
    vkstyle_model *model;
    vkstyle_context *context;
    vkstyle_image *result;
    char *report;
    int iteration, iterations; // where the work stands
    double seconds;
    bool stopped;             // interrupted, and the picture is kept
    vkstyle_error save_error; // of a picture saved on the way
} transfer;

static bool read_weights(transfer *t)
{
    const char *text = cli_args_value(t->args, "style-weights");
    for (int i = 0; i < t->style_count; i++)
        t->weights[i] = 1;
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
        if (count < t->style_count)
            t->weights[count] = weight;
        count++;
        sum += weight;
        if (!*end)
            break;
        rest = end + 1;
    }
    if (!good)
        cli_fail(VKSTYLE_USAGE, "--style-weights: '%s' is not a list of numbers from 0 up", text);
    else if (count != t->style_count)
        cli_fail(VKSTYLE_USAGE, "--style-weights: %d given for %d styles; give one each", count,
                 t->style_count);
    else if (!(sum > 0))
        cli_fail(VKSTYLE_USAGE, "--style-weights: all are 0");
    return good && count == t->style_count && sum > 0;
}

// Options and file names: all that can be known to be wrong before any work.
static int check(transfer *t, vkstyle_params *params)
{
    const cli_args *args = t->args;
    vkstyle_error error = {0};
    t->style_count = args->word_count - 1;
    t->output = cli_args_value(args, "output");
    t->report_path = cli_args_value(args, "report");
    t->keep_partial = cli_args_value(args, "keep-partial") != NULL;
    if (!t->output)
        return cli_fail(VKSTYLE_USAGE, "-o OUT is missing: where shall the result go?");
    if (!cli_progress_choose(cli_args_value(args, "progress")) ||
        !cli_args_whole(args, "save-every", 1, 1000000, 0, &t->save_every) || !read_weights(t))
        return VKSTYLE_USAGE;
    const char *init = cli_args_value(args, "init");
    if (init && (!strcmp(init, "content") || !strcmp(init, "random"))) {
        if (!vkstyle_params_set(params, "init", init, &error))
            return cli_fail_error(&error);
    } else if (init) {
        t->init_path = init;
        params->init = VKSTYLE_INIT_FILE;
    }
    if (!vkstyle_params_check(params, &error))
        return cli_fail_error(&error);
    int bad = cli_masks_split(&t->masks, cli_args_value(args, "mask"), t->style_count);
    if (bad)
        return bad;
    t->map_path = cli_args_value(args, "strength-map");
    const char *inputs[CLI_MAX_WORDS + 3 + VKSTYLE_MAX_STYLES],
        *plan = cli_args_value(args, "plan");
    int input_count = 0;
    for (; input_count < args->word_count; input_count++)
        inputs[input_count] = args->words[input_count];
    if (t->init_path)
        inputs[input_count++] = t->init_path;
    if (plan)
        inputs[input_count++] = plan;
    if (t->map_path)
        inputs[input_count++] = t->map_path;
    for (int i = 0; i < t->masks.count; i++)
        if (t->masks.names[i])
            inputs[input_count++] = t->masks.names[i];
    if (!vkstyle_image_can_save(t->output, &error))
        return cli_fail(VKSTYLE_USAGE, "-o: %s", error.text);
    int status = cli_output_check("-o", t->output, inputs, input_count);
    if (status || !t->report_path)
        return status;
    if (!strcmp(t->report_path, t->output))
        return cli_fail(VKSTYLE_USAGE, "--report and -o name the same file");
    return cli_output_check("--report", t->report_path, inputs, input_count);
}

static int load(transfer *t)
{
    vkstyle_error error = {0};
    if (!(t->content = vkstyle_image_load(t->args->words[0], &error)))
        return cli_fail_error(&error);
    for (int i = 0; i < t->style_count; i++)
        if (!(t->styles[i] = vkstyle_image_load(t->args->words[1 + i], &error)))
            return cli_fail_error(&error);
    if (t->init_path && !(t->init = vkstyle_image_load(t->init_path, &error)))
        return cli_fail(error.status, "--init: %s", error.text);
    int bad = cli_masks_load(&t->masks);
    if (bad)
        return bad;
    if (t->map_path && !(t->map = vkstyle_image_load(t->map_path, &error)))
        return cli_fail(error.status, "--strength-map: %s", error.text);
    const char *plan = cli_args_value(t->args, "plan");
    if (plan && !(t->plan = cli_read_text(plan, &error)))
        return cli_fail(error.status, "--plan: %s", error.text);
    return cli_open(t->args, &t->model, &t->context);
}

static vkstyle_decision on_progress(const vkstyle_progress *progress, void *user)
{
    transfer *t = user;
    t->iteration = progress->iteration;
    t->iterations = progress->iterations;
    t->seconds = progress->seconds;
    if (progress->picture && t->save_every && progress->iteration) {
        char name[VKSTYLE_PATH + 16];
        if (!cli_numbered_name(t->output, progress->iteration, name, sizeof name)) {
            t->save_error = (vkstyle_error){VKSTYLE_FAILED, "--save-every: the name is too long"};
            return VKSTYLE_CANCEL;
        }
        cli_signals_hold(true);
        bool saved = vkstyle_image_save(progress->picture, name, 8, &t->save_error);
        cli_signals_hold(false);
        // A disk that is full now will be full at the end as well.
        if (!saved)
            return VKSTYLE_CANCEL;
    }
    cli_progress_show(progress);
    if (!cli_signals_seen())
        return VKSTYLE_CONTINUE;
    // Before the first iteration there is nothing worth keeping.
    t->stopped = t->keep_partial && progress->iteration > 0;
    return t->stopped ? VKSTYLE_STOP : VKSTYLE_CANCEL;
}

// The engine's report, with what only the command line knows.
static bool write_report(transfer *t, vkstyle_error *error)
{
    cJSON *report = cJSON_Parse(t->report);
    if (!cJSON_IsObject(report)) {
        cJSON_Delete(report);
        error->status = VKSTYLE_FAILED;
        snprintf(error->text, sizeof error->text, "--report: the engine's report is not JSON");
        return false;
    }
    cJSON *command = cJSON_AddArrayToObject(report, "command");
    for (int i = 0; i < t->args->argc; i++)
        cJSON_AddItemToArray(command, cJSON_CreateString(t->args->argv[i]));
    cJSON *files = cJSON_AddObjectToObject(report, "files");
    cJSON_AddStringToObject(files, "content", t->args->words[0]);
    cJSON *styles = cJSON_AddArrayToObject(files, "styles");
    for (int i = 0; i < t->style_count; i++)
        cJSON_AddItemToArray(styles, cJSON_CreateString(t->args->words[1 + i]));
    if (t->init_path)
        cJSON_AddStringToObject(files, "init", t->init_path);
    if (t->result)
        cJSON_AddStringToObject(files, "output", t->output);
    cJSON_AddBoolToObject(report, "interrupted", cli_signals_seen());
    char *text = cJSON_Print(report);
    cJSON_Delete(report);
    size_t length = text ? strlen(text) : 0;
    char *with_newline = text ? realloc(text, length + 2) : NULL;
    if (!with_newline) {
        free(text);
        error->status = VKSTYLE_NO_MEMORY;
        snprintf(error->text, sizeof error->text, "--report: not enough memory");
        return false;
    }
    text = with_newline;
    memcpy(text + length, "\n", 2);
    cli_signals_hold(true);
    bool written = cli_write_text(t->report_path, text, error);
    cli_signals_hold(false);
    free(text);
    return written;
}

static int save(transfer *t)
{
    vkstyle_error error = {0};
    cli_signals_hold(true);
    bool saved = vkstyle_image_save(t->result, t->output, 8, &error);
    cli_signals_hold(false);
    if (!saved)
        return cli_fail_error(&error);
    if (t->report_path && !write_report(t, &error))
        return cli_fail_error(&error);
    if (t->stopped)
        return cli_fail(VKSTYLE_INTERRUPTED,
                        "interrupted; %s holds the picture after %d of %d iterations", t->output,
                        t->iteration, t->iterations);
    char seconds[32];
    if (cli_progress_talks())
        cli_note("%s: %dx%d, %d iterations in %s", t->output, t->result->width, t->result->height,
                 t->iteration, cli_seconds_text(seconds, sizeof seconds, t->seconds));
    return cli_finish_output(VKSTYLE_DONE);
}

static int work(transfer *t, const vkstyle_params *params)
{
    vkstyle_error error = {0};
    const vkstyle_image *styles[VKSTYLE_MAX_STYLES];
    for (int i = 0; i < t->style_count; i++)
        styles[i] = t->styles[i];
    const vkstyle_image *masks[VKSTYLE_MAX_STYLES];
    for (int i = 0; i < t->masks.count; i++)
        masks[i] = t->masks.images[i];
    vkstyle_job job = {
        .content = t->content,
        .styles = styles,
        .style_weights = t->weights,
        .style_count = t->style_count,
        .masks = t->masks.count ? masks : NULL,
        .strength_map = t->map,
        .init = t->init,
        .plan = t->plan,
        .progress = on_progress,
        .user = t,
        .picture_iterations = t->save_every,
    };
    cli_signals_defer(true);
    t->result = vkstyle_transfer(t->context, t->model, &job, params,
                                 t->report_path ? &t->report : NULL, &error);
    cli_signals_defer(false);
    cli_progress_end();
    if (t->result)
        return save(t);
    vkstyle_error report_error = {0};
    if (t->report && !write_report(t, &report_error))
        cli_note("note: %s", report_error.text);
    if (t->save_error.status)
        return cli_fail_error(&t->save_error);
    if (error.status == VKSTYLE_INTERRUPTED)
        return cli_fail(VKSTYLE_INTERRUPTED, "interrupted; %s was not written", t->output);
    return cli_fail_error(&error);
}

static int run(const cli_args *args)
{
    transfer t = {.args = args};
    vkstyle_params params = args->params;
    int status = check(&t, &params);
    if (!status)
        status = load(&t);
    if (!status)
        status = work(&t, &params);
    free(t.report);
    free(t.plan);
    vkstyle_image_free(&t.result);
    vkstyle_close(&t.context);
    vkstyle_model_free(&t.model);
    vkstyle_image_free(&t.content);
    vkstyle_image_free(&t.init);
    vkstyle_image_free(&t.map);
    cli_masks_free(&t.masks);
    for (int i = 0; i < t.style_count; i++)
        vkstyle_image_free(&t.styles[i]);
    return status;
}
