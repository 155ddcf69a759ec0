// SPDX-License-Identifier: MIT
// The table of parameters, numbers from text and back under a locale with a decimal comma, and the
// guess at what a mistyped word was.
#include "number.h"
#include "params.h"

#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void defaults_are_legal(void **state)
{
    (void)state;
    vkstyle_params params;
    vkstyle_error error = {0};
    vkstyle_params_default(&params);
    if (!vkstyle_params_check(&params, &error))
        fail_msg("%s", error.text);
    assert_true(params.alpha == 1);
    assert_true(params.beta > 0);
    assert_string_equal(params.content_layer, "conv4_2");
}

// Every entry lies within the structure, overlaps no other, and is whole.
static void table_is_sound(void **state)
{
    (void)state;
    int count;
    const vkstyle_param *table = vkstyle_param_table(&count);
    assert_true(count > 20);
    unsigned char used[sizeof(vkstyle_params)] = {0};
    for (int i = 0; i < count; i++) {
        assert_ptr_equal(vkstyle_param_find(table[i].name), &table[i]);
        assert_non_null(table[i].label);
        assert_non_null(table[i].help);
        assert_true(table[i].offset + table[i].capacity <= sizeof(vkstyle_params));
        for (size_t k = 0; k < table[i].capacity; k++)
            assert_false(used[table[i].offset + k]++);
        if (table[i].kind == VKSTYLE_CHOICE) {
            int choices = 0;
            while (table[i].choices[choices])
                choices++;
            assert_true(choices - 1 == (int)table[i].maximum);
        }
        if (table[i].kind != VKSTYLE_TEXT)
            assert_true(table[i].initial >= table[i].minimum &&
                        table[i].initial <= table[i].maximum);
    }
    assert_null(vkstyle_param_find("sise"));
    assert_null(vkstyle_param_find(NULL));
}

static void values_are_set(void **state)
{
    (void)state;
    vkstyle_params params;
    vkstyle_params_default(&params);
    assert_true(vkstyle_params_set(&params, "size", "300", NULL));
    assert_int_equal(params.size, 300);
    assert_true(vkstyle_params_set(&params, "beta", "2.5e1", NULL));
    assert_true(params.beta == 25);
    assert_true(vkstyle_params_set(&params, "optimizer", "lbfgs", NULL));
    assert_int_equal(params.optimizer, VKSTYLE_LBFGS);
    assert_true(vkstyle_params_set(&params, "memory", "1500M", NULL));
    assert_true(params.memory == 1500ull << 20);
    assert_true(vkstyle_params_set(&params, "memory", "1.5GiB", NULL));
    assert_true(params.memory == 3ull << 29);
    assert_true(vkstyle_params_set(&params, "seed", "9007199254740991", NULL));
    assert_true(params.seed == 9007199254740991);
    assert_true(vkstyle_params_set(&params, "full-size", "true", NULL));
    assert_true(params.full_size);
    assert_true(vkstyle_params_set(&params, "style-layers", "conv1_1, conv2_1", NULL));
    vks_style_layers layers;
    assert_true(vks_params_style_layers(&params, &layers, NULL));
    assert_int_equal(layers.count, 2);
    assert_string_equal(layers.name[1], "conv2_1");
    assert_true(layers.weight[0] == 0.5);
}

static void mistakes_are_explained(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text, *message;
    } cases[] = {
        {"beta", "abc", "--beta: 'abc' is not a number"},
        {"beta", "", "is not a number"},
        {"beta", " 1", "is not a number"},
        {"beta", "0x10", "is not a number"},
        {"beta", "nan", "is not a number"},
        {"beta", "1e999", "is not a number"},
        {"beta", "1,5", "is not a number"},
        {"beta", "-1", "--beta: -1 is out of range; give 0 to 1000000000000"},
        {"size", "1.5", "--size: '1.5' is not a whole number"},
        {"size", "65537", "out of range; give 0 to 65536"},
        {"size", "99999999999999999999999", "out of range"},
        {"seed", "-1", "out of range"},
        {"memory", "1x", "is not a number of bytes"},
        {"memory", "-1", "is not a number of bytes"},
        {"optimizer", "adm", "did you mean 'adam'? (choices: adam, lbfgs)"},
        {"optimizer", "sgd", "choices: adam, lbfgs"},
        {"full-size", "maybe", "neither 'true' nor 'false'"},
        {"colour", "lumiance", "did you mean 'luminance'?"},
        {"colour-strength", "1.5", "out of range; give 0 to 1"},
        {"hue", "1", "no parameter called 'hue'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        vkstyle_params params, before;
        vkstyle_params_default(&params);
        before = params;
        vkstyle_error error = {0};
        assert_false(vkstyle_params_set(&params, cases[i].name, cases[i].text, &error));
        assert_int_equal(error.status, VKSTYLE_USAGE);
        if (!strstr(error.text, cases[i].message))
            fail_msg("'%s' lacks '%s'", error.text, cases[i].message);
        assert_memory_equal(&params, &before, sizeof params);
    }
}

