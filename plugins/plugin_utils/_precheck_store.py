# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Where results of prechecks are kept on the controller: a file a host or Node, for its user only."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import PrecheckRecord

_ENDING = ".json"
_PLUGINS = Path(__file__).resolve().parent.parent


def kept(directory: str, host: str) -> Any:
    """What is kept of a host; None where there is nothing that can be read."""
    return _read(_file(directory, host))


def all_kept(directory: str, beginning: str) -> dict[str, Any]:
    """What is kept of all hosts whose names begin so, by name."""
    files = _folder(directory).glob(quote(beginning, safe="") + "*" + _ENDING)
    return {unquote(file.name[: -len(_ENDING)]): _read(file) for file in files}


def keep(directory: str, record: PrecheckRecord) -> None:
    """Whole or not at all: a run that is killed leaves no half of a file, and two runs do not mix theirs."""
    file = _file(directory, record["host"])
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=".precheck-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as written:
            json.dump(record, written)
        os.replace(name, file)
    except BaseException:
        os.unlink(name)
        raise


def forget(directory: str, host: str) -> None:
    """A host that does not pass any more has no earlier result to fall back on."""
    _file(directory, host).unlink(missing_ok=True)


@functools.cache
def code() -> str:
    """Names the checks by their source: a new version of the collection, or a patch of it, asks something else."""
    sources = [_PLUGINS / "modules" / "host_precheck.py", *(_PLUGINS / "module_utils" / "_precheck").rglob("*.py")]
    together = hashlib.sha256()
    for source in sorted(sources):
        together.update(str(source.relative_to(_PLUGINS)).encode() + b"\0" + source.read_bytes() + b"\0")
    return together.hexdigest()


def _file(directory: str, host: str) -> Path:
    # The name of a host in the inventory may hold anything.
    return _folder(directory) / (quote(host, safe="") + _ENDING)


def _folder(directory: str) -> Path:
    return Path(os.path.expandvars(os.path.expanduser(directory)))


def _read(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
