# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE. What a host reads below /proc and /sys otherwise than this machine's kernel has it: commands that root runs in it."""

from __future__ import annotations

# Nothing can be made in what the kernel keeps. So the folder becomes one of links into itself as it was; /proc has one for every
# process that a host may come to in its life. Links of /sys/class lead to ../../devices, which is looked for from where the folder went.
_ROOM = """
set -e
cover() {
    behind=/run/behind/$(echo "$1" | tr / _)
    mkdir -p "$behind"
    [ -e /run/behind/devices ] || ln -s /sys/devices /run/behind/devices
    mount --rbind --make-rprivate "$1" "$behind"
    mount -t tmpfs -o mode=0555,nr_inodes=0 links "$1"
    names=$(ls -A "$behind")
    [ "$1" != /proc ] || names="$(echo "$names" | grep -v '^[0-9]') $(seq 8192)"
    [ -z "$names" ] || ln -s $(printf "$behind/%s " $names) "$1"
}
room() {
    if [ ! -d "$(dirname "$1")" ]; then
        room "$(dirname "$1")"
        mkdir "$(dirname "$1")"
    elif ! (: >"$1") 2>/dev/null; then
        cover "$(dirname "$1")"
    fi
    rm -f "$1"
}
"""
_SHOW = _ROOM + '[ -e "$2" ] || { room "$2"; : >"$2"; }\nmount --bind "$1" "$2"'
_LINK = _ROOM + 'room "$2"; ln -s "$1" "$2"'
_HIDE = (
    _ROOM
    + """
if [ -d "$1" ]; then
    mount -t tmpfs -o ro,mode=555 none "$1"
elif [ -e "$1" ] && ! rm "$1" 2>/dev/null; then
    cover "$(dirname "$1")"
    rm "$1"
fi
"""
)


def kernels(path: str) -> bool:
    """Whether nobody but the kernel makes and removes what is there."""
    return path.startswith(("/proc/", "/sys/"))


def show(content: str, path: str) -> list[str]:
    """The file `content` at this path, which the kernel may have or not."""
    return shell(_SHOW, content, path)


def link(target: str, path: str) -> list[str]:
    return shell(_LINK, target, path)


def hide(path: str) -> list[str]:
    """A file is gone; a folder stays, with nothing in it."""
    return shell(_HIDE, path)


def shell(script: str, *arguments: str) -> list[str]:
    return ["sh", "-c", script, "sh", *arguments]