static void check_fails(const char *name, const char *text, const char *message)
{
    vkstyle_params params;
    vkstyle_error error = {0};
    vkstyle_params_default(&params);
    assert_true(vkstyle_params_set(&params, name, text, NULL));
    assert_false(vkstyle_params_check(&params, &error));
    assert_int_equal(error.status, VKSTYLE_USAGE);
    if (!strstr(error.text, message))
        fail_msg("'%s' lacks '%s'", error.text, message);
}

static void values_fit_together(void **state)
{
    (void)state;
    check_fails("layer-weights", "1,2", "has 2 numbers, --style-layers 5 names");
    check_fails("layer-weights", "1,2,3,4,x", "not a list of numbers");
    check_fails("layer-weights", "1,2,3,4,-5", "not a list of numbers");
    check_fails("layer-weights", "0,0,0,0,0", "all 0");
    check_fails("layer-weights", "heavy", "nor even, large-shapes or fine-strokes");
    check_fails("layer-weights", "fine-stroke", "did you mean 'fine-strokes'?");
    check_fails("style-layers", "conv1_1,,conv2_1", "not a list of layer names");
    check_fails("style-layers", "conv1_1,conv1_1", "conv1_1 is there twice");
    check_fails("content-layer", "conv4_2,conv4_1", "one layer");
    vkstyle_params params;
    vkstyle_error error = {0};
    vkstyle_params_default(&params);
    assert_true(vkstyle_params_set(&params, "style-loss", "gram-mean", NULL));
    assert_true(vkstyle_params_check(&params, NULL));
    assert_true(vkstyle_params_set(&params, "raw-losses", "true", NULL));
    assert_false(vkstyle_params_check(&params, &error));
    assert_non_null(strstr(error.text, "--style-loss gram-mean"));
    vkstyle_params_default(&params);
    params.alpha = params.beta = 0;
    assert_false(vkstyle_params_check(&params, NULL));
    vkstyle_params_default(&params);
    params.tv = NAN;
    assert_false(vkstyle_params_check(&params, NULL));
    vkstyle_params_default(&params);
    params.padding = (vkstyle_padding)7;
    assert_false(vkstyle_params_check(&params, NULL));
    vkstyle_params_default(&params);
    memset(params.style_layers, 'a', sizeof params.style_layers);
    assert_false(vkstyle_params_check(&params, NULL));
}

// Words for layer weights, and the scale of numbers.
static void layer_weights_have_names(void **state)
{
    (void)state;
    double even[4], large[4], fine[4], some[4];
    assert_int_equal(vkstyle_layer_weights("even", 4, even), 4);
    assert_int_equal(vkstyle_layer_weights("large-shapes", 4, large), 4);
    assert_int_equal(vkstyle_layer_weights("fine-strokes", 4, fine), 4);
    double sum[3] = {0};
    for (int i = 0; i < 4; i++) {
        assert_true(even[i] == 0.25);
        assert_true(fabs(large[i] - fine[3 - i]) < 1e-12);
        sum[0] += even[i];
        sum[1] += large[i];
        sum[2] += fine[i];
        assert_true(i == 0 || (large[i] > large[i - 1] && fine[i] < fine[i - 1]));
    }
    for (int i = 0; i < 3; i++)
        assert_true(fabs(sum[i] - 1) < 1e-12);
    assert_int_equal(vkstyle_layer_weights("", 4, some), 4);
    assert_memory_equal(some, even, sizeof some);
    assert_int_equal(vkstyle_layer_weights("1, 0.5,0", 4, some), 3);
    assert_true(some[0] == 1 && some[1] == 0.5 && some[2] == 0);
    assert_int_equal(vkstyle_layer_weights("1,2,3,4,5", 4, some), 5);
    assert_int_equal(vkstyle_layer_weights("1,x", 4, some), -1);
    // Only ratios count, but for the paper's losses.
    vkstyle_params params;
    vks_style_layers layers;
    vkstyle_params_default(&params);
    assert_true(vkstyle_params_set(&params, "layer-weights", "1,1,1,1,0", NULL));
    assert_true(vks_params_style_layers(&params, &layers, NULL));
    assert_true(layers.weight[0] == 0.25 && layers.weight[4] == 0);
    params.raw_losses = true;
    assert_true(vks_params_style_layers(&params, &layers, NULL));
    assert_true(layers.weight[0] == 1 && layers.weight[4] == 0);
}

