# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What is at the paths that pods mount, and which mount holds each."""

import os
import stat
from typing import Any, Dict, Iterable, List, Optional

from .root import Root

_KINDS = ((stat.S_ISDIR, "directory"), (stat.S_ISREG, "file"), (stat.S_ISSOCK, "socket"))
_LINKS = 40


def survey(root: Root, paths: Iterable[str]) -> Dict[str, Dict[str, Any]]:
    """By path, after its links are followed:

    - kind: directory, file, socket or other; null where nothing is there
    - above: the nearest that is there, the path itself where it is
    - above_kind: what that is
    - mount: {"at", "shared", "read_only", "type"} of the mount that holds the path, as init sees it
    """
    root.is_a_hosts()
    known = mounts(root)
    return {path: _path(root, path, known) for path in paths}


def _path(root: Root, path: str, known: List[Dict[str, Any]]) -> Dict[str, Any]:
    real = resolved(root, path)
    above = real
    while not os.path.lexists(root.at(above)) and above != "/":
        above = os.path.dirname(above)
    return {
        "kind": _kind(root.at(real)),
        "above": above,
        "above_kind": _kind(root.at(above)),
        "mount": holder(known, real),
    }


def _kind(path: str) -> Optional[str]:
    try:
        mode = os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    return next((name for test, name in _KINDS if test(mode)), "other")


def resolved(root: Root, path: str) -> str:
    """The path without links, below a root that need not be this process' own."""
    waiting, found, followed = path.strip("/").split("/"), "", 0
    while waiting:
        part = waiting.pop(0)
        if part in ("", "."):
            continue
        if part == "..":
            found = os.path.dirname(found)
            continue
        here = found + "/" + part
        target = root.at(here)
        if os.path.islink(target) and followed < _LINKS:
            followed += 1
            leads = os.readlink(target)
            found = "" if leads.startswith("/") else found
            waiting = leads.strip("/").split("/") + waiting
            continue
        found = here
    return found or "/"


def mounts(root: Root) -> List[Dict[str, Any]]:
    """All mounts of init, in the order in which they were made: proc(5), mountinfo."""
    found = []
    for line in (root.read("/proc/1/mountinfo") or root.read("/proc/self/mountinfo") or "").splitlines():
        words = line.split()
        if len(words) > 9 and "-" in words[6:]:
            dash = words.index("-", 6)
            found.append(
                {
                    # Octal for what would break a line into words.
                    "at": words[4].replace("\\040", " "),
                    "read_only": "ro" in words[5].split(",") or "ro" in words[dash + 3].split(","),
                    "shared": any(word.startswith("shared:") for word in words[6:dash]),
                    "type": words[dash + 1],
                }
            )
    return found


def holder(known: List[Dict[str, Any]], path: str) -> Optional[Dict[str, Any]]:
    """The deepest mount above the path; of several at one place the last made covers the others."""
    best: Optional[Dict[str, Any]] = None
    for one in known:
        inside = path == one["at"] or path.startswith(one["at"].rstrip("/") + "/")
        if inside and (best is None or len(one["at"]) >= len(best["at"])):
            best = one
    return best
