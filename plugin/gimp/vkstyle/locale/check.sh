#!/bin/sh
# SPDX-License-Identifier: MIT
# check.sh EXTRACT FOLDER WORDS SOURCE...: fails where the template is not that of the sources, or German
# is not complete.
set -eu
extract=$1 folder=$2
shift 2
new=$(mktemp)
trap 'rm -f "$new"' EXIT
"$extract" "$@" >"$new"
# Messages alone: other versions of gettext write other headers and break lines elsewhere.
plain() {
    msgcat --no-wrap --sort-output "$1" | sed '1,/^$/d' | grep -v '^#'
}
if [ "$(plain "$new")" != "$(plain "$folder/vkstyle.pot")" ]; then
    echo "vkstyle.pot is not up to date: ninja pot"
    exit 1
fi
msgfmt --check --output-file=/dev/null "$folder/de.po"
# Every text of the template, none fuzzy.
msgcmp "$folder/de.po" "$folder/vkstyle.pot"
