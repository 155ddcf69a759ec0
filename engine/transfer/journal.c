// SPDX-License-Identifier: MIT
#include "journal.h"
#include "kernel_choice.h"
#include "product.h"
#include "../error.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>

bool vks_journal_add(vks_journal *j, vks_losses losses, vkstyle_error *error)
{
    if (j->count == j->room) {
        int room = j->room ? j->room * 2 : 256;
        vks_losses *more = realloc(j->losses, (size_t)room * sizeof *more);
        if (!more)
            return vks_fail(error, VKSTYLE_NO_MEMORY, "out of memory for the report's losses");
        j->losses = more;
        j->room = room;
    }
    j->losses[j->count++] = losses;
    return true;
}

void vks_journal_event(vks_journal *j, int level, const char *what, double learning_rate)
{
    if (j->event_count == VKS_MAX_EVENTS)
        return;
    j->events[j->event_count].level = level;
    j->events[j->event_count].iteration = j->count;
    j->events[j->event_count].what = what;
    j->events[j->event_count++].learning_rate = learning_rate;
}

static void add_events(cJSON *list, const vks_journal *j)
{
    for (int i = 0; i < j->event_count; i++) {
        cJSON *event = cJSON_CreateObject();
        cJSON_AddStringToObject(event, "what", j->events[i].what);
        cJSON_AddNumberToObject(event, "level", j->events[i].level + 1);
        cJSON_AddNumberToObject(event, "iteration", j->events[i].iteration);
        cJSON_AddNumberToObject(event, "learning_rate_factor", j->events[i].learning_rate);
        cJSON_AddItemToArray(list, event);
    }
}

void vks_journal_free(vks_journal *j)
{
    free(j->losses);
    j->losses = NULL;
}

static void add_options(cJSON *to, const vkstyle_params *params)
{
    int count;
    const vkstyle_param *table = vkstyle_param_table(&count);
    for (int i = 0; i < count; i++) {
        const void *value = (const char *)params + table[i].offset;
        switch (table[i].kind) {
        case VKSTYLE_INT:
            cJSON_AddNumberToObject(to, table[i].name, *(const int *)value);
            break;
        case VKSTYLE_INT64:
            cJSON_AddNumberToObject(to, table[i].name, (double)*(const int64_t *)value);
            break;
        case VKSTYLE_BYTES:
            cJSON_AddNumberToObject(to, table[i].name, (double)*(const uint64_t *)value);
            break;
        case VKSTYLE_REAL:
            cJSON_AddNumberToObject(to, table[i].name, *(const double *)value);
            break;
        case VKSTYLE_FLAG:
            cJSON_AddBoolToObject(to, table[i].name, *(const bool *)value);
            break;
        case VKSTYLE_CHOICE:
            cJSON_AddStringToObject(to, table[i].name, table[i].choices[*(const int *)value]);
            break;
        case VKSTYLE_TEXT:
            cJSON_AddStringToObject(to, table[i].name, value);
            break;
        }
    }
}

static void add_device(cJSON *to, const vkstyle_context *context)
{
    vkstyle_device d;
    vks_gpu_describe(context->gpu, &d);
    cJSON_AddStringToObject(to, "name", d.name);
    cJSON_AddStringToObject(to, "driver", d.driver);
    cJSON_AddStringToObject(to, "uuid", d.uuid);
}

static void add_plan(cJSON *to, const vks_journal *j, const vks_setting *s,
                     const vks_schedule *schedule)
{
    cJSON_AddStringToObject(to, "kernels", vks_kernels_name(s->encode.kernels));
    if (vks_on_gpu(s->encode.kernels))
        cJSON_AddStringToObject(to, "tile", vks_tile_at(s->encode.tile)->name);
    cJSON_AddStringToObject(to, "precision", s->storage == VKS_HALF ? "fp16" : "fp32");
    cJSON_AddStringToObject(to, "padding",
                            s->encode.padding == VKSTYLE_PAD_ZERO        ? "zero"
                            : s->encode.padding == VKSTYLE_PAD_REPLICATE ? "replicate"
                                                                         : "reflect");
    cJSON_AddNumberToObject(to, "tv", s->tv);
    // Of the goal; 0: in one piece, or the job failed before there was a schedule.
    cJSON_AddNumberToObject(to, "tile_pixels",
                            schedule->count ? schedule->levels[schedule->count - 1].tile : 0);
    cJSON *levels = cJSON_AddArrayToObject(to, "levels");
    for (int i = 0; i < schedule->count; i++) {
        cJSON *level = cJSON_CreateObject();
        cJSON_AddNumberToObject(level, "width", schedule->levels[i].width);
        cJSON_AddNumberToObject(level, "height", schedule->levels[i].height);
        cJSON_AddNumberToObject(level, "iterations", schedule->levels[i].iterations);
        cJSON_AddNumberToObject(level, "coarser", schedule->levels[i].coarser);
        cJSON_AddNumberToObject(level, "coarser_weight", schedule->levels[i].coarser_weight);
        cJSON_AddNumberToObject(level, "tile", schedule->levels[i].tile);
        cJSON_AddNumberToObject(level, "resident", schedule->levels[i].resident);
        cJSON_AddBoolToObject(level, "lean", schedule->levels[i].lean);
        cJSON_AddNumberToObject(level, "history", schedule->levels[i].history);
        cJSON_AddNumberToObject(level, "iterations_done", j->levels[i].iterations);
        if (j->levels[i].still)
            cJSON_AddBoolToObject(level, "stood_still", true);
        cJSON_AddNumberToObject(level, "seconds", j->levels[i].seconds);
        cJSON_AddNumberToObject(level, "flops_per_iteration", j->levels[i].flops);
        cJSON_AddNumberToObject(level, "plan_bytes", (double)j->levels[i].plan_bytes);
        cJSON_AddItemToArray(levels, level);
    }
}

