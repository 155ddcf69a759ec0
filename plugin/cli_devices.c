// SPDX-License-Identifier: MIT
#include "cli.h"

#include <cjson/cJSON.h>
#include <stdlib.h>

static const cli_option options[] = {
    {"json", 0, "Output", NULL, "Print JSON: one array of objects."},
    {0},
};

static const char *const examples[] = {
    "vkstyle devices",
    "What there is to compute on.",
    NULL,
};

static int run(const cli_args *args);

const cli_command cli_devices_command = {
    .name = "devices",
    .synopsis = "[--json]",
    .summary = "list the Vulkan devices, best first",
    .about = "The first column is what --device takes. The exit status is 3 when no device is "
             "usable.",
    .examples = examples,
    .options = options,
    .run = run,
};

static const char *type_name(vkstyle_device_type type)
{
    switch (type) {
    case VKSTYLE_DEVICE_DISCRETE:
        return "discrete";
    case VKSTYLE_DEVICE_INTEGRATED:
        return "integrated";
    case VKSTYLE_DEVICE_VIRTUAL:
        return "virtual";
    case VKSTYLE_DEVICE_SOFTWARE:
        return "software";
    case VKSTYLE_DEVICE_OTHER:
        break;
    }
    return "other";
}

static bool print_json(const vkstyle_device *devices, int count)
{
    cJSON *list = cJSON_CreateArray();
    for (int i = 0; i < count; i++) {
        const vkstyle_device *d = &devices[i];
        char api[32];
        snprintf(api, sizeof api, "%u.%u.%u", d->api >> 16, d->api >> 8 & 255, d->api & 255);
        cJSON *item = cJSON_CreateObject();
        cJSON_AddNumberToObject(item, "index", d->index);
        cJSON_AddStringToObject(item, "name", d->name);
        cJSON_AddStringToObject(item, "driver", d->driver);
        cJSON_AddStringToObject(item, "uuid", d->uuid);
        cJSON_AddStringToObject(item, "type", type_name(d->type));
        cJSON_AddStringToObject(item, "api", api);
        cJSON_AddNumberToObject(item, "memory", (double)d->memory);
        cJSON_AddNumberToObject(item, "budget", (double)d->budget);
        cJSON_AddBoolToObject(item, "usable", d->usable);
        if (!d->usable)
            cJSON_AddStringToObject(item, "why_not", d->why_not);
        cJSON_AddItemToArray(list, item);
    }
    char *text = cJSON_Print(list);
    cJSON_Delete(list);
    if (text)
        printf("%s\n", text);
    free(text);
    return text != NULL;
}

static void print_table(const vkstyle_device *devices, int count)
{
    for (int i = 0; i < count; i++) {
        const vkstyle_device *d = &devices[i];
        char memory[32];
        printf("%-3d%s\n", d->index, d->name);
        printf("   %s, %s, %s, Vulkan %u.%u\n", type_name(d->type),
               cli_bytes_text(memory, sizeof memory, (double)d->memory), d->driver, d->api >> 16,
               d->api >> 8 & 255);
        printf("   %s%s\n", d->usable ? "usable" : "not usable: ", d->usable ? "" : d->why_not);
    }
}

static int run(const cli_args *args)
{
    vkstyle_error error = {0};
    vkstyle_device *devices = NULL;
    int count = 0;
    if (!vkstyle_devices(&devices, &count, &error)) {
        free(devices);
        return cli_fail_error(&error);
    }
    bool usable = false;
    for (int i = 0; i < count; i++)
        usable |= devices[i].usable;
    bool printed = true;
    if (cli_args_value(args, "json"))
        printed = print_json(devices, count);
    else
        print_table(devices, count);
    free(devices);
    if (!printed)
        return cli_fail(VKSTYLE_NO_MEMORY, "--json: not enough memory");
    int status = cli_finish_output(VKSTYLE_DONE);
    if (!status && !usable)
        return cli_fail(VKSTYLE_NO_DEVICE, "none of these devices is usable");
    return status;
}
