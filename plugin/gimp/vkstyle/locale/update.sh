#!/bin/sh
# SPDX-License-Identifier: MIT
# update.sh EXTRACT FOLDER WORDS SOURCE...: writes the template anew and brings it into the translations.
set -eu
extract=$1 folder=$2
shift 2
"$extract" "$@" >"$folder/vkstyle.pot.new"
mv "$folder/vkstyle.pot.new" "$folder/vkstyle.pot"
for po in "$folder"/*.po; do
    msgmerge --quiet --update --backup=none "$po" "$folder/vkstyle.pot"
done
