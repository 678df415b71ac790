#!/usr/bin/env bash
# Fetches Debian's cloud kernel for the guest, unmodified and never installed: build/guest/vmlinuz, and
# build/guest/vmlinux, the ELF file that is packed in it, for boots by PVH. Does nothing when both are there.
set -euo pipefail
cd "$(dirname "$0")/.."

if [[ -e build/guest/vmlinuz && -e build/guest/vmlinux ]]; then exit 0; fi

mkdir -p build/guest
work=$(mktemp --directory build/guest/fetch.XXXXXX)
trap 'rm -rf "$work"' EXIT

# The package that the metapackage stands for. apt reports a download that its own unprivileged user cannot write to;
# here that is as it should be.
fetch() (
  cd "$work"
  package=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p')
  [[ -n $package ]] && apt-get -o APT::Sandbox::User=root download "$package"
)

if ! fetch >"$work/log" 2>&1; then
  if ((EUID != 0)); then
    cat "$work/log" >&2
    echo "guest-kernel: cannot download Debian's cloud kernel; if the package lists are outdated, run:" >&2
    echo "sudo apt-get update" >&2
    exit 1
  fi
  apt-get update >&2
  fetch >&2
fi

dpkg-deb --fsys-tarfile "$work"/*.deb | tar --extract --directory "$work" --wildcards './boot/vmlinuz-*'
mv "$work"/boot/vmlinuz-* "$work/vmlinuz"
python3 scripts/cluster/bzimage.py "$work/vmlinuz" "$work/vmlinux"
mv "$work/vmlinux" "$work/vmlinuz" build/guest/
