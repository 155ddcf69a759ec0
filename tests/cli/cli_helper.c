// SPDX-License-Identifier: MIT
// What the shell script needs and a shell cannot do: pictures, a small model, a look into JSON.
//
//   cli_helper inputs FOLDER          writes content.png, style.png, other.png, small.safetensors
//   cli_helper json FILE PATH...      fails unless FILE is JSON and has each PATH ("a.b.0")
//   cli_helper text FILE PATH         prints the string or number there
//   cli_helper png FILE WIDTH HEIGHT  fails unless FILE is a picture of that size
#include "../support/small_model.h"
#include "vkstyle.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(const char *what, const char *why)
{
    fprintf(stderr, "cli_helper: %s: %s\n", what, why);
    return 1;
}

static int write_picture(const char *folder, const char *name, int width, int height, double waves)
{
    char path[4096];
    vkstyle_error error = {0};
    snprintf(path, sizeof path, "%s/%s", folder, name);
    vkstyle_image *image = vkstyle_image_create(width, height, false, &error);
    for (int c = 0; image && c < 3; c++)
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++)
                image->rgb[((size_t)c * (size_t)height + (size_t)y) * (size_t)width + (size_t)x] =
                    (float)(0.5 + 0.25 * sin(waves * x + c) + 0.2 * cos(0.7 * waves * y - 2 * c));
    bool good = image && vkstyle_image_save(image, path, 8, &error);
    vkstyle_image_free(&image);
    return good ? 0 : fail(path, error.text);
}

static int write_inputs(const char *folder)
{
    char path[4096];
    vkstyle_error error = {0};
    snprintf(path, sizeof path, "%s/small.safetensors", folder);
    const char *chain = "conv1_1:8 conv1_2:8 pool1 conv2_1:8 conv2_2:8 pool2 conv3_1:12 pool3 "
                        "conv4_1:12 conv4_2:12 pool4 conv5_1:12";
    if (!small_model_write(path, chain, 1, &error))
        return fail(path, error.text);
    return write_picture(folder, "content.png", 52, 39, 0.2) ||
           write_picture(folder, "style.png", 48, 40, 0.9) ||
           write_picture(folder, "other.png", 40, 48, 1.7);
}

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    char *text = file ? calloc(1, 1 << 22) : NULL;
    if (text && !fread(text, 1, (1 << 22) - 1, file)) {
        free(text);
        text = NULL;
    }
    if (file)
        fclose(file);
    return text;
}

// The member at a path such as "files.styles.0".
static cJSON *member(cJSON *root, const char *path)
{
    cJSON *item = root;
    while (item && *path) {
        char name[128];
        size_t length = strcspn(path, ".");
        snprintf(name, sizeof name, "%.*s", (int)length, path);
        path += length + (path[length] == '.');
        item = cJSON_IsArray(item) ? cJSON_GetArrayItem(item, atoi(name))
                                   : cJSON_GetObjectItemCaseSensitive(item, name);
    }
    return item;
}

static int look_into(const char *path, int count, char **paths, bool print)
{
    char *text = read_file(path);
    cJSON *root = text ? cJSON_ParseWithOpts(text, NULL, true) : NULL;
    int status = root ? 0 : fail(path, "not JSON");
    for (int i = 0; root && i < count; i++) {
        cJSON *item = member(root, paths[i]);
        if (!item)
            status = fail(paths[i], "not there");
        else if (print && cJSON_IsString(item))
            printf("%s\n", item->valuestring);
        else if (print)
            printf("%.17g\n", item->valuedouble);
    }
    cJSON_Delete(root);
    free(text);
    return status;
}

static int check_picture(const char *path, int width, int height)
{
    vkstyle_error error = {0};
    vkstyle_image *image = vkstyle_image_load(path, &error);
    if (!image)
        return fail(path, error.text);
    int status = 0;
    if (image->width != width || image->height != height) {
        fprintf(stderr, "cli_helper: %s is %dx%d, not %dx%d\n", path, image->width, image->height,
                width, height);
        status = 1;
    }
    vkstyle_image_free(&image);
    return status;
}

int main(int argc, char **argv)
{
    if (argc == 3 && !strcmp(argv[1], "inputs"))
        return write_inputs(argv[2]);
    if (argc > 3 && !strcmp(argv[1], "json"))
        return look_into(argv[2], argc - 3, argv + 3, false);
    if (argc == 4 && !strcmp(argv[1], "text"))
        return look_into(argv[2], 1, argv + 3, true);
    if (argc == 5 && !strcmp(argv[1], "png"))
        return check_picture(argv[2], atoi(argv[3]), atoi(argv[4]));
    return fail("usage", "inputs FOLDER | json FILE PATH... | text FILE PATH | png FILE W H");
}
