// SPDX-License-Identifier: MIT
// Prints the engine's parameters, one a line: name, kind, default. GIMP 2.10 takes arguments by
// their place, and its suite finds the places here.
#include "vkstyle.h"

#include <stdio.h>

int main(void)
{
    int count;
    const vkstyle_param *table = vkstyle_param_table(&count);
    for (int i = 0; i < count; i++) {
        const vkstyle_param *param = &table[i];
        if (param->kind == VKSTYLE_TEXT)
            printf("%s\ttext\t%s\n", param->name, param->initial_text);
        else if (param->kind == VKSTYLE_BYTES)
            printf("%s\ttext\t%.0f\n", param->name, param->initial);
        else
            printf("%s\tnumber\t%.17g\n", param->name, param->initial);
    }
    return 0;
}
