# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where no namespace can be made, nothing is said about the kernel."""

from __future__ import annotations

import errno

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.host.no_evidence import NoEvidence
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.host.probes import namespace
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.host.probes.catalogue import Session


def test_one_namespace_does_for_all_questions_of_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = refusing(monkeypatch, 0)
    session = Session(1.0)
    assert [session.namespace(), session.inside(lambda _session: 1), session.inside(lambda _session: 2)] == [
        "network",
        1,
        2,
    ]
    assert len(asked) == 1


def refusing(monkeypatch: pytest.MonkeyPatch, *numbers: int) -> list[int]:
    """The kernel's answers to one unshare(2) after the other; 0 grants it."""
    asked: list[int] = []

    def unshare(flags: int) -> None:
        asked.append(flags)
        if numbers[len(asked) - 1]:
            raise OSError(numbers[len(asked) - 1], "")

    monkeypatch.setattr(namespace, "_unshare", unshare)
    return asked


def test_root_needs_no_user_namespace(monkeypatch: pytest.MonkeyPatch) -> None:
    refusing(monkeypatch, 0)
    assert namespace.make() == "network"


def test_without_root_a_user_namespace_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    refusing(monkeypatch, errno.EPERM, 0)
    assert namespace.make() == "user and network"


@pytest.mark.parametrize("number", [errno.EPERM, errno.ENOSPC, errno.EUSERS])
def test_without_either_become_is_needed(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    refusing(monkeypatch, errno.EPERM, number)
    with pytest.raises(NoEvidence, match="needs become"):
        namespace.make()


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOSPC])
def test_a_kernel_that_makes_no_namespace_is_not_said_to_lack_what_was_not_asked(
    monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    refusing(monkeypatch, number, number)
    with pytest.raises(OSError, match=f"Errno {number}"):
        Session(1.0).namespace()
    with pytest.raises(NoEvidence, match="no network namespace can be made"):
        Session(1.0).inside(lambda session: "not reached")
