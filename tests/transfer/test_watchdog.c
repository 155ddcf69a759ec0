// SPDX-License-Identifier: MIT
//
// A picture that is spoilt on the way, by force: the job backs off, says so and ends well.
#include "job_rig.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static job_stage stage;

static int setup(void **state)
{
    (void)state;
    job_stage_open(&stage, 30, 22, 32, 24);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    return job_stage_close(&stage);
}

static int notices;

static void on_notice(const char *text, void *user)
{
    (void)user;
    notices += strstr(text, "spoilt") != NULL;
}

static void backs_off(void **state)
{
    (void)state;
    static const struct {
        const char *spoil, *what;
        bool half, free;
    } cases[] = {{"nan:9", "not a number", false, false},
                 {"nan:9", "not a number", true, false},
                 {"black:9", "a single colour", false, false},
                 {"grey:9", "a single colour", false, false},
                 {"huge:9", "exploding", false, true}};
    vkstyle_set_notice(on_notice, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        vkstyle_params p = job_params(40);
        p.levels = 2;
        p.no_clamp = cases[i].free;
        if (cases[i].half)
            p.precision = VKSTYLE_PRECISION_FP16;
        notices = 0;
        setenv("VKSTYLE_DEBUG_PICTURE", cases[i].spoil, 1);
        job_result r = job_simple(stage.context, stage.model, stage.content, stage.style, &p);
        unsetenv("VKSTYLE_DEBUG_PICTURE");
        const cJSON *events = job_member(&r, "events");
        assert_int_equal(cJSON_GetArraySize(events), 1);
        const cJSON *event = cJSON_GetArrayItem(events, 0);
        assert_string_equal(cJSON_GetObjectItem(event, "what")->valuestring, cases[i].what);
        assert_true(cJSON_GetObjectItem(event, "learning_rate_factor")->valuedouble == 0.5);
        assert_int_equal(notices, 1);
        assert_string_equal(job_text(&r, "plan.precision"), "fp32");
        assert_true(isfinite(job_loss(&r, -1)) && job_loss(&r, -1) < 0.7 * job_loss(&r, 0));
        for (int k = 0; k < 3 * r.image->width * r.image->height; k++)
            assert_true(isfinite(r.image->rgb[k]));
        job_free(&r);
    }
    vkstyle_set_notice(NULL, NULL);
}

// Nothing is said where nothing is wrong, and a picture that starts flat may leave that.
static void stays_quiet(void **state)
{
    (void)state;
    vkstyle_image *flat = rig_picture(32, 24, 1);
    for (int i = 0; i < 3 * 32 * 24; i++)
        flat->rgb[i] = 0.5f;
    const vkstyle_image *styles[] = {stage.style};
    vkstyle_job job = {.content = stage.content, .styles = styles, .style_count = 1, .init = flat};
    vkstyle_params p = job_params(20);
    p.init = VKSTYLE_INIT_FILE;
    job_result r = job_run(stage.context, stage.model, &job, &p);
    need(r.image, &r.error);
    assert_int_equal(cJSON_GetArraySize(job_member(&r, "events")), 0);
    job_free(&r);
    vkstyle_image_free(&flat);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(backs_off),
        cmocka_unit_test(stays_quiet),
    };
    return cmocka_run_group_tests_name("watchdog", tests, setup, teardown);
}
