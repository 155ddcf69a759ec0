// SPDX-License-Identifier: MIT
//
// VKSTYLE_DEBUG_LIMITS: one device plays many smaller ones.
#include "internal.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

typedef enum mode {
    LOWER, // a value above the device's own changes nothing
    RAISE, // alignments: the larger one is the harder one
    FORCE  // switches
} mode;

static const struct field {
    const char *name;
    mode mode;
    size_t offset, bytes; // in vks_gpu_limits
    int count;
} fields[] = {
#define FIELD(name, mode, count)                                                                   \
    {                                                                                              \
#name, mode, offsetof(vks_gpu_limits, name),                                               \
            sizeof(((vks_gpu_limits *)0)->name) / (count), count                                   \
    }
    FIELD(software, FORCE, 1),    FIELD(texel, FORCE, 1),          FIELD(storage_range, LOWER, 1),
    FIELD(matrix, LOWER, 3),      FIELD(texel_elements, LOWER, 1), FIELD(allocation, LOWER, 1),
    FIELD(invocations, LOWER, 1), FIELD(shared_bytes, LOWER, 1),   FIELD(push_bytes, LOWER, 1),
    FIELD(groups, LOWER, 3),      FIELD(alignment, RAISE, 1),      FIELD(subgroup, LOWER, 1),
    FIELD(memory, LOWER, 1),      FIELD(budget, LOWER, 1),
#undef FIELD
};

enum { FIELDS = sizeof fields / sizeof fields[0] };
_Static_assert((int)FIELDS <= (int)VKS_SIMULATED, "vks_simulation is too small");

static int find(const char *name, size_t length)
{
    for (int i = 0; i < FIELDS; ++i)
        if (strlen(fields[i].name) == length && memcmp(fields[i].name, name, length) == 0)
            return i;
    return -1;
}

// Decimal digits only, up to `end`: no sign, no locale, no overflow.
static bool number(const char *text, const char *end, uint64_t *value)
{
    *value = 0;
    if (text == end)
        return false;
    for (; text < end; ++text) {
        if (*text < '0' || *text > '9' || *value > (UINT64_MAX - 9) / 10)
            return false;
        *value = *value * 10 + (uint64_t)(*text - '0');
    }
    return true;
}

static bool version(const char *text, const char *end, uint32_t *api)
{
    const char *dot = memchr(text, '.', (size_t)(end - text));
    uint64_t major, minor;
    if (!dot || !number(text, dot, &major) || !number(dot + 1, end, &minor) || major > 9 ||
        minor > 9)
        return false;
    *api = VK_MAKE_API_VERSION(0, (uint32_t)major, (uint32_t)minor, 0);
    return true;
}

bool vks_simulation_read(vks_simulation *simulation, vkstyle_error *error)
{
    *simulation = (vks_simulation){0};
    const char *text = getenv("VKSTYLE_DEBUG_LIMITS");
    if (!text || !text[0])
        return true;
    simulation->text = text;
    for (const char *at = text;;) {
        const char *end = at + strcspn(at, ",");
        const char *equals = memchr(at, '=', (size_t)(end - at));
        const size_t length = (size_t)((equals ? equals : end) - at);
        const int i = find(at, length);
        const bool is_api = length == 3 && memcmp(at, "api", 3) == 0;
        if (i < 0 && !is_api)
            return vks_fail(
                error, VKSTYLE_USAGE,
                "VKSTYLE_DEBUG_LIMITS: there is no limit \"%.*s\"; the names are api and "
                "those of vks_gpu_limits (storage_range, invocations, texel, ...)",
                (int)length, at);
        bool good = equals != NULL;
        if (good && is_api)
            good = version(equals + 1, end, &simulation->api);
        else if (good)
            good = number(equals + 1, end, &simulation->value[i]) &&
                   (fields[i].mode != FORCE || simulation->value[i] <= 1) &&
                   (fields[i].mode != RAISE ||
                    (simulation->value[i] & (simulation->value[i] - 1)) == 0);
        if (!good)
            return vks_fail(error, VKSTYLE_USAGE,
                            "VKSTYLE_DEBUG_LIMITS: \"%.*s\" has no value that fits: a whole number "
                            "(0 or 1 for switches, a power of two for alignment, 1.1 for api)",
                            (int)(end - at), at);
        if (!is_api)
            simulation->set[i] = true;
        if (!*end)
            return true;
        at = end + 1;
    }
}

const uint64_t *vks_simulated(const vks_simulation *simulation, const char *name)
{
    const int i = find(name, strlen(name));
    return i >= 0 && simulation->set[i] ? &simulation->value[i] : NULL;
}

static uint64_t changed(mode how, uint64_t own, uint64_t simulated)
{
    switch (how) {
    case LOWER:
        return simulated < own ? simulated : own;
    case RAISE:
        return simulated > own ? simulated : own;
    case FORCE:
        break;
    }
    return simulated;
}

void vks_simulation_apply(const vks_simulation *simulation, vks_candidate *candidate)
{
    for (int i = 0; i < FIELDS; ++i) {
        if (!simulation->set[i])
            continue;
        for (int j = 0; j < fields[i].count; ++j) {
            char *at = (char *)&candidate->limits + fields[i].offset + (size_t)j * fields[i].bytes;
            const uint64_t value = simulation->value[i];
            if (fields[i].bytes == sizeof(uint64_t)) {
                *(uint64_t *)(void *)at = changed(fields[i].mode, *(uint64_t *)(void *)at, value);
            } else if (fields[i].bytes == sizeof(uint32_t)) {
                uint32_t *own = (uint32_t *)(void *)at;
                const uint64_t now = changed(fields[i].mode, *own, value);
                *own = now > UINT32_MAX ? UINT32_MAX : (uint32_t)now;
            } else {
                *(bool *)(void *)at = value != 0;
            }
        }
    }
    const uint64_t *budget = vks_simulated(simulation, "budget");
    candidate->budget_cap = budget ? *budget : UINT64_MAX;
    vks_gpu_limits *limits = &candidate->limits;
    if (limits->allocation > limits->memory)
        limits->allocation = limits->memory;
}
