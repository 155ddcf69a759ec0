// SPDX-License-Identifier: MIT
//
// The list of devices, and which of them a user means.
#include "internal.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool vks_gpu_list(vkstyle_device **devices, int *count, vkstyle_error *error)
{
    *devices = NULL;
    *count = 0;
    const vks_instance *instance = vks_instance_acquire(error);
    if (!instance)
        return false;
    vks_candidate *candidates = NULL;
    int found = 0;
    vkstyle_device *list = NULL;
    if (vks_candidates(instance, &candidates, &found, error)) {
        list = calloc((size_t)found, sizeof *list);
        if (!list)
            vks_fail(error, VKSTYLE_NO_MEMORY, "the computer has no memory left");
        for (int i = 0; list && i < found; ++i)
            list[i] = candidates[i].info;
    }
    free(candidates);
    vks_instance_release();
    if (!list)
        return false;
    *devices = list;
    *count = found;
    return true;
}

bool vkstyle_devices(vkstyle_device **devices, int *count, vkstyle_error *error)
{
    return vks_gpu_list(devices, count, error);
}

// "0: NAME, 1: NAME (unusable: ...)" of those that match; of all when `match` is NULL.
static void say_list(char *text, size_t capacity, const vks_candidate *candidates, int count,
                     const bool *match)
{
    size_t length = 0;
    text[0] = 0;
    for (int i = 0; i < count && length + 1 < capacity; ++i) {
        const vkstyle_device *info = &candidates[i].info;
        if (match && !match[i])
            continue;
        const int wrote = snprintf(text + length, capacity - length, "%s%d: %s", length ? ", " : "",
                                   i, info->name);
        length += wrote > 0 ? (size_t)wrote : 0;
    }
}

static bool contains(const char *text, const char *part)
{
    const size_t length = strlen(part);
    for (; *text; ++text)
        if (strncasecmp(text, part, length) == 0)
            return true;
    return false;
}

// 32 hexadecimal digits in lower case; dashes are skipped.
static bool read_uuid(const char *text, char uuid[33])
{
    int digits = 0;
    for (; *text; ++text) {
        if (*text == '-')
            continue;
        if (!isxdigit((unsigned char)*text) || digits == 32)
            return false;
        uuid[digits++] = (char)tolower((unsigned char)*text);
    }
    uuid[digits] = 0;
    return digits == 32;
}

static const vks_candidate *usable(const vks_candidate *candidate, vkstyle_error *error)
{
    if (candidate->info.usable)
        return candidate;
    vks_fail(error, VKSTYLE_NO_DEVICE, "the device %s cannot be used: %s", candidate->info.name,
             candidate->info.why_not);
    return NULL;
}

static const vks_candidate *choose_best(const vks_candidate *candidates, int count,
                                        vkstyle_error *error)
{
    // Usable ones come first, and software after the others.
    if (candidates[0].info.usable) {
        if (candidates[0].info.type == VKSTYLE_DEVICE_SOFTWARE)
            vks_notice(
                "no GPU with a Vulkan driver was found: using software Vulkan (%s), which is "
                "many times slower",
                candidates[0].info.name);
        return &candidates[0];
    }
    char why[800];
    size_t length = 0;
    for (int i = 0; i < count && length + 1 < sizeof why; ++i) {
        const int wrote = snprintf(why + length, sizeof why - length, "%s%s: %s", i ? "; " : "",
                                   candidates[i].info.name, candidates[i].info.why_not);
        length += wrote > 0 ? (size_t)wrote : 0;
    }
    vks_fail(
        error, VKSTYLE_NO_DEVICE,
        "no Vulkan device here can be used (%s). A newer driver may help; software Vulkan always "
        "does (Debian and Ubuntu: apt install mesa-vulkan-drivers)",
        why);
    return NULL;
}

const vks_candidate *vks_choose(const vks_candidate *candidates, int count, const char *choice,
                                vkstyle_error *error)
{
    if (!choice || !choice[0] || strcmp(choice, "auto") == 0)
        return choose_best(candidates, count, error);

    const bool digits = choice[strspn(choice, "0123456789")] == 0;
    if (digits && strlen(choice) <= 4) {
        const int index = atoi(choice);
        if (index < count)
            return usable(&candidates[index], error);
    }
    char uuid[33];
    const bool is_uuid = read_uuid(choice, uuid);
    for (int i = 0; is_uuid && i < count; ++i)
        if (strcmp(candidates[i].info.uuid, uuid) == 0)
            return usable(&candidates[i], error);

    // A whole name wins over parts of others; "4090" is part of a name too.
    bool match[64] = {false};
    int matches = 0, last = -1, exact = -1, exacts = 0;
    for (int i = 0; i < count && i < 64; ++i) {
        match[i] = contains(candidates[i].info.name, choice);
        if (match[i]) {
            ++matches;
            last = i;
        }
        if (strcasecmp(candidates[i].info.name, choice) == 0) {
            ++exacts;
            exact = i;
        }
    }
    if (exacts == 1)
        return usable(&candidates[exact], error);
    if (matches == 1)
        return usable(&candidates[last], error);
    char list[700];
    say_list(list, sizeof list, candidates, count, matches > 1 ? match : NULL);
    if (matches > 1)
        vks_fail(
            error, VKSTYLE_USAGE,
            "\"%s\" is part of the names of several devices (%s): give the number, or the UUID",
            choice, list);
    else if (is_uuid)
        vks_fail(
            error, VKSTYLE_NO_DEVICE,
            "no device has the UUID %s: it was taken out, or its driver has changed; there are %s",
            choice, list);
    else
        vks_fail(error, VKSTYLE_NO_DEVICE, "there is no device %s%s%s; there are %s",
                 digits ? "" : "\"", choice, digits ? "" : "\"", list);
    return NULL;
}
