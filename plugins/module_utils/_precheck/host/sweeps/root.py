# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The host's files, below a root that tests replace by a tree of their own."""

import errno
import os
from typing import List, NamedTuple, Optional

from ..no_evidence import NoEvidence

# Where one of these is missing, or bare, nothing can be told from what is not in it.
_ANCHORS = ("/proc", "/sys", "/etc", "/run")


class Root(NamedTuple):
    path: str = "/"

    def at(self, path: str) -> str:
        return os.path.join(self.path, path.lstrip("/"))

    def read(self, path: str) -> Optional[str]:
        """The file's text, None where there is no file."""
        try:
            with open(self.at(path), encoding="utf-8", errors="replace") as stream:
                return stream.read()
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.EISDIR):
                self._anchored(path)
                return None
            raise type(error)(error.errno, path) from error

    def line(self, path: str) -> Optional[str]:
        """The file's text without surrounding space; None when there is none, or nothing in it."""
        return (self.read(path) or "").strip("\0 \t\r\n") or None

    def line_or_none(self, path: str) -> Optional[str]:
        """The same for a file that may go, or be another's, between two looks: its absence means nothing."""
        try:
            with open(self.at(path), encoding="utf-8", errors="replace") as stream:
                return stream.read().strip("\0 \t\r\n") or None
        except OSError:
            return None

    def list(self, path: str) -> List[str]:
        """The names in a directory in order; none where there is no directory."""
        try:
            return sorted(os.listdir(self.at(path)))
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR):
                self._anchored(path)
                return []
            raise type(error)(error.errno, path) from error

    def exists(self, path: str) -> bool:
        """Also a link that leads nowhere: systemd keeps such links for units that run."""
        return os.path.lexists(self.at(path)) or self._anchored(path)

    def is_directory(self, path: str) -> bool:
        return os.path.isdir(self.at(path)) or self._anchored(path)

    def is_a_hosts(self) -> bool:
        """Raises if there is nothing to judge by: not a host's file system, or none of it visible."""
        return not any(self._anchored(anchor + "/") for anchor in _ANCHORS)

    def _anchored(self, path: str) -> bool:
        """False, once it is sure that the path could have been there: absence is evidence only below what is present."""
        anchor = next((one for one in _ANCHORS if path.startswith(one + "/")), None)
        if anchor and not self._holds_something(anchor):
            reason = f"there is no {anchor} here"
            raise NoEvidence(reason, "run the check on the host itself, not in a container", cause=anchor)
        return False

    def _holds_something(self, folder: str) -> bool:
        try:
            with os.scandir(self.at(folder)) as entries:
                return next(entries, None) is not None
        except (FileNotFoundError, NotADirectoryError):
            return False
