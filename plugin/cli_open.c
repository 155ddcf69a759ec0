// SPDX-License-Identifier: MIT
#include "cli.h"

int cli_open(const cli_args *args, vkstyle_model **model, vkstyle_context **context)
{
    vkstyle_error error = {0};
    // The model first: a wrong name shows at once, a device may take a second to open.
    *model = vkstyle_model_load(cli_args_value(args, "model"), &error);
    if (!*model)
        return cli_fail_error(&error);
    *context = vkstyle_open(cli_args_value(args, "device"), &error);
    if (!*context)
        return cli_fail_error(&error);
    return 0;
}
