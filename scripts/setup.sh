#!/usr/bin/env bash
# Installs the Debian packages that the build and the scripts use. Silent when nothing is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(
  make nasm python3                                                   # build
  grub-common grub-pc-bin grub-efi-amd64-bin mtools xorriso           # ISO image
  bochs bochsbios vgabios qemu-system-x86 ovmf                        # machines to run on
  busybox-static lz4                                                  # guest
  acpica-tools gcc libc6-dev tshark                                   # tests
  memtester rt-tests stress-ng sysbench                               # what guests are tested with
)

# The toolchain is asked for its version once: that alone takes longer than the rest of this script.
stamp=build/.swift-checked
if ! swift=$(command -v swift); then
  echo "setup: no Swift toolchain in PATH; Big Iron needs Swift 6.3 or later: https://www.swift.org/install/linux/" >&2
  exit 1
fi
if [[ ! $stamp -nt $swift ]]; then
  version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9.]*\).*/\1/p')
  if [[ $(printf '%s\n' 6.3 "$version" | sort --version-sort | head -n 1) != 6.3 ]]; then
    echo "setup: $swift is Swift ${version:-of an unknown version};" \
      "Big Iron needs Swift 6.3 or later: https://www.swift.org/install/linux/" >&2
    exit 1
  fi
  mkdir -p build
  touch "$stamp"
fi

installed=$(dpkg-query --show --showformat='${Package} ${db:Status-Status}\n' "${packages[@]}" 2>/dev/null || true)
missing=()
for package in "${packages[@]}"; do
  [[ $'\n'$installed$'\n' == *$'\n'"$package installed"$'\n'* ]] || missing+=("$package")
done
((${#missing[@]})) || exit 0

if ((EUID != 0)); then
  echo "setup: packages are missing; install them with:" >&2
  echo "sudo apt-get install --no-install-recommends --yes ${missing[*]}" >&2
  exit 1
fi

install() {
  DEBIAN_FRONTEND=noninteractive apt-get install --no-install-recommends --yes "${missing[@]}"
}
# Package lists that are absent or outdated are the usual reason for a first failure.
{ install || { apt-get update && install; }; } >&2
