# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What a process is, if the kernel's name for it does not say so."""

from .root import Root

# One program with many parts: its name alone is that of its CNI plugin and of its command line too.
_OF_MANY_PARTS = "calico"
_PART = "component"


def named(root: Root, pid: str, name: str) -> str:
    """The process as a check names it: `calico component felix` for Calico's one program, else its name in the kernel.

    Arguments of others are not read: they may hold passwords.
    """
    if name != _OF_MANY_PARTS:
        return name
    words = (root.read(f"/proc/{pid}/cmdline") or "").split("\0")
    return " ".join([name, *words[1:3]]) if words[1:2] == [_PART] and words[2:3] != [""] else name
