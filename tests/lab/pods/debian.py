# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that Go cannot build, from Debian's packages, unpacked into the cache: runc wants a C compiler, bash is none of Go's.

Nothing is installed: what a machine has decides what a lab host looks like to the tests of the prechecks. runc is this machine's
own where it has one; bash is always the static one, for an image has no libraries.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.lab.errors import LabError
from tests.lab.hosts.packages import SEARCH_PATH
from tests.lab.places import cache_root


def runc() -> Path:
    """The program; LabError where it can neither be found nor fetched."""
    installed = shutil.which("runc", path=SEARCH_PATH)
    return Path(installed) if installed else _kept("runc", "usr/sbin/runc")


def bash() -> Path:
    """The same."""
    return _kept("bash-static", "bin/bash-static", "usr/bin/bash-static")


def _kept(package: str, *places: str) -> Path:
    """The program of this package, which lies in one of these places in it."""
    kept = cache_root() / "debian" / package
    if not kept.is_file():
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as folder:
            _fetch(Path(folder), package)
            found = [place for place in places if (Path(folder) / place).is_file()]
            (Path(folder) / found[0]).rename(kept)
    return kept


def _fetch(folder: Path, package: str) -> None:
    folder.chmod(0o755)  # apt fetches as a user of its own
    if _run(folder, "apt-get", "-qq", "download", package) != 0:
        _run(folder, "apt-get", "-qq", "update")
        _run(folder, "apt-get", "-qq", "download", package)
    packages = list(folder.glob(f"{package}_*.deb"))
    if not packages or _run(folder, "dpkg-deb", "--extract", str(packages[0]), str(folder)) != 0:
        raise LabError(f"a lab with real pods needs {package}, and neither is it here nor could apt-get fetch it")


def _run(folder: Path, *command: str) -> int:
    quiet = subprocess.DEVNULL
    try:
        return subprocess.run(command, cwd=folder, stdin=quiet, stdout=quiet, stderr=quiet, check=False).returncode
    except FileNotFoundError:
        return 127
