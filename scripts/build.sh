#!/bin/sh
# Build the wheel and the source archive: `sh scripts/build.sh v0.1.0 dist`. The same commit gives the same bytes, on any
# machine with the same build backend (deploy/build.lock): times are the commit's, and nothing else of the machine is in it.
# The tag must be v and the version in pyproject.toml, and that version must stand in CHANGELOG.md.
set -eu
tag=$1 out=$2
cd "$(dirname "$0")/.."
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' pyproject.toml)
[ "$tag" = "v$version" ] || { echo "build.sh: the tag is $tag, and the version in pyproject.toml $version" >&2; exit 1; }
grep -q "^## $version" CHANGELOG.md || { echo "build.sh: CHANGELOG.md has no part \"## $version\"" >&2; exit 1; }
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH
mkdir -p "$out"
tool=$(mktemp -d)
trap 'rm -rf "$tool"' EXIT
"${PYTHON:-python3}" -m venv "$tool"
"$tool/bin/pip" install --quiet --disable-pip-version-check --require-hashes -r deploy/build.lock
"$tool/bin/python" -m hatchling build -t sdist -t wheel -d "$out"
cp deploy/sbom/edge.cdx.json deploy/sbom/api.cdx.json "$out/"
(cd "$out" && sha256sum -- *.whl *.tar.gz *.json > SHA256SUMS)
