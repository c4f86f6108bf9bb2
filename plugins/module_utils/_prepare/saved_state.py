# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What was on the host before us, kept in a file of our own there: it can be put back years later, and from anywhere."""

import json
from typing import Dict, List, NamedTuple, Optional

PATH = "/var/lib/calico-ops/prepared.json"
_VERSION = 1


class Unreadable(Exception):
    """The memory is there and makes no sense: nothing may be undone by guess."""


class Remembered(NamedTuple):
    before: str
    ours: Optional[str]
    """What it became by our hand; None while that is not known yet."""
    moved: bool = False
    """The kernel changed it along with another one."""


class Memory(NamedTuple):
    sysctls: Dict[str, Remembered]
    files: Dict[str, str]
    """Path to what we wrote into it."""
    modules: List[str]
    """Loaded by us."""
    folders: List[str]
    """Made by us."""


def nothing() -> Memory:
    return Memory({}, {}, [], [])


def parse(text: Optional[str]) -> Memory:
    if text is None:
        return nothing()
    try:
        document = json.loads(text)
        if document["version"] != _VERSION:
            raise Unreadable(f"its version is {document['version']}, this collection reads {_VERSION}")
        return Memory(
            {key: Remembered(one["before"], one["ours"], one["moved"]) for key, one in document["sysctls"].items()},
            dict(document["files"]),
            list(document["modules"]),
            list(document["folders"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Unreadable(f"{type(error).__name__}: {error}") from error


def written(memory: Memory) -> Optional[str]:
    """The text of the file; None when there is nothing to remember, and so no file."""
    if memory == nothing():
        return None
    document = {
        "managed_by": "calico_ops.rollout.host_prepare",
        "version": _VERSION,
        "sysctls": {key: dict(one._asdict()) for key, one in memory.sysctls.items()},
        "files": memory.files,
        "modules": memory.modules,
        "folders": memory.folders,
    }
    return json.dumps(document, indent=1, sort_keys=True) + "\n"
