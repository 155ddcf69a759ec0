// SPDX-License-Identifier: MIT
//
// Names of pictures: folders expanded, and what was made from what.
#include "cli.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

bool cli_is_folder(const char *path)
{
    struct stat there;
    return stat(path, &there) == 0 && S_ISDIR(there.st_mode);
}

static bool looks_like_picture(const char *name)
{
    static const char *const endings[] = {".png", ".jpg", ".jpeg", ".bmp", ".tga",
                                          ".pnm", ".ppm", ".pgm",  ".pbm", ".pam"};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && dot != name && i < sizeof endings / sizeof *endings; i++)
        if (!strcasecmp(dot, endings[i]))
            return true;
    return false;
}

void cli_names_free(cli_names *names)
{
    for (int i = 0; i < names->count; i++)
        free(names->list[i]);
    free(names->list);
    *names = (cli_names){0};
}

static bool add(cli_names *names, const char *folder, const char *name)
{
    char path[VKSTYLE_PATH];
    size_t length = folder ? strlen(folder) : 0;
    const char *slash = length && folder[length - 1] != '/' ? "/" : "";
    if (snprintf(path, sizeof path, "%s%s%s", folder ? folder : "", slash, name) >=
        (int)sizeof path) {
        cli_fail(VKSTYLE_USAGE, "%.200s: the name is too long", name);
        return false;
    }
    if (names->count == names->room) {
        int room = names->room ? names->room * 2 : 64;
        char **more = realloc(names->list, (size_t)room * sizeof *more);
        if (!more) {
            cli_fail(VKSTYLE_NO_MEMORY, "out of memory for the names of pictures");
            return false;
        }
        names->list = more;
        names->room = room;
    }
    char *copy = strdup(path);
    if (!copy) {
        cli_fail(VKSTYLE_NO_MEMORY, "out of memory for the names of pictures");
        return false;
    }
    names->list[names->count++] = copy;
    return true;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int cli_names_keep(cli_names *names, const char *path)
{
    return add(names, NULL, path) ? VKSTYLE_DONE : VKSTYLE_NO_MEMORY;
}

int cli_names_add(cli_names *names, const char *path)
{
    if (!cli_is_folder(path))
        return cli_names_keep(names, path);
    DIR *folder = opendir(path);
    if (!folder)
        return cli_fail(VKSTYLE_FAILED, "%s: the folder cannot be read: %s", path, strerror(errno));
    int first = names->count;
    bool good = true;
    for (struct dirent *entry; good && (entry = readdir(folder));)
        if (entry->d_name[0] != '.' && looks_like_picture(entry->d_name))
            good = add(names, path, entry->d_name);
    closedir(folder);
    if (!good)
        return VKSTYLE_FAILED;
    if (names->count == first)
        return cli_fail(VKSTYLE_FAILED,
                        "%s: no pictures in this folder (names ending in .png, .jpg, .bmp, .tga, "
                        ".pnm and the like)",
                        path);
    qsort(names->list + first, (size_t)(names->count - first), sizeof *names->list, by_name);
    return VKSTYLE_DONE;
}

bool cli_result_name(const char *folder, const char *content, const char *ending, char *name,
                     size_t size)
{
    const char *slash = strrchr(content, '/');
    const char *base = slash ? slash + 1 : content;
    const char *dot = strrchr(base, '.');
    int stem = (int)(dot && dot != base ? (size_t)(dot - base) : strlen(base));
    size_t length = strlen(folder);
    return snprintf(name, size, "%s%s%.*s.%s", folder,
                    length && folder[length - 1] == '/' ? "" : "/", stem, base, ending) < (int)size;
}

// ---------------------------------------------------------------- what a result was made from

static cJSON *file_mark(const char *path)
{
    cJSON *mark = cJSON_CreateObject();
    struct stat there;
    cJSON_AddStringToObject(mark, "path", path);
    if (stat(path, &there) == 0) {
        cJSON_AddNumberToObject(mark, "bytes", (double)there.st_size);
        cJSON_AddNumberToObject(mark, "modified",
                                (double)there.st_mtim.tv_sec + (double)there.st_mtim.tv_nsec / 1e9);
    }
    return mark;
}

static cJSON *parameters(const vkstyle_params *params)
{
    cJSON *list = cJSON_CreateObject();
    int count;
    const vkstyle_param *table = vkstyle_param_table(&count);
    for (int i = 0; i < count; i++) {
        const void *value = (const char *)params + table[i].offset;
        double number = 0;
        switch (table[i].kind) {
        case VKSTYLE_INT:
        case VKSTYLE_CHOICE:
            number = *(const int *)value;
            break;
        case VKSTYLE_INT64:
            number = (double)*(const int64_t *)value;
            break;
        case VKSTYLE_BYTES:
            number = (double)*(const uint64_t *)value;
            break;
        case VKSTYLE_REAL:
            number = *(const double *)value;
            break;
        case VKSTYLE_FLAG:
            number = *(const bool *)value;
            break;
        case VKSTYLE_TEXT:
            cJSON_AddStringToObject(list, table[i].name, value);
            continue;
        }
        cJSON_AddNumberToObject(list, table[i].name, number);
    }
    return list;
}

cJSON *cli_made_from(const cli_source *source)
{
    cJSON *made = cJSON_CreateObject();
    cJSON_AddItemToObject(made, "content", file_mark(source->content));
    cJSON *styles = cJSON_AddArrayToObject(made, "styles");
    for (int i = 0; i < source->style_count; i++) {
        cJSON *style = file_mark(source->styles[i]);
        cJSON_AddNumberToObject(style, "weight", source->weights[i]);
        cJSON_AddItemToArray(styles, style);
    }
    for (int i = 0; i < source->other_count; i++)
        if (source->others[i])
            cJSON_AddItemToObject(made, source->other_names[i], file_mark(source->others[i]));
    if (source->model)
        cJSON_AddStringToObject(made, "model", source->model);
    cJSON_AddItemToObject(made, "parameters", parameters(source->params));
    return made;
}

bool cli_is_made(const cli_source *source, const char *result, const char *report)
{
    struct stat there;
    vkstyle_error error;
    if (stat(result, &there) || !S_ISREG(there.st_mode) || stat(report, &there))
        return false;
    char *text = cli_read_text(report, &error);
    cJSON *old = text ? cJSON_Parse(text) : NULL, *now = cli_made_from(source);
    bool same = cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(old, "interrupted")) &&
                cJSON_Compare(cJSON_GetObjectItemCaseSensitive(old, "made_from"), now, true);
    cJSON_Delete(old);
    cJSON_Delete(now);
    free(text);
    return same;
}
