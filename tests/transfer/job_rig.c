// SPDX-License-Identifier: MIT
#include "job_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

const char job_chain[] = "conv1_1:6 conv1_2:9 pool1 conv2_1:10 conv2_2:13 pool2 conv3_1:18 "
                         "conv3_2:15 pool3 conv4_1:21 conv4_2:20 pool4 conv5_1:24";

void job_stage_open(job_stage *stage, int style_width, int style_height, int content_width,
                    int content_height)
{
    *stage = (job_stage){.context = rig_context(NULL),
                         .model = rig_model(job_chain, 5),
                         .style = rig_picture(style_width, style_height, 3),
                         .content = rig_picture(content_width, content_height, 1)};
}

int job_stage_close(job_stage *stage)
{
    vkstyle_image_free(&stage->content);
    vkstyle_image_free(&stage->style);
    vkstyle_model_free(&stage->model);
    vkstyle_close(&stage->context);
    return vks_gpu_validation_messages();
}

double job_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static vkstyle_image *copy(const vkstyle_image *image)
{
    vkstyle_error error = {0};
    vkstyle_image *same = vkstyle_image_create(image->width, image->height, false, &error);
    need(same, &error);
    memcpy(same->rgb, image->rgb,
           3 * (size_t)image->width * (size_t)image->height * sizeof *image->rgb);
    return same;
}

vkstyle_decision job_look(const vkstyle_progress *p, void *user)
{
    job_watch *w = user;
    double now = job_seconds();
    w->calls++;
    w->went_back |= p->iteration < w->last_iteration || p->iteration > p->iterations;
    w->last_iteration = p->iteration;
    w->tiles = p->tiles ? p->tiles : w->tiles;
    w->no_such_tile |= p->tiles ? p->tile < 1 || p->tile > p->tiles : p->tile != 0;
    w->levels_seen |= 1 << p->level;
    if (p->picture && w->pictures < 64) {
        w->picture_at[w->pictures] = p->iteration;
        w->picture_width[w->pictures] = p->picture->width;
        w->picture_time[w->pictures++] = now;
        vkstyle_image_free(&w->last_picture);
        w->last_picture = copy(p->picture);
    }
    bool due =
        w->decision && (!w->phase || !strcmp(w->phase, p->phase)) && p->iteration >= w->iteration;
    if (due && w->decided == 0)
        w->decided = now;
    return due ? w->decision : VKSTYLE_CONTINUE;
}

vkstyle_params job_params(int iterations)
{
    vkstyle_params p;
    vkstyle_params_default(&p);
    p.iterations = iterations;
    p.levels = 1;
    p.precision = VKSTYLE_PRECISION_FP32;
    return p;
}

job_result job_run(vkstyle_context *context, const vkstyle_model *model, const vkstyle_job *job,
                   const vkstyle_params *params)
{
    job_result r = {0};
    double start = job_seconds();
    r.image = vkstyle_transfer(context, model, job, params, &r.text, &r.error);
    r.seconds = job_seconds() - start;
    assert_true(r.image ? r.error.status == VKSTYLE_DONE : r.error.status != VKSTYLE_DONE);
    assert_true(r.image || r.error.text[0]);
    r.report = r.text ? cJSON_Parse(r.text) : NULL;
    return r;
}

job_result job_simple(vkstyle_context *context, const vkstyle_model *model,
                      const vkstyle_image *content, const vkstyle_image *style,
                      const vkstyle_params *params)
{
    const vkstyle_image *styles[] = {style};
    vkstyle_job job = {.content = content, .styles = styles, .style_count = 1};
    job_result r = job_run(context, model, &job, params);
    need(r.image, &r.error);
    return r;
}

void job_free(job_result *r)
{
    vkstyle_image_free(&r->image);
    cJSON_Delete(r->report);
    free(r->text);
    *r = (job_result){0};
}

const cJSON *job_member(const job_result *r, const char *path)
{
    const cJSON *at = r->report;
    char name[64];
    for (const char *rest = path; at && *rest; rest += *rest == '.') {
        size_t length = strcspn(rest, ".");
        snprintf(name, sizeof name, "%.*s", (int)length, rest);
        at = cJSON_GetObjectItemCaseSensitive(at, name);
        rest += length;
    }
    if (!at)
        fail_msg("the report has no %s", path);
    return at;
}

double job_number(const job_result *r, const char *path)
{
    const cJSON *at = job_member(r, path);
    assert_true(cJSON_IsNumber(at));
    return at->valuedouble;
}

const char *job_text(const job_result *r, const char *path)
{
    const cJSON *at = job_member(r, path);
    assert_true(cJSON_IsString(at));
    return at->valuestring;
}

double job_loss(const job_result *r, int iteration)
{
    return job_value(r, "total", iteration);
}

double job_value(const job_result *r, const char *loss, int iteration)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(job_member(r, "losses"), loss);
    int count = cJSON_GetArraySize(list);
    const cJSON *item = cJSON_GetArrayItem(list, iteration < 0 ? count + iteration : iteration);
    assert_true(item && cJSON_IsNumber(item));
    return item->valuedouble;
}

bool job_same(const vkstyle_image *a, const vkstyle_image *b)
{
    return a->width == b->width && a->height == b->height &&
           !memcmp(a->rgb, b->rgb, 3 * (size_t)a->width * (size_t)a->height * sizeof *a->rgb);
}
