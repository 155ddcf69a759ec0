// SPDX-License-Identifier: MIT
// Where the file of a model is.
#include "encoder.h"

#include "../error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef __APPLE__
#include <mach-o/dyld.h>
#endif

// The folder that holds the running program, or false.
static bool program_folder(char *folder, size_t size)
{
#ifdef __APPLE__
    uint32_t room = (uint32_t)size;
    if (_NSGetExecutablePath(folder, &room) != 0)
        return false;
#else
    ssize_t length = readlink("/proc/self/exe", folder, size - 1);
    if (length <= 0 || (size_t)length >= size - 1)
        return false;
    folder[length] = '\0';
#endif
    char *slash = strrchr(folder, '/');
    if (!slash)
        return false;
    *slash = '\0';
    return true;
}

static bool ends_with(const char *text, const char *ending)
{
    size_t length = strlen(text), tail = strlen(ending);
    return length > tail && !strcmp(text + length - tail, ending);
}

bool vks_model_locate(const char *name_or_path, char *path, vkstyle_error *error)
{
    const char *name = name_or_path && *name_or_path ? name_or_path : "vgg19";
    if (strlen(name) >= VKSTYLE_PATH)
        return vks_fail(error, VKSTYLE_FAILED, "the model's path is longer than %d bytes",
                        VKSTYLE_PATH - 1);
    if (strchr(name, '/') || ends_with(name, ".safetensors") || ends_with(name, ".h5") ||
        ends_with(name, ".hdf5")) {
        strcpy(path, name);
        return true;
    }
    // In the order of preference. Relative to the program come a GIMP plug-in's own folder, an
    // installation that was moved, and the build folder (plugin/ and tests/NAME/ in it, or the
    // source tree around it).
    static const char *const beside[] = {"models", "../share/vkstyle/models", "../models",
                                         "../../models", "../../../models"};
    enum { BESIDE = sizeof beside / sizeof *beside };
    char places[BESIDE + 2][VKSTYLE_PATH + 64], folder[VKSTYLE_PATH];
    int count = 0;
    const char *chosen = getenv("VKSTYLE_MODELS");
    if (chosen && *chosen)
        snprintf(places[count++], sizeof *places, "%s", chosen);
    if (program_folder(folder, sizeof folder))
        for (int i = 0; i < BESIDE; i++)
            snprintf(places[count++], sizeof *places, "%s/%s", folder, beside[i]);
    snprintf(places[count++], sizeof *places, "%s", VKS_MODELS_DIR);
    for (int i = 0; i < count; i++) {
        int length = snprintf(path, VKSTYLE_PATH, "%s/%s.safetensors", places[i], name);
        if (length < VKSTYLE_PATH && access(path, R_OK) == 0)
            return true;
    }
    char looked[700] = "";
    for (int i = 0, used = 0; i < count && used < (int)sizeof looked; i++)
        used +=
            snprintf(looked + used, sizeof looked - (size_t)used, "%s%s", i ? ", " : "", places[i]);
    return vks_fail(
        error, VKSTYLE_FAILED,
        "no model named '%.80s': there is no %.80s.safetensors in %s; set VKSTYLE_MODELS "
        "to the models' folder or give the file's path",
        name, name, looked);
}
