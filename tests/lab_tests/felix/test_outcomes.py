# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where precheck and Felix disagree is shown, the dangerous ones first; LAB_FELIX names what runs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.lab import ready_felix
from tests.lab.errors import LabError
from tests.lab.felix.__main__ import main
from tests.lab.felix.outcomes import CLOSED, ENFORCED, OPEN, Outcome, table

WELL = Outcome("plain", "encapsulation=vxlan mtu=1450", True, True, True, "pass")


@pytest.mark.parametrize(
    ("allowed", "denied", "packets"),
    [(True, True, ENFORCED), (True, False, OPEN), (False, True, CLOSED), (False, False, CLOSED)],
)
def test_policy_is_in_force_only_where_the_one_gets_through_and_the_other_does_not(
    allowed: bool, denied: bool, packets: str
) -> None:
    assert WELL._replace(allowed=allowed, denied=denied).packets == packets


@pytest.mark.parametrize(
    ("changed", "disagrees"),
    [
        ({}, False),
        ({"verdict": "fail"}, True),
        ({"ready": False}, True),
        ({"allowed": False}, True),
        ({"denied": False}, True),
        ({"ready": False, "verdict": "fail"}, False),
    ],
)
def test_a_pass_promises_that_felix_is_ready_and_policy_in_force(changed: dict[str, object], disagrees: bool) -> None:
    assert WELL._replace(**changed).disagrees is disagrees  # type: ignore[arg-type]


def test_a_host_that_passed_and_does_not_work_comes_first() -> None:
    strict = WELL._replace(host="behind", verdict="fail", failed=["clock_sane"])
    missed = WELL._replace(host="dropping", allowed=False)
    lines = table([strict, WELL, missed]).splitlines()
    assert [line.split()[0] for line in lines[:3]] == ["host", "dropping", "behind"]
    assert "closed" in lines[1]
    assert "clock_sane" in lines[2]
    assert lines[-1] == "1 of 3 hosts: precheck and Felix agree"


def test_where_all_agree_only_that_is_said() -> None:
    assert table([WELL, WELL]) == "2 of 2 hosts: precheck and Felix agree\n"


def test_without_a_felix_nothing_runs_and_the_reason_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(ready_felix.VARIABLE, raising=False)
    assert main([]) == 0
    assert capsys.readouterr().out == "skipped: LAB_FELIX names no Felix\n"


def test_a_program_that_cannot_be_run_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "felix").write_text("")
    monkeypatch.setenv(ready_felix.VARIABLE, str(tmp_path / "felix"))
    with pytest.raises(LabError, match=r"is no program that can be run: name a built Felix or calico, or unset it"):
        ready_felix.program()


@pytest.mark.parametrize("parts", [True, False])
def test_felix_may_be_a_program_of_its_own_or_a_part_of_one(tmp_path: Path, parts: bool) -> None:
    program = tmp_path / "calico"
    program.write_text(f"#!{sys.executable}\nimport sys\nsys.exit({not parts} and len(sys.argv) > 1)\n")
    program.chmod(0o755)
    assert ready_felix.command(program) == [str(program), *(["component", "felix"] if parts else [])]


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"dataplane": "nftables", "encapsulation": "vxlan"}, {"FELIX_NFTABLESMODE": "Enabled"}),
        ({"dataplane": "bpf"}, {"FELIX_BPFENABLED": "true", "FELIX_NFTABLESMODE": "Disabled"}),
        ({"iptables_backend": "legacy"}, {"FELIX_IPTABLESBACKEND": "legacy"}),
        ({"encapsulation": "ipip_and_vxlan"}, {"FELIX_VXLANENABLED": "true", "FELIX_IPINIPENABLED": "true"}),
        ({}, {"FELIX_USAGEREPORTINGENABLED": "false", "FELIX_VXLANENABLED": "false"}),
    ],
)
def test_felix_is_told_what_the_host_is_checked_for(settings: dict[str, str], told: dict[str, str]) -> None:
    environment = ready_felix.environment("node", "http://198.18.0.1:1", settings)
    assert {name: environment[name] for name in told} == told
