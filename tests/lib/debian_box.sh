#!/usr/bin/env bash
# A clean Debian of another release in a directory, and commands in it. Root only.
#   debian_box.sh make RELEASE DIR PACKAGE...   makes it, or takes the complete one that is there: a copy of DIR/../clean,
#                                               which debootstrap makes once, with the packages
#   debian_box.sh make RELEASE PLACE/clean      only that one
#   debian_box.sh copy FROM DIR                 another of the same content
#   debian_box.sh run DIR MOUNT... -- COMMAND   a command in it, with directories of the machine mounted there:
#                                               --bind PATH, --bind-ro PATH, --bind-at PATH PLACE,
#                                               --bind-ro-at PATH PLACE
#   debian_box.sh boot DIR MOUNT...             systemd as its process 1, in the foreground, with no network but a loopback of
#                                               its own; the first line of output is "process 1 is PID"
#   debian_box.sh enter PID COMMAND             a command in the box that was booted so
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

# Places of the machine at places of the box. $1 the box, then mounts up to "--".
# shellcheck disable=SC2016  # expanded inside
mounting='
    mount_places() {
        local kind path place
        while [ "$1" != -- ]; do
            kind=$1 path=$2 place=$2
            shift 2
            [[ $kind != *-at ]] || { place=$1; shift; }
            mkdir -p "$box$place"
            mount --bind "$path" "$box$place"
            [[ $kind != --bind-ro* ]] || mount -o remount,bind,ro "$box$place"
        done
    }'

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
    mount_places "$@"
    while [ "$1" != -- ]; do shift; done
    shift
    mount -t proc proc "$box/proc"
    exec chroot "$box" /usr/bin/env "$@"'

# A killed parent takes the first process of the pid namespace with it, and that one everything else.
run_in() { # BOX MOUNT... -- COMMAND
    exec unshare --mount --pid --fork --kill-child=KILL bash -c "$mounting$inside" debian-box "$@"
}

# systemd takes its own control group for the root of all. So it gets one made for it, else it would put its services
# beside the machine's. What an earlier box left there, killed with all its processes, is empty, and removed.
# shellcheck disable=SC2016  # expanded inside
outer='
    set -e
    box=$1
    mount --make-rprivate /
    mount -t cgroup2 none "$box/mnt"
    own=$box/mnt$(sed -n s,^0::,,p /proc/self/cgroup)
    for old in "$own"/rollstat-box-*; do
        [ ! -d "$old" ] || kill -0 "${old##*-}" 2>/dev/null || find "$old" -depth -type d -exec rmdir {} + 2>/dev/null || true
    done
    mkdir "$own/rollstat-box-$$"
    echo $$ >"$own/rollstat-box-$$/cgroup.procs"
    setpriv --pdeathsig KILL unshare --mount --pid --fork --uts --ipc --net --cgroup --kill-child=KILL bash -c "$inner" debian-box "$@" &
    unshare=$!
    until read -r first < <(cat "/proc/$unshare/task/$unshare/children"; echo) && [ -n "$first" ]; do sleep 0.05; done
    echo "process 1 is $first"
    wait "$unshare" && status=0 || status=$?
    echo $$ >"$own/cgroup.procs"
    find "$own/rollstat-box-$$" -depth -type d -exec rmdir {} + || true
    exit $status'

# The root is changed by pivot_root: PrivateUsers= is refused where it was by chroot.
# shellcheck disable=SC2016  # expanded inside
inner='
    set -e
    box=$1; shift
    umount "$box/mnt"
    mount --bind "$box" "$box"
    mount -t proc proc "$box/proc"
    mount -t sysfs sysfs "$box/sys"
    mount -t cgroup2 none "$box/sys/fs/cgroup"
    mount -t tmpfs run "$box/run"
    mount -t tmpfs -o mode=1777 tmp "$box/tmp"
    mount -t tmpfs dev "$box/dev"
    for node in null zero full random urandom tty; do
        touch "$box/dev/$node"
        mount --bind "/dev/$node" "$box/dev/$node"
    done
    mkdir "$box/dev/pts" "$box/dev/shm" "$box/run/old"
    mount -t devpts -o newinstance,ptmxmode=0666 devpts "$box/dev/pts"
    ln -s pts/ptmx "$box/dev/ptmx"
    mount -t tmpfs shm "$box/dev/shm"
    touch "$box/dev/console"
    mount_places "$@"
    ip link set lo up
    hostname rollstat-box
    cd "$box"
    pivot_root . run/old
    umount -l run/old
    mount --make-rshared / # as on a machine: credentials are mounted by a child and have to get through
    exec env -i container=docker PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --log-target=journal'

