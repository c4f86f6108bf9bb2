# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Lease between two runs: who has it, who waits, and what its holder learns of its loss."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster import lease as lease_module
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.lease import Lease, Place, read, rights
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.processes import of_this_machine
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.client import ApiError
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.errors import RolloutError
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.kubernetes.lease import Holder

from tests.lab.eventually import eventually
from tests.unit.kube.fake_api import FakeApi, Reply, Request, fake_api, status

from .leases import Leases

PLACE = Place("kube-system", "rollout")
THEIRS = {"holderIdentity": "bob", "leaseDurationSeconds": 120, "acquireTime": "2026-01-02T03:04:05.000000Z"}


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease_module, "renew_every", lambda _duration: 0.05)


@pytest.fixture
def leases() -> Leases:
    return Leases()


@pytest.fixture
def api(leases: Leases) -> Iterator[FakeApi]:
    with fake_api(leases.answer) as running:
        yield running


@contextmanager
def ours(api: FakeApi, name: str = "alice", **more: Any) -> Iterator[Lease]:
    lease = Lease(api.cluster(), PLACE, Holder(name), 120, **more)
    try:
        yield lease
    finally:
        lease.leave()


def test_the_first_run_creates_it_and_renews_it(leases: Leases, api: FakeApi) -> None:
    with ours(api) as lease:
        assert lease.try_to_take()
        eventually(lambda: len(leases.writes) > 3, 30)
        assert lease.lost is None
    specs = [write["spec"] for write in leases.writes]
    assert {spec["holderIdentity"] for spec in specs} == {"alice"}
    assert len({spec["acquireTime"] for spec in specs}) == 1
    assert len({spec["renewTime"] for spec in specs}) == len(specs)


def test_a_second_run_does_not_get_it_and_is_told_who_has_it(leases: Leases, api: FakeApi) -> None:
    leases.put("rollout", THEIRS)
    with ours(api) as lease:
        assert not lease.try_to_take()
        assert lease.other is not None
        assert (lease.other.holder, lease.other.acquired) == ("bob", "2026-01-02T03:04:05Z")
    assert leases.writes == []


def test_a_holder_that_is_gone_from_this_machine_is_replaced_at_once(leases: Leases, api: FakeApi) -> None:
    child = subprocess.Popen(["true"])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    gone = Lease(api.cluster(), PLACE, Holder("bob", of_this_machine(child.pid)), 120)
    assert gone.try_to_take()
    gone.leave()
    child.wait()
    with ours(api) as lease:
        assert lease.try_to_take()
    assert leases.holder("rollout") == "alice"


def test_a_holder_that_lives_on_this_machine_is_not_replaced(leases: Leases, api: FakeApi) -> None:
    living = Lease(api.cluster(), PLACE, Holder("bob", of_this_machine(os.getpid())), 120)
    assert living.try_to_take()
    living.leave()
    with ours(api) as lease:
        assert not lease.try_to_take()