// Each preset is known, legal, and changes something; what it does not name stays.
static void presets_are_sets(void **state)
{
    (void)state;
    int count;
    const vkstyle_preset *table = vkstyle_preset_table(&count);
    assert_true(count >= 6);
    for (int i = 0; i < count; i++) {
        vkstyle_params params, before;
        vkstyle_error error = {0};
        vkstyle_params_default(&params);
        params.size = 123;
        before = params;
        if (!vkstyle_params_preset(&params, table[i].name, &error) ||
            !vkstyle_params_check(&params, &error))
            fail_msg("%s: %s", table[i].name, error.text);
        assert_true(memcmp(&params, &before, sizeof params) != 0);
        assert_int_equal(params.size, 123);
        for (int k = 0; k < i; k++)
            assert_string_not_equal(table[i].name, table[k].name);
    }
    vkstyle_params params;
    vkstyle_error error = {0};
    vkstyle_params_default(&params);
    assert_true(vkstyle_params_preset(&params, "strong", NULL));
    assert_true(params.beta > 15);
    assert_true(vkstyle_params_preset(&params, "fine-strokes", NULL));
    assert_true(params.style_scale < 1);
    assert_false(vkstyle_params_preset(&params, "fine-stroke", &error));
    assert_non_null(strstr(error.text, "did you mean 'fine-strokes'?"));
    assert_false(vkstyle_params_preset(&params, "", &error));
    assert_false(vkstyle_params_preset(&params, NULL, &error));
}

// Makes a locale whose only peculiarity is the decimal comma, and enters it.
static bool comma_locale(void)
{
    char folder[] = "/tmp/vkstyle-locale-XXXXXX", command[512];
    if (!mkdtemp(folder))
        return false;
    snprintf(command, sizeof command,
             "printf 'LC_NUMERIC\\ndecimal_point \",\"\\nthousands_sep \"\"\\ngrouping -1\\n"
             "END LC_NUMERIC\\n' >%s/source && "
             "localedef -c -i %s/source -f ANSI_X3.4-1968 %s/comma >/dev/null 2>&1",
             folder, folder, folder);
    // localedef complains about the categories that are missing; whether it works shows below.
    int ignored = system(command);
    (void)ignored;
    setenv("LOCPATH", folder, 1);
    bool comma = setlocale(LC_NUMERIC, "comma") && localeconv()->decimal_point[0] == ',';
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command) == 0 && comma;
}

static void numbers_survive_the_locale(void **state)
{
    (void)state;
    if (!comma_locale())
        skip(); // localedef or its data is missing; install.sh --test installs them
    static const double values[] = {0.1, 1.0 / 3, -2.5e-300, 1e22, 4, 0.30000000000000004};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        char text[32];
        double back = 0;
        vks_print_real(text, sizeof text, values[i]);
        assert_null(strchr(text, ','));
        assert_true(vks_parse_real(text, &back));
        assert_true(back == values[i]);
    }
    vkstyle_params params;
    vkstyle_params_default(&params);
    assert_true(vkstyle_params_set(&params, "beta", "0.5", NULL));
    assert_true(params.beta == 0.5);
    assert_false(vkstyle_params_set(&params, "beta", "0,5", NULL));
    vkstyle_error error;
    assert_false(vkstyle_params_set(&params, "style-scale", "0.01", &error));
    assert_non_null(strstr(error.text, "give 0.05 to 20"));
    setlocale(LC_ALL, "C");
}

static void slips_are_recognised(void **state)
{
    (void)state;
    static const char *const words[] = {"size", "full-size", "style-scale", "iterations", NULL};
    assert_string_equal(vkstyle_nearest("sise", words), "size");
    assert_string_equal(vkstyle_nearest("szie", words), "size");
    assert_string_equal(vkstyle_nearest("iter", words), "iterations");
    assert_string_equal(vkstyle_nearest("stylescale", words), "style-scale");
    assert_null(vkstyle_nearest("colour", words));
    assert_null(vkstyle_nearest("", words));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_legal),       cmocka_unit_test(table_is_sound),
        cmocka_unit_test(values_are_set),           cmocka_unit_test(mistakes_are_explained),
        cmocka_unit_test(values_fit_together),      cmocka_unit_test(numbers_survive_the_locale),
        cmocka_unit_test(slips_are_recognised),     cmocka_unit_test(presets_are_sets),
        cmocka_unit_test(layer_weights_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
