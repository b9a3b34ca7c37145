#!/usr/bin/env bash
# A clean Debian of another release in a directory, and commands in it. Root only.
#   debian_box.sh make RELEASE DIR PACKAGE...   makes it with debootstrap, or takes the complete one that is there
#   debian_box.sh run DIR MOUNT... -- COMMAND   a command in it, with directories of the machine mounted there:
#                                               --bind PATH, --bind-ro PATH, --bind-at PATH PLACE
# Packages come from where the machine's own come from: no mirror is named here. What is mounted is so only in a
# namespace of the command's own, and its processes end with it: nothing is left behind, however this ends.
# Exit: as the command; 75 cannot be had here (the reason is on stderr).
set -euo pipefail

cannot() { echo "$*" >&2; exit 75; }

[ "$(id -u)" -eq 0 ] || cannot "needs root, to mount and to change the root directory"
for tool in unshare chroot flock; do command -v "$tool" >/dev/null || cannot "there is no $tool (util-linux, coreutils)"; done
unshare --mount --pid --fork true 2>/dev/null || cannot "this machine lets nobody have namespaces of his own"

# The URI of Debian's main archive in the machine's configuration; security and third parties have other paths.
mirror() {
    { cat /etc/apt/sources.list /etc/apt/sources.list.d/*.sources /etc/apt/sources.list.d/*.list 2>/dev/null || true; } |
        sed -nE '/^ *#/d; s,^.*((https?|file)://[^] ]*/debian)/?( .*)?$,\1,p' | sed 1q
}

# $1 the box, then words for bash inside it. Every mount and process is in namespaces that end with this one.
# shellcheck disable=SC2016  # expanded inside
inside='
    set -e
    box=$1; shift
    mount --make-rprivate /
    mount --bind "$box" "$box"
    mount -t tmpfs -o mode=1777 tmp "$box/tmp"
    mount --rbind /dev "$box/dev"
    mount -t sysfs -o ro sys "$box/sys" 2>/dev/null || true
    while [ "$1" != -- ]; do
        kind=$1 path=$2 place=$2
        shift 2
        [ "$kind" != --bind-at ] || { place=$1; shift; }
        mkdir -p "$box$place"
        mount --bind "$path" "$box$place"
        [ "$kind" != --bind-ro ] || mount -o remount,bind,ro "$box$place"
    done
    shift
    mount -t proc proc "$box/proc"
    exec chroot "$box" /usr/bin/env "$@"'

# A killed parent takes the first process of the pid namespace with it, and that one everything else.
run_in() { # BOX MOUNT... -- COMMAND
    exec unshare --mount --pid --fork --kill-child=KILL bash -c "$inside" debian-box "$@"
}

make_box() { # RELEASE DIR PACKAGE...
    local release=$1 dir=$2 source log=$2.log wanted
    shift 2
    wanted="$release $*"
    mkdir -p "$(dirname "$dir")"
    exec 9>"$dir.lock"
    flock 9
    # The mark is written last: without it the making was interrupted, and with another list it is of old.
    [ "$(cat "$dir/.complete" 2>/dev/null)" != "$wanted" ] || return 0
    command -v debootstrap >/dev/null || cannot "there is no debootstrap"
    source=$(mirror)
    [ -n "$source" ] || cannot "the machine's apt knows no archive whose path ends in /debian"
    # What apt is told about proxies, debootstrap takes from the environment.
    [ -n "${http_proxy:-}" ] || eval "$(apt-config shell http_proxy Acquire::http::Proxy)"
    [ -z "${http_proxy:-}" ] || export http_proxy
    rm -rf --one-file-system "$dir"
    local list=ca-certificates package
    for package in "$@"; do list+=,$package; done
    if ! debootstrap --variant=minbase --include="$list" "$release" "$dir" "$source" >"$log" 2>&1 9>&-; then
        rm -rf --one-file-system "$dir"
        cannot "debootstrap failed, see $log: $(grep -E '^[EW]:' "$log" | tail -n 1)"
    fi
    rm -rf "$dir"/var/cache/apt/archives/*.deb
    echo "$wanted" >"$dir/.complete"
}

verb=${1:-}
[ $# -ge 3 ] || { sed -n '2,8s/^# *//p' "$0" >&2; exit 64; }
shift
case $verb in
make) make_box "$@" ;;
run) run_in "$(realpath "$1")" "${@:2}" ;;
*) sed -n '2,8s/^# *//p' "$0" >&2; exit 64 ;;
esac
