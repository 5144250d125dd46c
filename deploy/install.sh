#!/bin/sh
# Install, upgrade, roll back or remove a hitonly box (edge) or service (api) on Debian with systemd:
#   sudo deploy/install.sh edge install        the same again upgrades; keys, hits and settings are left as they are
#   sudo deploy/install.sh edge rollback       back to the release before this one
#   sudo deploy/install.sh edge uninstall      all but state and settings; --purge removes those too, with every key
# Options: --root DIR (into another tree, for an image or a test; nothing is started or stopped there),
#   --python PROGRAM (3.11 or newer).
# A release is a virtual environment of its own, from the lock beside this script, every file checked by its hash. The
# running one is changed only when the new one is whole: /opt/hitonly/bin is one link. One part a machine.
set -eu
umask 022

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
part="" act="" root="" python=python3 purge=""

fail() { echo "install.sh: $1" >&2; exit 1; }

while [ $# -gt 0 ]; do
    case $1 in
        edge | api) part=$1 ;;
        install | rollback | uninstall) act=$1 ;;
        --root) [ $# -gt 1 ] || fail "--root needs a folder"; root=$(CDPATH='' cd -- "$2" && pwd); shift ;;
        --python) [ $# -gt 1 ] || fail "--python needs a program"; python=$2; shift ;;
        --purge) purge=yes ;;
        *) fail "what is $1? See the top of this file." ;;
    esac
    shift
done
if [ -z "$part" ] || [ -z "$act" ]; then fail "say edge or api, and install, rollback or uninstall"; fi
[ "$(id -u)" = 0 ] || fail "run it as root: sudo $0 $part $act"

user=hitonly unit=alpr-edge.service
if [ "$part" = api ]; then user=hitonly-api unit=alpr-api.service; fi
base=$root/opt/hitonly
settings=$root/etc/hitonly
state=$root/var/lib/$user

if [ "$(cat "$base/part" 2>/dev/null || echo "$part")" != "$part" ]; then
    fail "$base holds the other part: a box and a service do not share a machine"
fi
if [ -e "$base/bin" ] && [ ! -L "$base/bin" ]; then fail "$base was not made by this script; move it away"; fi

live() { [ -z "$root" ] && [ -d /run/systemd/system ]; }

# Make the link to a release in one step: there is no moment without a whole program.
use() {
    ln -sfn "releases/$1/bin" "$base/bin.new"
    mv -T "$base/bin.new" "$base/bin"
}

used() { readlink "$base/bin" 2>/dev/null | cut -d/ -f2 || true; }

restart() { if live && systemctl is-active --quiet "$unit"; then systemctl restart "$unit"; fi; }

install_release() {
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail "$python is older than 3.11; name another with --python"
    mkdir -p "$base/releases"
    last=$(find "$base/releases" -mindepth 1 -maxdepth 1 -name '[0-9]*' -printf '%f\n' | sort -n | tail -n 1)
    new=$((${last:-0} + 1))
    folder=$base/releases/$new
    trap 'rm -rf "$folder"' EXIT
    "$python" -m venv "$folder"
    "$folder/bin/pip" install --quiet --disable-pip-version-check --require-hashes -r "$here/build.lock"
    "$folder/bin/pip" install --quiet --disable-pip-version-check --require-hashes -r "$here/$part.lock"
    "$folder/bin/pip" install --quiet --disable-pip-version-check --no-deps --no-build-isolation "$here/.."
    "$folder/bin/alpr-$part" --version >/dev/null || fail "the new release does not start; nothing was changed"
    trap - EXIT
    echo "$part" >"$base/part"
    before=$(used)
    use "$new"
    echo "$before" >"$base/before"
    # Two releases are kept: the one in use and the one to go back to.
    for old in "$base"/releases/*; do
        name=$(basename "$old")
        if [ "$name" != "$new" ] && [ "$name" != "$before" ]; then rm -rf "$old"; fi
    done
}

install_system() {
    mkdir -p "$root/etc/systemd/system" "$root/usr/lib/sysusers.d" "$root/usr/lib/tmpfiles.d"
    install -m 0644 "$here/$user.sysusers.conf" "$root/usr/lib/sysusers.d/$user.conf"
    install -m 0644 "$here/$user.tmpfiles.conf" "$root/usr/lib/tmpfiles.d/$user.conf"
    systemd-sysusers --root="$root/" "$user.conf"
    systemd-tmpfiles --root="$root/" --create "$user.conf"
    install -m 0644 "$here/$unit" "$root/etc/systemd/system/$unit"
    mkdir -p "$root/usr/share/bash-completion/completions"
    "$base/bin/alpr-$part" --completion bash >"$root/usr/share/bash-completion/completions/alpr-$part"
    if live; then systemctl daemon-reload; fi
}

case $act in
    install)
        install_release
        install_system
        restart
        if [ "$part" = edge ]; then
            [ -e "$settings/edge.toml" ] || echo "Next: sudo -u $user /opt/hitonly/bin/alpr-edge setup"
        else
            [ -e "$settings/service.toml" ] || echo "Next: write /etc/hitonly/service.toml (docs/service.md)"
        fi
        echo "Start it: sudo systemctl enable --now $unit"
        ;;
    rollback)
        before=$(cat "$base/before" 2>/dev/null || true)
        if [ -z "$before" ] || [ ! -x "$base/releases/$before/bin/alpr-$part" ]; then
            fail "there is no release to go back to"
        fi
        now=$(used)
        use "$before"
        echo "$now" >"$base/before"
        restart
        echo "release $before is in use; $now is kept"
        ;;
    uninstall)
        if live; then systemctl disable --now "$unit" || true; fi
        rm -rf "$base"
        rm -f "$root/usr/share/bash-completion/completions/alpr-$part"
        rm -f "$root/etc/systemd/system/$unit" "$root/usr/lib/sysusers.d/$user.conf" "$root/usr/lib/tmpfiles.d/$user.conf"
        if live; then systemctl daemon-reload; fi
        if [ -n "$purge" ]; then
            rm -rf "$state"
            if [ "$part" = edge ]; then rm -f "$settings/edge.toml"; else rm -f "$settings/service.toml"; fi
            echo "removed, with state, keys and settings; the user $user stays"
        else
            echo "removed; $state and $settings are left as they are"
        fi
        ;;
esac
