# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The precheck in a container: one file that any Python runs, and nothing of the image is needed once the host is entered."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.precheck_archive import precheck_archive
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.questions import asked_of
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.evidence import job

from tests.environment.places import CHECKOUT
from tests.unit.precheck.kernels import want

# Instead of entering a host, everything that a host without Python would not have is taken away.
SEALED = """
import sys
sys.path.insert(0, sys.argv[1])
from host import in_cluster
class Gone:
    def find_spec(self, name, path=None, target=None):
        raise ImportError("import of {} after the host was entered".format(name))
def enter_host():
    sys.path[:] = []
    sys.meta_path[:] = [Gone()]
in_cluster.enter_host = enter_host
in_cluster.main(sys.argv[1:])
"""


WANT = want(encapsulation="vxlan", ipv6=True, ip_autodetection="can-reach=localhost", apiserver="127.0.0.1:1")


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    file = tmp_path / "precheck.pyz"
    file.write_bytes(precheck_archive())
    return file


@pytest.fixture
def asked(tmp_path: Path) -> Path:
    file = tmp_path / "asked.json"
    file.write_text(json.dumps(asked_of(WANT)))
    return file


def oldest_python() -> list[str]:
    found = sorted(Path.home().glob(".pyenv/versions/3.6.*/bin/python"))
    return [str(found[-1])] if found else []


def run(python: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [python, "-I", "-B", *arguments], capture_output=True, text=True, check=False, env={"PATH": ""}
    )


def result(said: str) -> dict[str, Any]:
    (line,) = (line for line in said.splitlines() if line.startswith(job.MARK))
    found: dict[str, Any] = json.loads(line[len(job.MARK) :])
    return found


def test_the_archive_holds_every_part_that_a_check_needs(archive: Path) -> None:
    folder = CHECKOUT / "plugins/module_utils/_precheck"
    parts = {str(path.relative_to(folder)) for path in folder.glob("host/**/*.py")}
    assert parts | {"__main__.py"} == set(zipfile.ZipFile(BytesIO(archive.read_bytes())).namelist())


def test_the_same_code_is_the_same_archive_and_fits_into_a_configmap() -> None:
    assert precheck_archive() == precheck_archive()
    assert len(precheck_archive()) < 512 * 1024


@pytest.mark.parametrize("python", [sys.executable, *oldest_python()])
def test_nothing_is_imported_once_the_host_is_entered(python: str, archive: Path, asked: Path) -> None:
    done = run(python, "-c", SEALED, str(archive), str(asked), job.MARK)
    assert done.stderr == ""
    found = result(done.stdout)
    assert set(asked_of(WANT)["probes"]) <= set(found["facts"])
    lost = [fact["lost"] for fact in found["facts"].values() if "lost" in fact]
    assert [reason for reason in lost if "import of" in reason or "internal error" in reason] == []


def test_a_container_that_does_not_share_the_hosts_processes_says_so(archive: Path, asked: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root")
    arguments = ["-I", "-B", str(archive), str(asked), job.MARK]
    done = subprocess.run(
        ["unshare", "--pid", "--fork", sys.executable, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"]},
    )
    assert "without hostPID" in done.stderr
    assert job.MARK not in done.stdout


@pytest.mark.skipif(not Path("/usr/bin/setpriv").exists() or os.geteuid() != 0, reason="needs root and setpriv")
@pytest.mark.parametrize("taken", ["-sys_admin", "-sys_chroot"])
def test_a_container_that_may_not_enter_the_host_says_so(taken: str, archive: Path, asked: Path) -> None:
    drop = ["setpriv", f"--bounding-set={taken}", f"--inh-caps={taken}"]
    done = subprocess.run(
        [*drop, sys.executable, "-I", "-B", str(archive), str(asked), job.MARK],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"]},
    )
    assert done.stderr.startswith("the host's namespaces cannot be entered: ")
    assert job.MARK not in done.stdout
