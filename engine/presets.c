// SPDX-License-Identifier: MIT
//
// The one table of presets. What each looks like: docs/gallery.md.
#include "vkstyle.h"

#include "error.h"

#include <stdio.h>
#include <string.h>

static const vkstyle_preset table[] = {
    {"gentle", "Gentle", "A light touch: the content stays as it was drawn.", "beta=4"},
    {"strong", "Strong", "Much style; the content dissolves into it.", "beta=80"},
    {"large-shapes", "Large shapes", "The style's large forms and broad strokes.",
     "style-scale=1.6 layer-weights=large-shapes"},
    {"fine-strokes", "Fine strokes", "Small strokes and grain, which leave room for detail.",
     "style-scale=0.5 layer-weights=fine-strokes"},
    {"own-colours", "Own colours", "The style's strokes in the content's own colours.",
     "colour=luminance"},
    {"own-palette", "Own palette",
     "The style is repainted with the content's palette before it is used.", "colour=match-pca"},
    {"texture", "Texture only", "The style's texture alone, from noise: no content at all.",
     "alpha=0 init=random"},
    {"quick", "Quick look", "A draft, to choose by.", "quality=draft"},
};

enum { TABLE_COUNT = sizeof table / sizeof *table };

const vkstyle_preset *vkstyle_preset_table(int *count)
{
    if (count)
        *count = TABLE_COUNT;
    return table;
}

static bool apply(vkstyle_params *params, const vkstyle_preset *preset, vkstyle_error *error)
{
    const char *rest = preset->settings;
    while (*rest) {
        char name[VKSTYLE_NAME], value[256];
        size_t length = strcspn(rest, " "), equals = strcspn(rest, "=");
        if (equals >= length || equals >= sizeof name || length - equals > sizeof value)
            return vks_fail(error, VKSTYLE_FAILED, "--preset: %s is broken: %s", preset->name,
                            preset->settings);
        snprintf(name, sizeof name, "%.*s", (int)equals, rest);
        snprintf(value, sizeof value, "%.*s", (int)(length - equals - 1), rest + equals + 1);
        if (!vkstyle_params_set(params, name, value, error))
            return false;
        rest += length;
        rest += strspn(rest, " ");
    }
    return true;
}

bool vkstyle_params_preset(vkstyle_params *params, const char *name, vkstyle_error *error)
{
    const char *names[TABLE_COUNT + 1] = {NULL};
    char list[512] = "";
    for (int i = 0; i < TABLE_COUNT; i++) {
        if (name && !strcmp(table[i].name, name))
            return apply(params, &table[i], error);
        names[i] = table[i].name;
        size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", names[i]);
    }
    const char *nearest = vkstyle_nearest(name ? name : "", names);
    if (nearest)
        return vks_fail(error, VKSTYLE_USAGE,
                        "--preset: none is called '%s'; did you mean '%s'? (presets: %s)", name,
                        nearest, list);
    return vks_fail(error, VKSTYLE_USAGE, "--preset: none is called '%s'; presets: %s",
                    name ? name : "", list);
}