boot_box() { # BOX MOUNT...
    for tool in ip hostname setpriv; do command -v "$tool" >/dev/null || cannot "there is no $tool (iproute2, hostname)"; done
    [ -x "$1/lib/systemd/systemd" ] || cannot "there is no systemd in $1"
    # shellcheck disable=SC2016  # expanded inside
    unshare --mount bash -c 'mount --make-rprivate / && mount -t cgroup2 none "$1/mnt"' debian-box "$1" 2>/dev/null ||
        cannot "control groups of version 2 cannot be mounted here"
    # Units for a console and for modules of the kernel, which no box has: without them its state is "running".
    ln -sf /dev/null "$1/etc/systemd/system/console-getty.service"
    ln -sf /dev/null "$1/etc/systemd/system/systemd-modules-load.service"
    inner=$mounting$inner exec unshare --mount bash -c "$outer" debian-box "$@" -- </dev/null
}

enter_box() { # PID COMMAND...
    local pid=$1
    shift
    exec nsenter -t "$pid" -m -p -u -n -i -r -w env -i HOME=/root LC_ALL=C.UTF-8 TERM=dumb \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

copy_box() { # FROM DIR
    rm -rf --one-file-system "$2"
    cp -a --reflink=auto "$1" "$2"
    rm -f "$2/.complete"
}

# What apt is told about proxies, debootstrap and the box take from the environment.
know_proxy() {
    [ -n "${http_proxy:-}" ] || eval "$(apt-config shell http_proxy Acquire::http::Proxy)"
    [ -z "${http_proxy:-}" ] || export http_proxy
}

# Under a lock of its own: several boxes of a release begin as a copy of this one.
make_clean() { # RELEASE DIR
    local release=$1 dir=$2 source log=$2.log list=ca-certificates,systemd,systemd-sysv,dbus,procps,iproute2,hostname
    exec 8>"$dir.lock"
    flock 8
    # The mark is written last: without it the making was interrupted, and with another list it is of old.
    if [ "$(cat "$dir/.complete" 2>/dev/null)" != "$release $list" ]; then
        command -v debootstrap >/dev/null || cannot "there is no debootstrap"
        source=$(mirror)
        [ -n "$source" ] || cannot "the machine's apt knows no archive whose path ends in /debian"
        rm -rf --one-file-system "$dir"
        if ! debootstrap --variant=minbase --include="$list" "$release" "$dir" "$source" >"$log" 2>&1 8>&- 9>&-; then
            rm -rf --one-file-system "$dir"
            cannot "debootstrap failed, see $log: $(grep -E '^[EW]:' "$log" | tail -n 1)"
        fi
        rm -rf "$dir"/var/cache/apt/archives/*.deb
        echo "$release $list" >"$dir/.complete"
    fi
    exec 8>&-
}

make_box() { # RELEASE DIR PACKAGE...
    local release=$1 dir=$2 clean log=$2.log wanted places=() source
    clean=$(dirname "$dir")/clean
    shift 2
    wanted="$release $*"
    mkdir -p "$(dirname "$dir")"
    know_proxy
    if [ "$dir" = "$clean" ]; then
        make_clean "$release" "$clean"
        return
    fi
    exec 9>"$dir.lock"
    flock 9
    [ "$(cat "$dir/.complete" 2>/dev/null)" != "$wanted" ] || return 0
    make_clean "$release" "$clean"
    copy_box "$clean" "$dir"
    source=$(mirror)
    [[ $source != file://* ]] || places=(--bind-ro "${source#file://}")
    # In a process of its own, which run_in becomes.
    if ! (run_in "$dir" "${places[@]}" -- http_proxy="${http_proxy:-}" DEBIAN_FRONTEND=noninteractive \
        PATH=/usr/sbin:/usr/bin:/sbin:/bin bash -ec 'apt-get update -qq
            apt-get install -y -qq --no-install-recommends "$@"; apt-get clean' fetch "$@") >"$log" 2>&1 9>&-; then
        rm -rf --one-file-system "$dir"
        cannot "apt-get failed in the box, see $log: $(grep -E '^E:' "$log" | tail -n 1)"
    fi
    echo "$wanted" >"$dir/.complete"
}

verb=${1:-}
usage() { sed -n '2,15s/^# *//p' "$0" >&2; exit 64; }
[ $# -ge 2 ] || usage
shift
case $verb in
make) make_box "$@" ;;
copy) copy_box "$@" ;;
run) run_in "$(realpath "$1")" "${@:2}" ;;
boot) boot_box "$(realpath "$1")" "${@:2}" ;;
enter) enter_box "$@" ;;
*) usage ;;
esac
