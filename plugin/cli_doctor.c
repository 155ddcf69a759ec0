// SPDX-License-Identifier: MIT
//
// What a new user's machine lacks, in one line each, and what to do about it in one line more.
#include "cli.h"

#include <glob.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const cli_option options[] = {
    {"model", 0, "Device and model", "M", CLI_MODEL_HELP},
    {"device", 0, "Device and model", "D", CLI_DEVICE_HELP},
    {0},
};

static const char *const examples[] = {
    "vkstyle doctor",
    "Is everything here that a transfer needs? Where is GIMP?",
    NULL,
};

static int run(const cli_args *args);

const cli_command cli_doctor_command = {
    .name = "doctor",
    .synopsis = "[OPTION]...",
    .summary = "check driver, device, model and GIMP, and say what to do",
    .about = "One line for each thing checked, and below it a line that says what to do where "
             "something is wrong. The exit status is 0 when a transfer works.",
    .examples = examples,
    .options = options,
    .run = run,
};

static void line(const char *mark, const char *what, const char *text)
{
    printf("%-5s %-10s %s\n", mark, what, text);
    fflush(stdout);
}

static void remedy(const char *text)
{
    printf("                 -> %s\n", text);
    fflush(stdout);
}

static bool exists(const char *pattern)
{
    glob_t found;
    bool any = glob(pattern, GLOB_NOSORT, NULL, &found) == 0 && found.gl_pathc > 0;
    globfree(&found);
    return any;
}

static bool in_path(const char *program)
{
    const char *path = getenv("PATH");
    char name[VKSTYLE_PATH];
    while (path && *path) {
        int length = (int)strcspn(path, ":");
        snprintf(name, sizeof name, "%.*s/%s", length, path, program);
        if (access(name, X_OK) == 0)
            return true;
        path += length + (path[length] == ':');
    }
    return false;
}

// The plug-in in one of GIMP's folders: the user's own, or the system's of that version.
static bool plugin_in(const char *config, const char *version, const char *system_version)
{
    char pattern[VKSTYLE_PATH];
    snprintf(pattern, sizeof pattern, "%s/GIMP/%s/plug-ins/vkstyle*/vkstyle*", config, version);
    if (exists(pattern))
        return true;
    if (!system_version)
        return false;
    static const char *const roots[] = {"/usr/lib", "/usr/lib/*", "/usr/lib64", "/usr/local/lib",
                                        "/usr/local/lib/*"};
    for (size_t i = 0; i < sizeof roots / sizeof *roots; i++) {
        snprintf(pattern, sizeof pattern, "%s/gimp/%s/plug-ins/vkstyle*/vkstyle*", roots[i],
                 system_version);
        if (exists(pattern))
            return true;
    }
    return false;
}

static void config_folder(char *folder, size_t size)
{
    const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    if (config && *config == '/')
        snprintf(folder, size, "%s", config);
    else
        snprintf(folder, size, "%s/.config", home ? home : "");
}

// A GIMP of the distribution's own packages.
static bool native_gimp(const char *config, const char *const *programs,
                        const char *const *versions, const char *system_version, const char *title)
{
    bool there = false;
    for (int i = 0; programs[i]; i++)
        there |= in_path(programs[i]);
    if (!there)
        return false;
    bool seen = false;
    for (int i = 0; versions[i]; i++)
        seen |= plugin_in(config, versions[i], system_version);
    char text[256];
    snprintf(text, sizeof text, "%s: %s", title,
             seen ? "the filter is installed (Filters > Artistic > Neural Style Transfer)"
                  : "the filter is not installed");
    line(seen ? "ok" : "warn", "GIMP", text);
    if (!seen)
        remedy("run ./install.sh again in vkstyle's source folder, now that GIMP is there");
    return true;
}

static void check_gimp(void)
{
    static const char *const programs2[] = {"gimp-2.10", "gimp-console-2.10", NULL};
    static const char *const programs3[] = {
        "gimp-3.0",         "gimp-3.2",       "gimp-3", "gimp-console-3.0",
        "gimp-console-3.2", "gimp-console-3", NULL};
    static const char *const versions2[] = {"2.10", NULL};
    static const char *const versions3[] = {"3.0", "3.2", "3.4", NULL};
    char config[VKSTYLE_PATH - 128], pattern[VKSTYLE_PATH];
    config_folder(config, sizeof config);
    const char *home = getenv("HOME");
    bool any = native_gimp(config, programs2, versions2, "2.0", "2.10, native");
    any |= native_gimp(config, programs3, versions3, "3.0", "3, native");
    snprintf(pattern, sizeof pattern, "%s/.local/share/flatpak/app/org.gimp.GIMP",
             home ? home : "");
    if (exists("/var/lib/flatpak/app/org.gimp.GIMP") || exists(pattern)) {
        any = true;
        // The Flatpak brings libraries of its own; ./install.sh tries whether the filter starts
        // there.
        snprintf(pattern, sizeof pattern,
                 "%s/.var/app/org.gimp.GIMP/config/GIMP/*/plug-ins/vkstyle/vkstyle",
                 home ? home : "");
        bool seen = exists(pattern);
        line(seen ? "ok" : "warn", "GIMP",
             seen ? "Flatpak: the filter is installed (Filters > Artistic > Neural Style Transfer)"
                  : "Flatpak: the filter is not installed");
        if (!seen)
            remedy("run ./install.sh as the user who paints; if the filter does not start in the "
                   "Flatpak, use the distribution's GIMP, or 'vkstyle transfer'");
    }
    if (exists("/snap/gimp") || exists("/var/lib/snapd/snaps/gimp_*.snap")) {
        any = true;
        line("warn", "GIMP", "Snap: it cannot load a filter built for this system");
        remedy("use the distribution's GIMP for the filter, or 'vkstyle transfer' here");
    }
    if (!any) {
        line("none", "GIMP", "not found; the command line does not need it");
        remedy("for the filter: apt install gimp, then run ./install.sh again");
    }
}

