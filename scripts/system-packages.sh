#!/bin/sh
# Install the Debian packages that the tests use (scripts/system-packages.txt). Never fails: tests that need what
# is absent are left out, named and counted at the end of the run.
set -u
list=$(sed 's/#.*//' "$(dirname "$0")/system-packages.txt" | tr '\n' ' ')
missing=""
for package in $list; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q '^install ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" = 0 ]; then run=""; elif sudo -n true 2>/dev/null; then run="sudo -n"; else
    echo "system packages not installed (neither root nor sudo):$missing"
    exit 0
fi
command -v apt-get >/dev/null || { echo "system packages not installed (no apt-get):$missing"; exit 0; }
$run apt-get update -qq || true
# shellcheck disable=SC2086
DEBIAN_FRONTEND=noninteractive $run apt-get install -y -qq --no-install-recommends $missing >/dev/null ||
    for package in $missing; do
        DEBIAN_FRONTEND=noninteractive $run apt-get install -y -qq --no-install-recommends "$package" >/dev/null ||
            echo "system package not installed: $package"
    done
exit 0
