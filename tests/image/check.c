// SPDX-License-Identifier: MIT
#include "check.h"

char last_notice[1024];

static void notice(const char *text, void *user)
{
    (void)user;
    snprintf(last_notice, sizeof last_notice, "%s", text);
}

void clear_notice(void)
{
    last_notice[0] = 0;
}

int check_setup(void **state)
{
    (void)state;
    made_folder();
    clear_notice();
    vkstyle_set_notice(notice, NULL);
    return 0;
}

int check_teardown(void **state)
{
    (void)state;
    vkstyle_set_notice(NULL, NULL);
    made_folder_remove();
    return 0;
}

vkstyle_image *decode(made file)
{
    vkstyle_error error = {0};
    vkstyle_image *image = vks_image_decode(file.data, file.size, "made up", &error);
    if (!image)
        print_error("%s\n", error.text);
    assert_non_null(image);
    made_free(&file);
    return image;
}

void expect_words(const vkstyle_error *error, vkstyle_status status, const char *words)
{
    char each[256];
    snprintf(each, sizeof each, "%s", words);
    assert_int_equal(error->status, status);
    for (char *word = strtok(each, "|"); word; word = strtok(NULL, "|"))
        if (!strstr(error->text, word))
            fail_msg("'%s' is missing in: %s", word, error->text);
    size_t length = strlen(error->text);
    assert_true(length > 0 && length < sizeof error->text - 1 && error->text[length - 1] != '\n');
}

void refuse(const made *file, const char *words)
{
    vkstyle_error error = {0};
    vkstyle_image *image = vks_image_decode(file->data, file->size, "made up", &error);
    if (image)
        vkstyle_image_free(&image);
    else
        expect_words(&error, error.status, "made up");
    assert_int_not_equal(error.status, VKSTYLE_DONE);
    expect_words(&error, error.status, words);
}

float value_at(const vkstyle_image *image, int c, int x, int y)
{
    size_t pixels = (size_t)image->width * (size_t)image->height;
    size_t at = (size_t)y * (size_t)image->width + (size_t)x;
    if (c == 3)
        return image->alpha ? image->alpha[at] : 1.0f;
    return image->rgb[(size_t)c * pixels + at];
}
