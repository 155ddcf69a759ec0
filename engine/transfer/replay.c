// SPDX-License-Identifier: MIT
#include "replay.h"
#include "pad.h"
#include "../error.h"

#include <cjson/cJSON.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

static bool set_text(vkstyle_params *params, const cJSON *plan, const char *name,
                     vkstyle_error *error)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(plan, name);
    if (!cJSON_IsString(value))
        return vks_fail(error, VKSTYLE_USAGE, "--plan: the report's plan has no \"%s\"", name);
    return vkstyle_params_set(params, name, value->valuestring, error);
}

static int whole(const cJSON *object, const char *name)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsNumber(value) && value->valuedouble >= 1 && value->valuedouble <= 1e6
               ? (int)value->valuedouble
               : 0;
}

static bool read_levels(const cJSON *plan, vks_schedule *schedule, vkstyle_error *error)
{
    const cJSON *levels = cJSON_GetObjectItemCaseSensitive(plan, "levels"), *item;
    int count = cJSON_GetArraySize(levels);
    if (!cJSON_IsArray(levels) || count < 1 || count > VKS_MAX_LEVELS)
        return vks_fail(error, VKSTYLE_USAGE, "--plan: the report's plan has no levels");
    *schedule = (vks_schedule){0};
    cJSON_ArrayForEach(item, levels)
    {
        vks_level level = {whole(item, "width"), whole(item, "height"), whole(item, "iterations")};
        // Reports of before there were scales have neither.
        const cJSON *weight = cJSON_GetObjectItemCaseSensitive(item, "coarser_weight");
        level.coarser = whole(item, "coarser");
        level.coarser_weight = cJSON_IsNumber(weight) ? weight->valuedouble : 0;
        int shorter = level.width < level.height ? level.width : level.height;
        if (!level.width || !level.height || !level.iterations || level.coarser > schedule->count ||
            level.coarser >= VKS_MAX_SCALES || level.coarser_weight < 0 ||
            (level.coarser && shorter >> level.coarser < VKS_SMALLEST_SIDE))
            return vks_fail(error, VKSTYLE_USAGE, "--plan: level %d of the report's plan is broken",
                            schedule->count + 1);
        // Reports of before there were tiles have none of these.
        const cJSON *tile = cJSON_GetObjectItemCaseSensitive(item, "tile");
        level.set = cJSON_IsNumber(tile);
        level.tile = (uint32_t)whole(item, "tile");
        level.history = whole(item, "history");
        level.lean = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(item, "lean"));
        const cJSON *resident = cJSON_GetObjectItemCaseSensitive(item, "resident");
        level.resident = cJSON_IsNumber(resident) && resident->valuedouble >= 0 &&
                                 resident->valuedouble < INT_MAX
                             ? (int)resident->valuedouble
                             : INT_MAX;
        schedule->iterations += level.iterations;
        schedule->levels[schedule->count++] = level;
    }
    return true;
}

static bool apply(const cJSON *plan, int content_width, int content_height, vkstyle_params *params,
                  vks_schedule *schedule, char tile[VKSTYLE_NAME], vkstyle_error *error)
{
    const cJSON *tv = cJSON_GetObjectItemCaseSensitive(plan, "tv");
    if (!cJSON_IsObject(plan) || !cJSON_IsNumber(tv))
        return vks_fail(error, VKSTYLE_USAGE, "--plan: this is not the report of a transfer");
    params->tv = tv->valuedouble;
    const cJSON *product = cJSON_GetObjectItemCaseSensitive(plan, "tile");
    if (cJSON_IsString(product))
        snprintf(tile, VKSTYLE_NAME, "%s", product->valuestring);
    if (!set_text(params, plan, "kernels", error) || !set_text(params, plan, "precision", error) ||
        !set_text(params, plan, "padding", error) || !read_levels(plan, schedule, error))
        return false;
    vks_level goal = schedule->levels[schedule->count - 1];
    int side = goal.width > goal.height ? goal.width : goal.height, width, height;
    vks_fit(content_width, content_height, side, &width, &height);
    if (abs(width - goal.width) > 1 || abs(height - goal.height) > 1)
        return vks_fail(
            error, VKSTYLE_USAGE,
            "--plan: the plan is for %dx%d pixels, which a content of %dx%d does not fit",
            goal.width, goal.height, content_width, content_height);
    return true;
}

bool vks_replay(const char *report, int content_width, int content_height, vkstyle_params *params,
                vks_schedule *schedule, char tile[VKSTYLE_NAME], vkstyle_error *error)
{
    cJSON *root = cJSON_Parse(report);
    bool done = apply(cJSON_GetObjectItemCaseSensitive(root, "plan"), content_width, content_height,
                      params, schedule, tile, error);
    cJSON_Delete(root);
    return done;
}
