# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""No check says ok without having read anything."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.facts import Facts
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.host import gather
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.host.probes import catalogue
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.host.probes.catalogue import find
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.host.sweeps import network
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.host.sweeps.root import Root
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.questions import asked_of
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.rules.catalogue import CATALOGUE
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.rules.declaration import (
    Check,
    Want,
    conduct,
)

from tests.unit.precheck.kernels import WANTS, RawFacts

BARE = ("proc", "sys", "etc", "run", "var", "usr", "lib", "opt", "boot")


def good(check: Check, facts: RawFacts, wants: list[Want] = WANTS) -> list[str]:
    found = [conduct(check, Facts(facts), want) for want in wants]
    return [judgement.message for judgement in found if judgement.status == "ok"]


@pytest.mark.parametrize("check", CATALOGUE, ids=lambda check: check.id)
def test_every_check_applies_to_one_of_the_settings_that_are_tried(check: Check) -> None:
    assert [want for want in WANTS if check.applies.holds(want)]


@pytest.mark.parametrize("check", CATALOGUE, ids=lambda check: check.id)
def test_without_any_fact_nothing_is_well(check: Check) -> None:
    assert good(check, {}) == []


@pytest.fixture(scope="module", params=["missing", "bare"])
def empty_host(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[RawFacts]:
    """What is gathered, for each of the settings, where no file system of a host is to be seen and no kernel answers."""
    base = tmp_path_factory.mktemp("empty")
    if request.param == "bare":
        for name in BARE:
            (base / name).mkdir()

    def silent() -> None:
        raise OSError(95, "nobody is there")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gather.os, "uname", lambda: os.uname_result(("", "", "", "", "")))
        patch.setattr(gather, "find", lambda name: find(name)._replace(ask=lambda session: silent()))
        patch.setattr(network, "dump", lambda kind, body: silent())
        patch.setattr(catalogue.namespace, "make", silent)
        patch.setattr(gather, "speaks_tls", lambda endpoint, timeout: silent())
        return [gather.gather(asked_of(want, deadline=60.0), Root(str(base)))["facts"] for want in WANTS]


@pytest.mark.parametrize("check", CATALOGUE, ids=lambda check: check.id)
def test_on_an_empty_host_nothing_is_well(check: Check, empty_host: list[RawFacts]) -> None:
    assert [message for want, facts in zip(WANTS, empty_host) for message in good(check, facts, [want])] == []


def test_what_is_absent_below_what_is_there_is_evidence(tmp_path: Path) -> None:
    (tmp_path / "proc/self").mkdir(parents=True)
    assert Root(str(tmp_path)).read("/proc/modules") is None
