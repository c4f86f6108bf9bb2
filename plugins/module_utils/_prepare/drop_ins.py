# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The two files of our own name from which the host's next boot takes what this one was given."""

from typing import Iterable, List, NamedTuple, Optional

from .sysctl import assigned, shown

# Late among its neighbours, so that it has the last word; /etc/sysctl.d/99-sysctl.conf (sysctl.conf) still comes after it.
SYSCTLS = "/etc/sysctl.d/99-calico-ops.conf"
MODULES = "/etc/modules-load.d/calico-ops.conf"
_MANAGED = "# Managed by calico_ops.rollout (host_prepare); `state: absent` takes it away."


class File(NamedTuple):
    """What becomes of a file; None for no file."""

    path: str
    before: Optional[str]
    after: Optional[str]


class Settled(NamedTuple):
    file: File
    notes: List[str]


class Foreign(Exception):
    """A file of our name that is somebody else's."""


def text_of(lines: Iterable[str]) -> str:
    return "\n".join([_MANAGED, *lines, ""])


def written(path: str, current: Optional[str], known: Optional[str], wanted: List[str]) -> Settled:
    """The file with our lines. Lines that others put into it stay, unless they speak of what is ours.

    `known`: what we wrote there last.
    """
    if current is not None and known is None and _MANAGED not in current:
        raise Foreign(path)
    notes: List[str] = []
    kept: List[str] = []
    keys = {setting[0] for setting in map(assigned, wanted) if setting}
    for text in _foreign(current, known, wanted):
        setting = assigned(text)
        if setting and setting[0] in keys:
            notes.append(f"{path}: somebody wrote {text.strip()!r}; it is set back")
        else:
            kept.append(text)
            notes.append(f"{path}: somebody added {text.strip()!r}; it stays")
    return Settled(File(path, current, text_of(wanted + kept)), notes)


def removed(path: str, current: Optional[str], known: Optional[str]) -> Settled:
    """The file without our lines, and no file when nobody else wrote into it."""
    if current is None:
        gone = [f"{path} was removed by somebody already"] if known is not None else []
        return Settled(File(path, None, None), gone)
    if known is None:
        # Ours by its first line, but nobody knows any more which lines; or not ours at all.
        return Settled(File(path, current, None if _MANAGED in current else current), [])
    kept = _foreign(current, known, [])
    notes = [f"{path}: somebody wrote {text.strip()!r}; it stays" for text in kept]
    return Settled(File(path, current, "\n".join([*kept, ""]) if kept else None), notes)


def _foreign(current: Optional[str], known: Optional[str], wanted: List[str]) -> List[str]:
    if current is None or known is None:
        return []
    ours = {_MANAGED, *known.splitlines(), *wanted}
    return [text for text in current.splitlines() if text.strip() and text not in ours]


def overridden(key: str, path: str, value: str) -> str:
    return f"{path} sets {shown(key)} = {value} after {SYSCTLS} at the next boot: take it out there"
