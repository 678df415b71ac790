#!/usr/bin/env bash
# Runs every test: the Swift modules on the host, then whole machines (Tests/System). Builds both sides first.
# The last line is "N passed, N failed"; the exit status is 1 where something failed or nothing ran.
set -uo pipefail
cd "$(dirname "$0")/.."

passed=0
failed=0
finish() {
  echo "$passed passed, $failed failed"
  ((passed > 0 && failed == 0)) || exit 1
}
trap finish EXIT

# Counts as a test: what cannot be built has failed.
build() {
  echo "== $*"
  "$@" && return
  failed=$((failed + 1))
  return 1
}

test_modules() {
  echo "== swift test"
  swift test --skip-build 2>&1 | tee build/swift-test.log
  local status=${PIPESTATUS[0]}
  local ended failures
  ended=$(LC_ALL=C grep --text --extended-regexp --only-matching '^[^ ]+ Test .* (passed|failed) after' \
    build/swift-test.log | LC_ALL=C grep --text --invert-match '^[^ ]* Test run with')
  failures=$(LC_ALL=C grep --text --count ' failed after$' <<<"$ended")
  passed=$((passed + $(LC_ALL=C grep --text --count ' passed after$' <<<"$ended")))
  # A crash ends the run before anything is said to have failed.
  ((status == 0 || failures > 0)) || failures=1
  failed=$((failed + failures))
}

test_system() {
  echo "== system tests"
  python3 Tests/System | tee build/system-test.log
  local counts
  if counts=$(tail -n 1 build/system-test.log | grep --extended-regexp '^[0-9]+ passed, [0-9]+ failed$'); then
    read -r system_passed _ system_failed _ <<<"$counts"
    passed=$((passed + system_passed))
    failed=$((failed + system_failed))
  else
    failed=$((failed + 1))
  fi
}

scripts/setup.sh || exit
mkdir -p build
build swift build --build-tests && test_modules
build make all guests iso && test_system
