#!/bin/sh
# Write requirements.lock: every version pinned, every file's hash, for all platforms; then read the change.
# deploy/*.lock are its parts, for the images and for a box: what only one of them needs, at the same versions.
set -eu
cd "$(dirname "$0")/.."
tool=$(mktemp -d)
trap 'rm -rf "$tool"' EXIT
"${1:-python3}" -m venv "$tool"
"$tool/bin/pip" install --quiet --disable-pip-version-check 'uv>=0.9'
compile() {
    "$tool/bin/uv" pip compile --universal --generate-hashes --no-emit-index-url --no-header --quiet "$@"
}
compile pyproject.toml --all-extras --group dev --output-file requirements.lock
for part in edge api; do
    compile pyproject.toml --extra "$part" --constraint requirements.lock --no-annotate --output-file "deploy/$part.lock"
done
echo hatchling | compile - --constraint requirements.lock --no-annotate --output-file deploy/build.lock
"${1:-python3}" -m scripts.sbom
