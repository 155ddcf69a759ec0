// SPDX-License-Identifier: MIT
#include "number.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __APPLE__
#include <xlocale.h>
#endif

// Only decimal digits, one point, one exponent: what strtod takes beyond that ("0x1p3", "nan",
// leading blanks) is a typing mistake here.
static bool is_decimal(const char *text)
{
    const char *p = text + (*text == '-' || *text == '+');
    size_t digits = strspn(p, "0123456789");
    p += digits;
    if (*p == '.') {
        size_t fraction = strspn(++p, "0123456789");
        digits += fraction;
        p += fraction;
    }
    if (!digits)
        return false;
    if (*p == 'e' || *p == 'E') {
        p += p[1] == '-' || p[1] == '+' ? 2 : 1;
        size_t exponent = strspn(p, "0123456789");
        if (!exponent)
            return false;
        p += exponent;
    }
    return *p == '\0';
}

bool vks_parse_real(const char *text, double *value)
{
    if (!text || !is_decimal(text))
        return false;
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!c)
        return false;
    double read = strtod_l(text, NULL, c);
    freelocale(c);
    if (!isfinite(read))
        return false;
    *value = read;
    return true;
}

bool vks_parse_int(const char *text, int64_t *value)
{
    const char *digits = text ? text + (*text == '-' || *text == '+') : "";
    if (!*digits || digits[strspn(digits, "0123456789")])
        return false;
    errno = 0;
    long long read = strtoll(text, NULL, 10);
    if (errno)
        return false;
    *value = read;
    return true;
}

bool vks_parse_bytes(const char *text, uint64_t *value)
{
    char number[64];
    size_t length = text ? strspn(text, "0123456789.") : 0;
    if (!length || length >= sizeof number)
        return false;
    memcpy(number, text, length);
    number[length] = '\0';
    double bytes;
    if (!vks_parse_real(number, &bytes))
        return false;
    static const char units[] = "KMGT";
    const char *suffix = text + length;
    const char *unit =
        *suffix ? strchr(units, *suffix >= 'a' ? *suffix - 'a' + 'A' : *suffix) : NULL;
    if (unit) {
        bytes = ldexp(bytes, 10 * (int)(unit - units + 1));
        suffix++;
        if (*suffix == 'i' && suffix[1] == 'B')
            suffix++;
    }
    if (*suffix == 'B')
        suffix++;
    if (*suffix || bytes >= 9223372036854775808.0)
        return false;
    *value = (uint64_t)bytes;
    return true;
}

char *vks_print_real(char *buffer, size_t size, double value)
{
    if (!isfinite(value)) {
        snprintf(buffer, size, "%s", isnan(value) ? "nan" : value < 0 ? "-inf" : "inf");
        return buffer;
    }
    double back;
    for (int digits = 15; digits <= 17; digits += 2) {
        snprintf(buffer, size, "%.*g", digits, value);
        // The locale's point, possibly several bytes long, becomes ours.
        size_t from = 0, to = 0;
        while (buffer[from]) {
            if (strchr("+-0123456789e", buffer[from])) {
                buffer[to++] = buffer[from++];
                continue;
            }
            buffer[to++] = '.';
            while (buffer[from] && !strchr("+-0123456789e", buffer[from]))
                from++;
        }
        buffer[to] = '\0';
        if (vks_parse_real(buffer, &back) && back == value)
            break;
    }
    return buffer;
}
