# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What travels to a host as one file that any Python runs, made of what this process has loaded of it."""

from __future__ import annotations

import io
import sys
import zipfile
from typing import Any

from .._precheck.host import in_cluster

_PACKAGE = in_cluster.__name__.rpartition(".")[0]
_MAIN = "import sys\nfrom host.in_cluster import main\nmain(sys.argv)\n"
# The same content is the same archive: a zip file knows no earlier time.
_NO_TIME = (1980, 1, 1, 0, 0, 0)


def precheck_archive() -> bytes:
    """Sources come from the modules' own loaders: on a controller they lie in the zip file that Ansible made of the module."""
    files = {"__main__.py": _MAIN, **{_path(name): _source(name) for name in _loaded()}}
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(files):
            archive.writestr(zipfile.ZipInfo(path, _NO_TIME), files[path], zipfile.ZIP_DEFLATED)
    return written.getvalue()


def _loaded() -> list[str]:
    return [name for name in sys.modules if name == _PACKAGE or name.startswith(_PACKAGE + ".")]


def _path(name: str) -> str:
    inside = "host" + name[len(_PACKAGE) :]
    return inside.replace(".", "/") + ("/__init__.py" if hasattr(sys.modules[name], "__path__") else ".py")


def _source(name: str) -> str:
    loader: Any = getattr(sys.modules[name].__spec__, "loader", None)
    source = loader.get_source(name) if hasattr(loader, "get_source") else None
    if source is None:
        raise RuntimeError("the source of {0} is not at hand".format(name))
    return str(source)
