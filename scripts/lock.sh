#!/bin/sh
# Write requirements.lock: every version pinned, every file's hash, for all platforms; then read the change.
set -eu
cd "$(dirname "$0")/.."
tool=$(mktemp -d)
trap 'rm -rf "$tool"' EXIT
"${1:-python3}" -m venv "$tool"
"$tool/bin/pip" install --quiet --disable-pip-version-check 'uv>=0.9'
"$tool/bin/uv" pip compile pyproject.toml --all-extras --group dev --universal --generate-hashes \
    --no-emit-index-url --no-header --quiet --output-file requirements.lock
