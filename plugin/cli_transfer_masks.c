// SPDX-License-Identifier: MIT
#include "cli_transfer.h"

#include <stdlib.h>
#include <string.h>

int cli_masks_read(cli_masks *m, const char *text, int styles)
{
    if (!text)
        return VKSTYLE_DONE;
    if (!(m->names = strdup(text)))
        return cli_fail(VKSTYLE_NO_MEMORY, "out of memory");
    for (char *rest = m->names; rest;) {
        char *word = rest, *comma = strchr(rest, ',');
        rest = comma ? comma + 1 : NULL;
        if (comma)
            *comma = '\0';
        if (m->count < styles)
            m->name[m->count] = *word ? word : NULL;
        m->count++;
    }
    if (m->count != styles)
        return cli_fail(VKSTYLE_USAGE,
                        "--style-mask: %d given for %d styles; give one each, empty for everywhere "
                        "(a folder is one style)",
                        m->count, styles);
    return VKSTYLE_DONE;
}

// The mask of the same name that an earlier style has, or NULL. One picture, so that the engine
// makes one region of both.
static vkstyle_image *loaded_before(const cli_masks *m, int i)
{
    for (int k = 0; k < i; k++)
        if (m->name[k] && !strcmp(m->name[k], m->name[i]))
            return m->mask[k];
    return NULL;
}

int cli_masks_load(cli_masks *m, const char *strength_path)
{
    vkstyle_error error = {0};
    for (int i = 0; i < m->count; i++) {
        if (!m->name[i] || (m->mask[i] = loaded_before(m, i)))
            continue;
        if (!(m->own[i] = m->mask[i] = vkstyle_image_load(m->name[i], &error)))
            return cli_fail(error.status, "--style-mask: %s", error.text);
    }
    if (strength_path && !(m->strength = vkstyle_image_load(strength_path, &error)))
        return cli_fail(error.status, "--strength-map: %s", error.text);
    return VKSTYLE_DONE;
}

void cli_masks_free(cli_masks *m)
{
    for (int i = 0; i < VKSTYLE_MAX_STYLES; i++)
        vkstyle_image_free(&m->own[i]);
    vkstyle_image_free(&m->strength);
    free(m->names);
    m->names = NULL;
}

void cli_masks_give(cli_masks *m, const int *style_of, vkstyle_job *job)
{
    for (int i = 0; m->count && i < job->style_count; i++)
        m->of_picture[i] = m->mask[style_of[i]];
    job->style_masks = m->count ? m->of_picture : NULL;
    job->strength_map = m->strength;
}
