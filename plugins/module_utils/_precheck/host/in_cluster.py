# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The check of a host that has no SSH or no Python, from a privileged container on it.

The process moves into the namespaces of the host's first process. So it sees everything as a check over SSH does, also mounts, their
flags and absolute links. A directory with the host's file system would show these differently. The image's Python stays behind in the
container, so whatever is needed of it has to be loaded before.
"""

import codecs
import ctypes
import json
import os
import sys
from contextlib import suppress
from importlib import import_module
from typing import List

from .gather import gather

_NAMESPACES = ("net", "uts", "mnt")
_CODECS = ("ascii", "idna", "latin-1", "utf-8")
"""Python loads a codec when it is first used, and then its files are the host's."""


def main(arguments: List[str]) -> None:
    """The arguments are the file with the questions, as JSON, and the mark before the answer."""
    asked_file, mark = arguments[1:]
    with open(asked_file, encoding="utf-8") as stream:
        asked = json.load(stream)
    for name in _CODECS:
        codecs.lookup(name)
    with suppress(ImportError):
        # The sweep that connects to the API server imports it on demand, and says so if it is missing.
        import_module("ssl")
    enter_host()
    # On a line of its own: what is read of a container is everything that it said, on both of its streams.
    sys.stdout.write(f"\n{mark}{json.dumps(gather(asked))}\n")
    sys.stdout.flush()


def enter_host() -> None:
    """The namespaces of process 1, which is the host's only in a pod with hostPID."""
    if os.getpid() == 1:
        raise SystemExit(
            "this container has process ids of its own: the pod was made without hostPID, or somebody took it out"
        )
    try:
        # All are opened first: the last one hides this /proc.
        handles = [(name, os.open("/proc/1/ns/" + name, os.O_RDONLY)) for name in _NAMESPACES]
        for name, handle in handles:
            _enter(name, handle)
            os.close(handle)
    except OSError as error:
        raise SystemExit(f"the host's namespaces cannot be entered: {error.filename}: {error.strerror}") from error


def _enter(name: str, handle: int) -> None:
    if ctypes.CDLL(None, use_errno=True).setns(handle, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), name)
