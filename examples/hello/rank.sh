#!/bin/sh
# A rank of a gang, in plain shell: one step a second, ten steps (or as many as the first argument says).
# After a restart it goes on where Muster says. Needs `muster` on the PATH.
set -eu

steps=${1:-10}
resume=${MUSTER_RESUME_STEP:-0}

echo "hello from rank $RANK of $WORLD_SIZE on $(uname -n), attempt ${MUSTER_ATTEMPT:-1}, begins at step $((resume + 1))"
muster notify READY=1

i=$((resume + 1))
while [ "$i" -le "$steps" ]; do
    sleep 1
    muster notify STEP="$i"
    echo "rank $RANK: step $i of $steps"
    i=$((i + 1))
done
