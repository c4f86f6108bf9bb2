# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What travels to a host as one file that any Python runs."""

from __future__ import annotations

import io
import zipfile

from .._precheck.sources import sources

_MAIN = "import sys\nfrom host.in_cluster import main\nmain(sys.argv)\n"
# The same content is the same archive: a zip file knows no earlier time.
_NO_TIME = (1980, 1, 1, 0, 0, 0)


def precheck_archive() -> bytes:
    files = {"__main__.py": _MAIN, **sources()}
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(files):
            archive.writestr(zipfile.ZipInfo(path, _NO_TIME), files[path], zipfile.ZIP_DEFLATED)
    return written.getvalue()
