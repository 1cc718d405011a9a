#!/bin/sh
# The SHA-256 sums of all files below a directory, in order, as sha256sum prints them: examples/hash-tree.sh DIR > sums
# All nodes have to see the directory under this path; --on LABEL=VALUE chooses those that do.
set -eu
directory=$(cd "${1:?which directory?}" && pwd)
job=$(find "$directory" -type f | LC_ALL=C sort | lbtop submit --name "sums of $directory" --each-line - -- sha256sum {})
lbtop wait "$job"
lbtop logs "$job" --raw
lbtop purge "$job" >&2
