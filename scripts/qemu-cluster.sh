#!/usr/bin/env bash
# The main job: builds what is missing and boots Big Iron and a guest on an emulated PC. --help says more.
set -euo pipefail
scripts=$(cd "$(dirname "$0")" && pwd)

# Commands for a cluster that runs: everything is there already.
case "${1-}" in
  cut | join | impair | counters) PYTHONPATH=$scripts exec python3 -m cluster "$@" ;;
esac

# Standard output belongs to the guest. Of several that are started at once, one builds at a time.
{
  "$scripts/setup.sh"
  mkdir -p "$scripts/../build"
  flock "$scripts/../build/.building" make --silent --directory "$scripts/.." build/bigiron.elf
  flock "$scripts/../build/.building" "$scripts/guest-kernel.sh"
} >&2

PYTHONPATH=$scripts exec python3 -m cluster "$@"
