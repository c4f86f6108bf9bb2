# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tigera-operator that LAB_OPERATOR names, played by a script: how it is started, whose CRDs are applied, what is skipped."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from unittest.mock import Mock

import pytest

from tests.lab import ready_operator
from tests.lab.access import crds
from tests.lab.errors import LabError
from tests.lab.lab import Lab
from tests.lab.places import LAB_SOURCES
from tests.lab_tests import conftest

pytestmark = pytest.mark.operator

SCRIPT = """#!{python}
import os, sys
if sys.argv[1:] == ["--print-calico-crds", "all"]:
    sys.exit(print("CRDs of", os.environ["CALICO_API_GROUP"]))
print(os.path.basename(sys.argv[0]), *sys.argv[1:], os.environ["CALICO_API_GROUP"])
"""


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    found = tmp_path / "tigera-operator-linux-amd64"
    found.write_text(SCRIPT.format(python=sys.executable))
    found.chmod(0o755)
    for name in ("LAB_CRDS", "CALICO_API_GROUP"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LAB_OPERATOR", str(found))
    return found


def started(program: Path, directory: Path) -> str:
    outcome = subprocess.run(
        [str(word) for word in ready_operator.command(program, directory)],
        env=ready_operator.environment(directory / "kubeconfig"),
        check=True,
        capture_output=True,
        text=True,
    )
    return outcome.stdout.strip()


def test_it_is_started_by_its_own_name_and_without_an_election(program: Path, tmp_path: Path) -> None:
    for _start in range(2):
        assert started(program, tmp_path) == "operator --enable-leader-election=false crd.projectcalico.org/v1"


def test_another_program_is_started_by_the_next_start(program: Path, tmp_path: Path) -> None:
    started(program, tmp_path)
    newer = tmp_path / "newer"
    newer.write_text(SCRIPT.format(python=sys.executable) + 'print("the newer one")\n')
    newer.chmod(0o755)
    assert started(newer, tmp_path).endswith("the newer one")


def test_the_group_of_calicos_crds_can_be_chosen(
    program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CALICO_API_GROUP", "projectcalico.org/v3")
    assert started(program, tmp_path).endswith(" projectcalico.org/v3")
    (own,) = crds(tmp_path)
    assert own.read_text() == "CRDs of projectcalico.org/v3\n"


def test_its_crds_take_the_place_of_the_labs_and_those_of_lab_crds_come_on_top(
    program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (own,) = crds(tmp_path)
    assert own.read_text() == "CRDs of crd.projectcalico.org/v1\n"
    monkeypatch.setenv("LAB_CRDS", str(tmp_path))
    assert crds(tmp_path) == [own, tmp_path]
    monkeypatch.delenv("LAB_OPERATOR")
    assert crds(tmp_path) == [tmp_path]
    monkeypatch.delenv("LAB_CRDS")
    assert crds(tmp_path) == [LAB_SOURCES / "crds"]


def test_a_program_that_cannot_be_run_is_refused_by_name(program: Path) -> None:
    program.chmod(0o644)
    with pytest.raises(LabError, match=f"LAB_OPERATOR={program} is no program that can be run"):
        ready_operator.program()


def test_a_program_that_prints_no_crds_is_refused_with_its_words(program: Path, tmp_path: Path) -> None:
    program.write_text(f"#!{sys.executable}\nraise SystemExit('no such flag')\n")
    with pytest.raises(LabError, match="printed no CRDs: no such flag"):
        crds(tmp_path)


def test_what_only_the_stand_in_is_asked_for_is_refused(program: Path) -> None:
    with pytest.raises(LabError, match=r"only the stand-in takes --pools-seen-after=1: unset LAB_OPERATOR"):
        Lab("nowhere").start_operator("--pools-seen-after=1")


def marked(*arguments: str) -> Mock:
    return Mock(nodeid="test", get_closest_marker=lambda _name: Mock(args=arguments, kwargs={}))


def test_what_only_the_stand_in_can_do_is_skipped_with_the_reason(
    program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = marked("it is told to")
    conftest.pytest_collection_modifyitems([item])
    (skip,) = item.add_marker.call_args.args
    assert (skip.name, skip.kwargs["reason"]) == ("skip", "only the stand-in can do this: it is told to")
    monkeypatch.delenv("LAB_OPERATOR")
    item = marked("it is told to")
    conftest.pytest_collection_modifyitems([item])
    item.add_marker.assert_not_called()


def test_a_mark_without_a_reason_is_an_error(program: Path) -> None:
    with pytest.raises(pytest.UsageError, match="stand_in takes the reason"):
        conftest.pytest_collection_modifyitems([marked()])
