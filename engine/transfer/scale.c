// SPDX-License-Identifier: MIT
#include "job.h"
#include "budget.h"
#include "pad.h"
#include "../error.h"

#include <math.h>
#include <stdlib.h>

// A style image as the engine takes it, at its own size.
static vkstyle_image *take_style(const vks_transfer *t, int index)
{
    vkstyle_image *style = vks_image_fill_transparent(t->job->styles[index], t->error);
    if (style)
        vks_recolour_style(style, &t->colours, t->params->colour, t->params->colour_strength);
    return style;
}

// The style images at the size they have for a level.
static vkstyle_image **size_styles(vks_transfer *t, vks_level level)
{
    const vkstyle_job *job = t->job;
    vks_level goal = t->schedule.levels[t->schedule.count - 1];
    int side = level.width > level.height ? level.width : level.height;
    double down = (double)side / (goal.width > goal.height ? goal.width : goal.height);
    vkstyle_image **images = calloc((size_t)job->style_count, sizeof *images);
    bool done = images != NULL;
    if (!done)
        vks_fail(t->error, VKSTYLE_NO_MEMORY, "out of memory for the style images");
    for (int i = 0; done && i < job->style_count; i++) {
        vkstyle_image *s = NULL;
        // A folder of large pictures takes seconds.
        if (vks_look_on(0, t) == VKSTYLE_CONTINUE)
            s = take_style(t, i);
        else
            vks_fail(t->error, VKSTYLE_INTERRUPTED, "interrupted");
        if (!s) {
            done = false;
            break;
        }
        int own = s->width > s->height ? s->width : s->height, width, height;
        // The paper's raw losses know no style scale: the style image counts as large as it is.
        double long_side = t->params->raw_losses ? own * down : side;
        vks_fit(s->width, s->height, fmax(1, long_side * t->params->style_scale), &width, &height);
        vkstyle_image *sized = vkstyle_image_resize(s, width, height, t->error);
        vkstyle_image_free(&s);
        images[i] = sized ? vks_pad_small(sized, t->error) : NULL;
        vkstyle_image_free(&sized);
        done = images[i] != NULL;
    }
    if (done)
        return images;
    for (int i = 0; images && i < job->style_count; i++)
        vkstyle_image_free(&images[i]);
    free(images);
    return NULL;
}

// The styles of a scale, as they are at `level`; the iteration's own size is width x height, of
// which the picture takes own_width x own_height.
static bool prepare_style(vks_transfer *t, vks_scale *scale, vks_level level, int own_width,
                          int own_height, int width, int height)
{
    const vkstyle_job *job = t->job;
    vkstyle_image **images = size_styles(t, level);
    bool done = images != NULL, found = false;
    const vkstyle_image *const *styles = (const vkstyle_image *const *)images;
    vks_setting setting = vks_setting_at(&t->setting, &level);
    if (done && t->setting.regions) {
        done = vks_zones_make(&scale->zones, job, styles, own_width, own_height, width, height,
                              t->gpu, t->network, &setting, t->error);
        scale->options.style = &scale->zones.style[0];
    } else {
        done = done && vks_cached_style(&t->context->styles, &scale->options.style, &found, t->gpu,
                                        t->network, &setting, styles, job->style_weights,
                                        job->style_count, t->error);
    }
    if (done)
        t->journal.styles_prepared += !found;
    for (int i = 0; images && i < job->style_count; i++)
        vkstyle_image_free(&images[i]);
    free(images);
    return done;
}

bool vks_scales_prepare(vks_transfer *t, const vkstyle_image *content, bool start)
{
    const vks_level *levels = &t->schedule.levels[t->level], level = *levels;
    for (int i = 0; i <= level.coarser && i < VKS_MAX_SCALES; i++) {
        vks_scale *scale = &t->scales[i];
        int width = content->width >> i, height = content->height >> i;
        vks_picture sized = {0};
        vks_picture_borrow(&sized, content);
        bool done = prepare_style(t, scale, levels[-i], i ? width : level.width,
                                  i ? height : level.height, width, height) &&
                    (!i || vks_picture_sized(&sized, t->content.at, width, height, t->error)) &&
                    vks_prepare_content(&scale->content, t->gpu, t->network, &t->here, sized.at,
                                        start, t->error);
        vks_picture_borrow(&sized, NULL);
        if (!done)
            return false;
        scale->options =
            (vks_iteration_options){.width = (uint32_t)width,
                                    .height = (uint32_t)height,
                                    .style = scale->options.style,
                                    .regions = t->setting.regions ? &scale->zones.regions : NULL,
                                    .content = &scale->content,
                                    .coarse = i < level.coarser ? &t->scales[i + 1].options : NULL,
                                    .coarse_weight = level.coarser_weight};
    }
    return true;
}

void vks_scales_free(vks_transfer *t)
{
    for (int i = 0; i < VKS_MAX_SCALES; i++) {
        vks_zones_free(&t->scales[i].zones);
        vks_content_free(&t->scales[i].content);
        t->scales[i] = (vks_scale){0};
    }
}