// JSON has no NaN: null stands for it.
static void add_value(cJSON *list, double value)
{
    cJSON_AddItemToArray(list, isfinite(value) ? cJSON_CreateNumber(value) : cJSON_CreateNull());
}

static void add_losses(cJSON *to, const vks_journal *j)
{
    static const char *const names[] = {"total",  "content",     "style",    "tv",
                                        "coarse", "raw_content", "raw_style"};
    enum { NAMES = sizeof names / sizeof *names };
    cJSON *lists[NAMES];
    for (int k = 0; k < NAMES; k++)
        lists[k] = cJSON_AddArrayToObject(to, names[k]);
    for (int i = 0; i < j->count; i++) {
        const vks_losses *l = &j->losses[i];
        const double values[NAMES] = {l->total,  l->content,     l->style,    l->tv,
                                      l->coarse, l->raw_content, l->raw_style};
        for (int k = 0; k < NAMES; k++)
            add_value(lists[k], values[k]);
    }
}

static void add_times(cJSON *to, const vks_journal *j)
{
    cJSON_AddNumberToObject(to, "startup", j->startup_seconds);
    cJSON_AddNumberToObject(to, "total", j->seconds);
    double levels = 0;
    int iterations = 0;
    for (int i = 0; i < VKS_MAX_LEVELS; i++) {
        levels += j->levels[i].seconds;
        iterations += j->levels[i].iterations;
    }
    cJSON_AddNumberToObject(to, "iterations", levels);
    if (iterations)
        cJSON_AddNumberToObject(to, "per_iteration", levels / iterations);
    if (j->predicted_seconds >= 0)
        cJSON_AddNumberToObject(to, "predicted", j->predicted_seconds);
}

char *vks_journal_json(const vks_journal *j, const vkstyle_context *context,
                       const vkstyle_model *model, const vkstyle_params *params,
                       const vks_setting *setting, const vks_schedule *schedule,
                       const char *outcome)
{
    cJSON *root = cJSON_CreateObject();
    char sha256[65] = "";
    cJSON_AddStringToObject(root, "vkstyle", VKSTYLE_VERSION);
    cJSON_AddStringToObject(root, "outcome", outcome);
    add_options(cJSON_AddObjectToObject(root, "options"), params);
    add_device(cJSON_AddObjectToObject(root, "device"), context);
    cJSON *m = cJSON_AddObjectToObject(root, "model");
    cJSON_AddStringToObject(m, "name", model->name);
    if (vks_model_sha256(model, sha256, NULL))
        cJSON_AddStringToObject(m, "sha256", sha256);
    add_plan(cJSON_AddObjectToObject(root, "plan"), j, setting, schedule);
    cJSON *pixels = cJSON_AddObjectToObject(root, "pixels");
    cJSON_AddStringToObject(pixels, "content", j->content_hash);
    cJSON_AddStringToObject(pixels, "style", j->style_hash);
    if (j->result_hash[0])
        cJSON_AddStringToObject(pixels, "result", j->result_hash);
    cJSON_AddNumberToObject(root, "styles_prepared", j->styles_prepared);
    cJSON_AddNumberToObject(root, "seed", (double)params->seed);
    add_times(cJSON_AddObjectToObject(root, "seconds"), j);
    cJSON *memory = cJSON_AddObjectToObject(root, "memory");
    cJSON_AddNumberToObject(memory, "predicted", (double)j->predicted_bytes);
    cJSON_AddNumberToObject(memory, "predicted_host", (double)j->predicted_host_bytes);
    cJSON_AddNumberToObject(memory, "peak", (double)j->peak_bytes);
    add_events(cJSON_AddArrayToObject(root, "events"), j);
    add_losses(cJSON_AddObjectToObject(root, "losses"), j);
    char *text = cJSON_Print(root);
    cJSON_Delete(root);
    return text;
}
