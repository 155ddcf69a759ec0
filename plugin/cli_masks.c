// SPDX-License-Identifier: MIT
//
// --mask: one file for each style, separated by commas; an empty place stands for what the other
// masks leave.
#include "cli.h"

#include <stdlib.h>
#include <string.h>

int cli_masks_split(cli_masks *masks, const char *text, int styles)
{
    if (!text)
        return 0;
    size_t size = strlen(text) + 1;
    if (!(masks->text = malloc(size)))
        return cli_fail(VKSTYLE_NO_MEMORY, "--mask: not enough memory");
    memcpy(masks->text, text, size);
    int count = 0, named = 0;
    for (char *at = masks->text; at; count++) {
        char *comma = strchr(at, ',');
        if (comma)
            *comma = '\0';
        if (*at && count < VKSTYLE_MAX_STYLES) {
            masks->names[count] = at;
            named++;
        }
        at = comma ? comma + 1 : NULL;
    }
    if (count != styles)
        return cli_fail(VKSTYLE_USAGE,
                        "--mask: %d given for %d styles; give one for each, separated by commas, "
                        "and nothing between two commas for what the others leave",
                        count, styles);
    if (!named)
        return cli_fail(VKSTYLE_USAGE, "--mask names no file");
    masks->count = count;
    return 0;
}

int cli_masks_load(cli_masks *masks)
{
    vkstyle_error error = {0};
    for (int i = 0; i < masks->count; i++)
        if (masks->names[i] && !(masks->images[i] = vkstyle_image_load(masks->names[i], &error)))
            return cli_fail(error.status, "--mask: %s", error.text);
    return 0;
}

void cli_masks_free(cli_masks *masks)
{
    for (int i = 0; i < masks->count; i++)
        vkstyle_image_free(&masks->images[i]);
    free(masks->text);
    *masks = (cli_masks){0};
}
