#!/bin/sh
# Maintains all nodes in turn while the others go on with the work: examples/rolling.sh COMMAND [ARG…]
# The command is run here, with the node's name as its last argument, when nothing runs on that node any more. For instance
#   examples/rolling.sh sh -c 'ssh "$1" "sudo npm install --global lbtop && sudo systemctl restart lbtop-node"' sh
# A node that is paused, drained or not there is left alone. Where the command fails, its node stays drained and no further
# one is touched.
set -eu
[ $# -gt 0 ] || { echo "$0: which command?" >&2; exit 2; }

lbtop nodes --format csv | tail -n +2 | sort | while IFS=, read -r name health intent _; do
    if [ "$health" != up ] || [ "$intent" != active ]; then
        echo "$name: $health, $intent: left alone"
        continue
    fi
    lbtop drain "$name" --wait --reason 'maintenance in turn' < /dev/null
    "$@" "$name" < /dev/null || { echo "$name: the command failed; it stays drained" >&2; exit 1; }
    until lbtop nodes --format csv < /dev/null | grep -q "^$name,up,"; do sleep 1; done
    lbtop resume "$name" < /dev/null
done
