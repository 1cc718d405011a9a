#!/bin/sh
# Makes every picture of a directory smaller, with ImageMagick: examples/convert-pictures.sh FROM TO [WIDTH]
# A picture that cannot be read costs its own task only: what failed is said at the end, with why.
set -eu
from=$(cd "${1:?from which directory?}" && pwd)
mkdir -p "${2:?into which directory?}"
to=$(cd "$2" && pwd)
width=${3:-640}
command -v convert > /dev/null || { echo "$0: needs ImageMagick (convert)" >&2; exit 2; }
job=$(find "$from" -maxdepth 1 -type f | lbtop submit --name pictures --each-line - --timeout 5m --env "TO=$to" --env "WIDTH=$width" \
    -- sh -c 'convert "$1" -resize "${WIDTH}x>" "$TO/$(basename "$1")"' sh {})
lbtop wait "$job" || {
    lbtop logs "$job" >&2
    exit 1
}
