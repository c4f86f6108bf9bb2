# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""runc, which Go cannot build without a C compiler: this machine's own, or Debian's package unpacked into the cache.

Nothing is installed: what a machine has decides what a lab host looks like to the tests of the prechecks.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.lab.errors import LabError
from tests.lab.hosts.packages import SEARCH_PATH
from tests.lab.places import cache_root

_PROGRAM = Path("usr/sbin/runc")


def runc() -> Path:
    """The program; LabError where it can neither be found nor fetched."""
    installed = shutil.which("runc", path=SEARCH_PATH)
    if installed:
        return Path(installed)
    kept = cache_root() / "debian" / "runc"
    if not kept.is_file():
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as folder:
            _fetch(Path(folder))
            (Path(folder) / _PROGRAM).rename(kept)
    return kept


def _fetch(folder: Path) -> None:
    folder.chmod(0o755)  # apt fetches as a user of its own
    if _run(folder, "apt-get", "-qq", "download", "runc") != 0:
        _run(folder, "apt-get", "-qq", "update")
        _run(folder, "apt-get", "-qq", "download", "runc")
    packages = list(folder.glob("runc_*.deb"))
    if not packages or _run(folder, "dpkg-deb", "--extract", str(packages[0]), str(folder)) != 0:
        raise LabError("a lab with real pods needs runc, and neither is it installed here nor could apt-get fetch it")


def _run(folder: Path, *command: str) -> int:
    quiet = subprocess.DEVNULL
    try:
        return subprocess.run(command, cwd=folder, stdin=quiet, stdout=quiet, stderr=quiet, check=False).returncode
    except FileNotFoundError:
        return 127
