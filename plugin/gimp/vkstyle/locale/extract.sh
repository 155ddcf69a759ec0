#!/bin/sh
# SPDX-License-Identifier: MIT
# extract.sh WORDS SOURCE...: prints the template of translations: all texts of the sources and of the
# engine's parameters (WORDS is the program built from words.c).
set -eu
words=$1
shift
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$words" >"$folder/parameters.c"
xgettext --language=C --from-code=UTF-8 --keyword=_ --keyword=N_ --no-location --sort-output \
    --package-name=vkstyle --copyright-holder="The vkstyle authors" --output=- "$folder/parameters.c" "$@" |
    sed -e '/^"POT-Creation-Date:/d' -e 's/charset=CHARSET/charset=UTF-8/' \
        -e '1,4{s/SOME DESCRIPTIVE TITLE\./Texts of the vkstyle filter for GIMP./;s/ YEAR / /;s/(C) The/(C) The/;/FIRST AUTHOR/d}'