def test_a_lease_that_nobody_renews_is_taken_after_its_duration(
    leases: Leases, api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    leases.put("rollout", THEIRS)
    now = 1000.0
    monkeypatch.setattr(lease_module.time, "monotonic", lambda: now)
    with ours(api, watch={"version": str(leases.version), "seconds": 60.0}) as lease:
        assert not lease.try_to_take()
        now = 1059.0
        assert not lease.try_to_take()
        now = 1060.0
        assert lease.try_to_take()


def test_a_renewal_by_its_holder_starts_the_wait_anew(
    leases: Leases, api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    leases.put("rollout", THEIRS)
    now = 1000.0
    monkeypatch.setattr(lease_module.time, "monotonic", lambda: now)
    with ours(api) as lease:
        assert not lease.try_to_take()
        leases.put("rollout", THEIRS)
        now = 1119.0
        assert not lease.try_to_take()
        now = 1130.0
        assert not lease.try_to_take()


def test_of_two_runs_that_create_it_at_once_one_waits(leases: Leases) -> None:
    def answer(request: Request, number: int) -> Reply:
        reply = leases.answer(request, number)
        if number == 0:
            leases.put("rollout", THEIRS)  # after the first look, before the first write
        return reply

    with fake_api(answer) as api, ours(api) as lease:
        assert not lease.try_to_take()
        assert not lease.try_to_take()
        assert lease.other is not None
        assert lease.other.holder == "bob"


def test_of_two_runs_that_take_it_at_once_one_waits(leases: Leases) -> None:
    leases.put("rollout", {**THEIRS, "holderIdentity": ""})

    def answer(request: Request, number: int) -> Reply:
        reply = leases.answer(request, number)
        if number == 0:
            leases.put("rollout", THEIRS)
        return reply

    with fake_api(answer) as api, ours(api) as lease:
        assert not lease.try_to_take()
    assert leases.holder("rollout") == "bob"


def test_a_namespace_that_is_missing_is_named() -> None:
    with (
        fake_api(lambda _request, _number: status(404, "NotFound")) as api,
        ours(api) as lease,
        pytest.raises(RolloutError, match="there is no namespace kube-system"),
    ):
        lease.try_to_take()


def test_a_refusal_is_no_other_holder(leases: Leases, api: FakeApi) -> None:
    leases.refusal = status(403, "Forbidden", "leases is forbidden")
    with ours(api) as lease, pytest.raises(ApiError, match="leases is forbidden"):
        lease.try_to_take()


def test_a_renewal_without_an_answer_does_not_lose_it(leases: Leases) -> None:
    renewals: list[Request] = []

    def answer(request: Request, number: int) -> Reply:
        reply = leases.answer(request, number)
        if request.method == "PUT":
            renewals.append(request)
            # Carried out, but the answer is a conflict: the client had sent it twice.
            return status(409, "Conflict") if len(renewals) == 2 else reply
        return reply

    with fake_api(answer) as api, ours(api) as lease:
        assert lease.try_to_take()
        eventually(lambda: len(renewals) > 4, 30)
        assert lease.lost is None


@pytest.mark.parametrize(
    ("does", "told"),
    [
        (lambda leases: leases.put("rollout", THEIRS), "bob has it since 2026-01-02T03:04:05"),
        (lambda leases: leases.put("rollout", {**THEIRS, "holderIdentity": ""}), "somebody released it"),
        (lambda leases: leases.delete("rollout"), "somebody deleted it"),
    ],
)
def test_a_loss_is_noticed_by_itself_and_told(leases: Leases, api: FakeApi, does: Any, told: str) -> None:
    noticed: list[str] = []
    with ours(api) as lease:
        lease.on_loss = lambda: noticed.append("yes")
        assert lease.try_to_take()
        does(leases)
        eventually(lambda: noticed, 30)
        assert told in str(lease.lost)
        lease.release()
    assert leases.objects.get("rollout", {}).get("spec", {}).get("holderIdentity") != "alice"


def test_it_is_held_without_an_answer_until_the_time_is_up(
    leases: Leases, api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(lease_module, "renew_every", lambda _duration: 1000.0)
    monkeypatch.setattr(lease_module, "RENEWAL_SECONDS", 0.3)
    with ours(api) as lease:
        assert lease.try_to_take()
        leases.refusal = status(503, "ServiceUnavailable", "starting")
        real = lease._renewed
        lease.renew()
        assert lease.lost is None
        monkeypatch.setattr(lease_module.time, "monotonic", lambda: real + now)
        now = 80.0
        assert lease.lost is None
        now = 80.1
        assert "could not be renewed for 80 s: 503" in str(lease.lost)


def test_a_credential_that_is_refused_for_a_while_does_not_end_the_renewals(
    leases: Leases, api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    def expired(_method: str, _path: str, **_more: Any) -> Any:
        raise RolloutError("The exec plugin gave no credential")

    with ours(api) as lease:
        assert lease.try_to_take()
        with monkeypatch.context() as broken:
            broken.setattr(lease._cluster, "request", expired)
            lease.renew()
            assert lease.lost is None
        before = len(leases.writes)
        eventually(lambda: len(leases.writes) > before + 1, 30)


def test_whoever_lost_it_writes_it_no_more(leases: Leases, api: FakeApi) -> None:
    with ours(api) as lease:
        assert lease.try_to_take()
        lease.lose("told so")
        before = len(leases.writes)
        lease.renew()
        assert len(leases.writes) == before


def test_a_release_lets_the_next_run_have_it_at_once(leases: Leases, api: FakeApi) -> None:
    with ours(api) as lease:
        assert lease.try_to_take()
        lease.release()
        assert leases.holder("rollout") == ""
    with ours(api, "bob") as next_one:
        assert next_one.try_to_take()
    assert leases.objects["rollout"]["spec"]["leaseTransitions"] == 1


def test_the_next_call_of_a_run_goes_on_with_it(leases: Leases, api: FakeApi) -> None:
    with ours(api) as lease:
        assert lease.try_to_take()
        acquired = leases.objects["rollout"]["spec"]["acquireTime"]
    with ours(api) as following:
        assert following.try_to_take()
    assert leases.objects["rollout"]["spec"]["acquireTime"] == acquired


def test_a_run_whose_first_process_has_ended_loses_it(
    leases: Leases, api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease_module, "LOOK_EVERY", 0.05)
    wanted = [True]
    with ours(api, wanted=lambda: wanted[0]) as lease:
        assert lease.try_to_take()
        wanted[0] = False
        eventually(lambda: lease.lost, 30)
        assert lease.lost == "the process that began the run has ended"
        lease.release()
    assert leases.holder("rollout") == ""


def test_a_lease_is_read_without_a_claim_to_it(leases: Leases, api: FakeApi) -> None:
    assert read(api.cluster(), PLACE) is None
    leases.put("rollout", THEIRS)
    found = read(api.cluster(), PLACE)
    assert found is not None
    assert found.holder == "bob"


def test_its_permissions_can_be_bound_to_its_name() -> None:
    assert [str(one) for one in rights(PLACE)] == [
        f"{verb} leases.coordination.k8s.io rollout in kube-system" for verb in ("get", "create", "update")
    ]
