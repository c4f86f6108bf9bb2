# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked for by architecture is checked before the host is touched."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._prepare import report
from ansible_collections.calico_ops.rollout.plugins.module_utils._prepare.request import problem_with

from tests.unit.prepare.hosts import EVERYTHING, UBUNTU_ON_A_PI, Trial


@pytest.mark.parametrize(
    ("option", "asked", "problem"),
    [
        ("extra_modules", {"arm64": ["x"]}, "the kernel's own (uname -m) is aarch64"),
        ("extra_modules", {"all": "x"}, "'x' is no list of names of modules"),
        ("extra_modules", {"all": ["x; reboot"]}, "is no list of names of modules"),
        ("extra_modules", {"all": ["-r"]}, "is no list of names of modules"),
        ("extra_sysctls", {"amd64": {}}, "the kernel's own (uname -m) is x86_64"),
        ("extra_sysctls", {"all": ["net.core.rmem_max"]}, "is no dictionary of names and values"),
        ("extra_sysctls", {"all": {"../x": 1}}, "is no name of a sysctl"),
        ("extra_sysctls", {"all": {"net.core.rmem_max": True}}, "write it as a number, or as text in quotes"),
        ("extra_sysctls", {"all": {"net.core.rmem_max": "1\nvm.x = 2"}}, "write it as a number, or as text in quotes"),
    ],
)
def test_a_mistake_names_the_option_the_architecture_and_what_is_allowed(option: str, asked: Any, problem: str) -> None:
    said = problem_with({"extra_modules": {}, "extra_sysctls": {}, option: asked})
    assert said is not None
    assert said.startswith(f"{option}: {next(iter(asked))}: ")
    assert problem in said


def test_what_is_right_is_not_complained_about() -> None:
    right = {
        "extra_modules": {"all": ["xt_set"], "riscv64": ["nf-nat"]},
        "extra_sysctls": {"all": {"net.core.rmem_max": 1}},
    }
    assert problem_with(right) is None


def test_the_result_and_the_diff_show_each_change_once(tmp_path: Any) -> None:
    plan = Trial(tmp_path, UBUNTU_ON_A_PI).plan(**EVERYTHING)
    found = report.result(plan, plan.unmet)
    assert found["sysctls"] == [{"name": "net.ipv4.ip_forward", "before": "0", "after": "1"}]
    assert found["packages"] == ["linux-modules-extra-raspi"]
    assert found["files"] == ["/etc/modules-load.d/calico-ops.conf", "/etc/sysctl.d/99-calico-ops.conf"]
    parts = {part["after_header"]: (part["before"], part["after"]) for part in report.diff(plan)}
    assert parts["sysctls of the running kernel"] == ("net.ipv4.ip_forward = 0\n", "net.ipv4.ip_forward = 1\n")
    assert "xt_set\n" in parts["modules that were not loaded"][1]
    assert set(found["files"]) <= set(parts)
