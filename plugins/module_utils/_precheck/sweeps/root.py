# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The host's files, below a root that tests replace by a tree of their own."""

import errno
import os
from typing import List, NamedTuple, Optional


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
                return None
            raise type(error)(error.errno, path) from error

    def line(self, path: str) -> Optional[str]:
        """The file's text without surrounding space; None when there is none, or nothing in it."""
        return (self.read(path) or "").strip("\0 \t\r\n") or None

    def list(self, path: str) -> List[str]:
        """The names in a directory in order; none where there is no directory."""
        try:
            return sorted(os.listdir(self.at(path)))
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR):
                return []
            raise type(error)(error.errno, path) from error
