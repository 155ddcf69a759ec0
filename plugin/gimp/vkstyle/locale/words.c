// SPDX-License-Identifier: MIT
// Prints the texts of the engine's parameter table as C, for xgettext: the table itself is data.
#include "vkstyle.h"

#include <stdio.h>

static void print(const char *text)
{
    printf("N_(\"");
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            putchar('\\');
        putchar(*text);
    }
    printf("\");\n");
}

int main(void)
{
    int count;
    const vkstyle_param *table = vkstyle_param_table(&count);
    for (int i = 0; i < count; i++) {
        print(table[i].label);
        print(table[i].help);
        for (int k = 0; table[i].choices && table[i].choices[k]; k++)
            print(table[i].choices[k]);
    }
    const vkstyle_preset *presets = vkstyle_preset_table(&count);
    for (int i = 0; i < count; i++)
        print(presets[i].label);
    return 0;
}
