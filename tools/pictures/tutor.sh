#!/usr/bin/env bash
# Makes docs/pictures/tutor.svg, the picture in the README: the tutor's real output, in a clone of its own.
set -eu
root=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.." && pwd)
clone=$(mktemp -d)
trap 'rm -rf "$clone"' EXIT
git clone --quiet "$root" "$clone/percore"
cd "$clone/percore"
./tools/percore --yes list >/dev/null
build/tools/tutor/percore-tutor prepare
./tools/percore check ring >/dev/null || true # makes the learner's files
mine=my/01-hello-world
cp -r solutions/01-hello-world/ring $mine/
sed -i '/io_uring_cq_advance/d' $mine/ring/ring.cpp
mkdir -p "$root/docs/pictures"
"$root/tools/pictures/terminal.py" --out "$root/docs/pictures/tutor.svg" --columns 100 \
  --title "percore's tutor: a verdict on a mistake, the same module put right, and whose layers are in use" \
  './tools/percore check ring' \
  "nano $mine/ring/ring.cpp        # give the places back ### cp solutions/01-hello-world/ring/ring.cpp $mine/ring/" \
  './tools/percore check ring' './tools/percore mine' './tools/percore run 01 ten_tasks -- --count'