static int check_driver(vkstyle_error *error)
{
    vkstyle_device *devices = NULL;
    int count = 0, usable = 0;
    if (!vkstyle_devices(&devices, &count, error)) {
        free(devices);
        line("FAIL", "driver", error->text);
        remedy("install the GPU's Vulkan driver, or mesa-vulkan-drivers for Intel, AMD and "
               "software rendering");
        return error->status;
    }
    for (int i = 0; i < count; i++) {
        char text[1200];
        usable += devices[i].usable;
        snprintf(text, sizeof text, "%d: %s (%s)%s%s", devices[i].index, devices[i].name,
                 devices[i].driver, devices[i].usable ? "" : ", not usable: ",
                 devices[i].usable ? "" : devices[i].why_not);
        line(devices[i].usable ? "ok" : "warn", "driver", text);
    }
    free(devices);
    if (usable)
        return VKSTYLE_DONE;
    error->status = VKSTYLE_NO_DEVICE;
    snprintf(error->text, sizeof error->text, "none of the devices is usable");
    remedy("update the GPU's driver, or install mesa-vulkan-drivers for software rendering");
    return VKSTYLE_NO_DEVICE;
}

// A picture of waves: enough for the losses to be no zeros.
static vkstyle_image *waves(double frequency, vkstyle_error *error)
{
    vkstyle_image *image = vkstyle_image_create(48, 48, false, error);
    for (int i = 0; image && i < 3 * 48 * 48; i++)
        image->rgb[i] = (float)(0.5 + 0.4 * sin(frequency * (i % 48) + 0.3 * (i / 48)));
    return image;
}

// The main job, on a small picture: what no list of parts can promise.
static bool check_transfer(vkstyle_context *context, const vkstyle_model *model,
                           vkstyle_error *error)
{
    vkstyle_params params;
    vkstyle_params_default(&params);
    params.iterations = 2;
    params.levels = 1;
    vkstyle_image *content = waves(0.2, error);
    vkstyle_image *style = content ? waves(0.9, error) : NULL;
    vkstyle_image *result = NULL;
    if (style) {
        const vkstyle_image *styles[] = {style};
        vkstyle_job job = {.content = content, .styles = styles, .style_count = 1};
        result = vkstyle_transfer(context, model, &job, &params, NULL, error);
    }
    bool good = result != NULL;
    vkstyle_image_free(&result);
    vkstyle_image_free(&style);
    vkstyle_image_free(&content);
    return good;
}

// The value of one line of a model's description; returns buffer.
static char *described(const char *text, const char *key, char *buffer, size_t size)
{
    const char *found = strstr(text, key);
    snprintf(buffer, size, "?");
    if (found) {
        found += strlen(key);
        found += strspn(found, " ");
        snprintf(buffer, size, "%.*s", (int)strcspn(found, "\n"), found);
    }
    return buffer;
}

static void check_model(const cli_args *args, vkstyle_model **model, vkstyle_error *error)
{
    *model = vkstyle_model_load(cli_args_value(args, "model"), error);
    if (!*model) {
        line("FAIL", "model", error->text);
        remedy("run ./install.sh again, or set VKSTYLE_MODELS to the folder with the model");
        return;
    }
    char *text = vkstyle_model_describe(*model, error), shown[1024] = "found";
    if (text) {
        char name[256], file[512];
        snprintf(shown, sizeof shown, "%s (%s)", described(text, "model:", name, sizeof name),
                 described(text, "file:", file, sizeof file));
    }
    line("ok", "model", shown);
    free(text);
}

static int run(const cli_args *args)
{
    vkstyle_error error = {0}, first = {0};
    vkstyle_model *model = NULL;
    vkstyle_context *context = NULL;
    printf("vkstyle %s\n", VKSTYLE_VERSION);
    if (check_driver(&error))
        first = error;
    else if (!(context = vkstyle_open(cli_args_value(args, "device"), &error))) {
        first = error;
        line("FAIL", "device", error.text);
        remedy("try another one with --device, or update its driver");
    } else {
        vkstyle_device device;
        char text[1024], memory[32];
        vkstyle_context_device(context, &device);
        snprintf(text, sizeof text, "%s, %s: self-test passed", device.name,
                 cli_bytes_text(memory, sizeof memory, (double)device.memory));
        line("ok", "device", text);
        if (device.type == VKSTYLE_DEVICE_SOFTWARE)
            remedy(
                "this is the processor, not a GPU; if there is a GPU, install its Vulkan driver");
    }
    check_model(args, &model, &error);
    if (!model && !first.status)
        first = error;
    if (model && context) {
        bool good = check_transfer(context, model, &error);
        line(good ? "ok" : "FAIL", "transfer", good ? "a small picture was painted" : error.text);
        if (!good) {
            first = error;
            remedy("update the GPU's driver; --kernels direct and --precision fp32 may help");
        }
    }
    check_gimp();
    vkstyle_close(&context);
    vkstyle_model_free(&model);
    int status = cli_finish_output(first.status);
    return status && first.status ? cli_fail_error(&first) : status;
}
