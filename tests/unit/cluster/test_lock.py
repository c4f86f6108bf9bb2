# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rollout's lock over the calls of a run, and between runs."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster import lease, lock
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.lock import (
    foreseen,
    lock_settings,
    look,
    look_if_allowed,
    this_run,
    unlock,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.processes import of_this_machine
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.client import Cluster
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.errors import RolloutError
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.kubernetes.lease import Processes, seen

from tests.lab.eventually import eventually
from tests.locks import FREE, PLACE, THIS_RUN, lock_of
from tests.unit.kube.fake_api import Reply, Request, fake_api, status

from .leases import Leases

NAME = PLACE.name
THEIRS = {"holderIdentity": "bob@ci-8", "leaseDurationSeconds": 120, "acquireTime": "2026-01-02T03:04:05.000000Z"}
STATE = {"lock": FREE}
HELD = {"lock": {**FREE, "held_as": THIS_RUN}}


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "LOOK_PAUSE", 0.0)


@pytest.fixture
def leases() -> Leases:
    return Leases()


@pytest.fixture
def cluster(leases: Leases) -> Iterator[Cluster]:
    with fake_api(leases.answer) as api:
        yield api.cluster()


def test_a_run_keeps_it_between_its_calls_and_gives_it_back_with_the_last(leases: Leases, cluster: Cluster) -> None:
    with lock_of(cluster, STATE) as first:
        first.look()
        assert first.standing.held_as == THIS_RUN
    assert leases.holder(NAME) == THIS_RUN
    with lock_of(cluster, HELD) as second:
        second.look()
        assert second.standing.held_as == THIS_RUN
        second.release()
    assert leases.holder(NAME) == ""


def test_a_call_that_fails_gives_it_back(leases: Leases, cluster: Cluster) -> None:
    def call() -> None:
        with lock_of(cluster, STATE) as held:
            held.look()
            raise RolloutError("401 Unauthorized")

    with pytest.raises(RolloutError, match="401"):
        call()
    assert leases.holder(NAME) == ""


def test_another_holder_is_named_with_the_time_and_what_was_seen_of_it(leases: Leases, cluster: Cluster) -> None:
    leases.put(NAME, THEIRS)
    with lock_of(cluster, STATE, timeout=7) as waiting:
        waiting.look()
        standing = waiting.standing
    assert (standing.held_as, standing.holder, standing.since) == (None, "bob@ci-8", "2026-01-02T03:04:05Z")
    assert (standing.lease, standing.timeout) == ("Lease kube-system/calico-ops-rollout", 7)
    assert standing.watched == {"version": str(leases.version), "seconds": 0.0}
    assert leases.writes == []


def test_what_a_call_has_seen_of_a_silent_holder_counts_in_the_next(leases: Leases, cluster: Cluster) -> None:
    leases.put(NAME, THEIRS)
    watched = {"version": str(leases.version), "seconds": 119.9}
    with lock_of(cluster, {"lock": {**FREE, "watched": watched}}) as waiting:
        waiting.look()
        assert waiting.standing.held_as is None
    with lock_of(cluster, {"lock": {**FREE, "watched": {**watched, "seconds": 120.0}}}) as waiting:
        waiting.look()
        assert waiting.standing.held_as == THIS_RUN


@pytest.mark.parametrize(
    ("holder", "told"), [("bob@ci-8", "bob@ci-8 has it since 2026-01-02T03:04:05Z"), ("", "somebody released it")]
)
def test_a_run_that_had_it_and_has_it_no_more_does_not_take_it_again(
    leases: Leases, cluster: Cluster, holder: str, told: str
) -> None:
    leases.put(NAME, {**THEIRS, "holderIdentity": holder})
    with lock_of(cluster, HELD) as held:
        held.look()
        held.look()
        assert (held.standing.lost, held.standing.held_as) == (told, None)
        held.release()
    assert leases.writes == []


def test_a_state_of_another_run_claims_nothing(leases: Leases, cluster: Cluster) -> None:
    with lock_of(cluster, {"lock": {**FREE, "held_as": "the run before"}}) as held:
        held.look()
        assert held.standing.held_as == THIS_RUN


def test_it_is_renewed_right_before_a_write(leases: Leases, cluster: Cluster) -> None:
    with lock_of(cluster, STATE) as held:
        held.look()
        leases.put(NAME, THEIRS)
        assert held.standing.held_as == THIS_RUN
        held.renew()
        assert held.standing.lost is not None


def test_a_call_whose_playbook_was_killed_loses_it_and_gives_it_back(
    leases: Leases, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "LOOK_EVERY", 0.05)
    woken: list[str] = []
    with (
        subprocess.Popen(["sleep", "600"]) as playbook,
        lock_of(cluster, STATE, process=of_this_machine(playbook.pid)) as held,
    ):
        held.wakes(lambda: woken.append("up"))
        held.look()
        assert held.standing.held_as == THIS_RUN
        playbook.kill()
        eventually(lambda: woken, 30)
        assert held.standing.lost == "the process that began the run has ended"
        held.release()
    assert leases.holder(NAME) == ""


def test_a_run_is_the_playbook_and_the_call() -> None:
    here = of_this_machine(os.getpid(), os.getppid())
    assert here is not None
    call, playbook = here.processes
    run = this_run({"name": "alice", "machine": here.machine, "pid": playbook.pid, "started": playbook.started})
    assert run.holder.processes == Processes(here.machine, (playbook, call))
    assert run.goes_on()
    ended = this_run({"name": "alice", "machine": here.machine, "pid": playbook.pid, "started": playbook.started - 1})
    assert not ended.goes_on()


@pytest.mark.parametrize(
    "where", [{"machine": "elsewhere", "pid": 1, "started": 1}, {"machine": None, "pid": None, "started": None}]
)
def test_a_playbook_on_another_machine_is_never_taken_for_gone(where: dict[str, Any]) -> None:
    run = this_run({"name": "alice", **where})
    assert run.holder.processes is None
    assert run.goes_on()


def test_a_call_without_a_playbook_is_a_run_of_its_own() -> None:
    first, second = this_run(None), this_run(None)
    assert first.holder.name != second.holder.name
    assert first.holder.processes == of_this_machine(os.getpid())
    assert first.goes_on()


def settings(**given: Any) -> Any:
    options = {"namespace": "kube-system", "name": "x", "duration": 120, "lock_timeout": 180, **given}
    return lock_settings({"lock_timeout": options.pop("lock_timeout"), "lock": options})


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"duration": 9}, "lock.duration: 9 is not between 10 and 3600"),
        ({"duration": 3601}, "lock.duration: 3601 is not"),
        ({"lock_timeout": -1}, "lock_timeout: -1 is not between 0 and 86400"),
        ({"namespace": "kube/system"}, 'lock.namespace: "kube/system" is no name'),
        ({"name": ""}, 'lock.name: "" is no name'),
    ],
)
def test_a_wrong_option_is_named_with_what_is_allowed(given: dict[str, Any], told: str) -> None:
    with pytest.raises(RolloutError, match=told):
        settings(**given)


def test_check_mode_names_the_holder_and_takes_nothing(leases: Leases, cluster: Cluster) -> None:
    assert foreseen(cluster, settings(name=NAME)) == []
    leases.put(NAME, THEIRS)
    (told,) = foreseen(cluster, settings(name=NAME))
    assert told.startswith("bob@ci-8 holds the rollout's lock (Lease kube-system/calico-ops-rollout) since 2026-01-02")
    leases.put(NAME, {**THEIRS, "holderIdentity": ""})
    assert foreseen(cluster, settings(name=NAME)) == []
    assert leases.writes == []


def test_check_mode_says_nothing_of_a_holder_that_is_gone_from_this_machine(leases: Leases, cluster: Cluster) -> None:
    with subprocess.Popen(["sleep", "600"]) as playbook:
        with lock_of(cluster, STATE, process=of_this_machine(playbook.pid)) as held:
            held.look()
        assert foreseen(cluster, settings(name=NAME)) != []
        playbook.kill()
    assert seen(leases.objects[NAME]).holder == THIS_RUN
    assert foreseen(cluster, settings(name=NAME)) == []


def test_whoever_looks_sees_the_holder_and_takes_nothing(leases: Leases, cluster: Cluster) -> None:
    free = {"lease": "kube-system/calico-ops-rollout", "holder": None, "since": None, "renewed": None, "gone": False}
    assert look(cluster, PLACE) == free
    leases.put(NAME, {**THEIRS, "renewTime": "2026-01-02T03:05:05.000000Z"})
    held = {"holder": "bob@ci-8", "since": "2026-01-02T03:04:05Z", "renewed": "2026-01-02T03:05:05Z"}
    assert look(cluster, PLACE) == {**free, **held}
    assert look_if_allowed(cluster, PLACE) == ({**free, **held}, None)
    assert leases.writes == []
    leases.refusal = status(403, "Forbidden")
    found, why = look_if_allowed(cluster, PLACE)
    assert (found, why) == (
        None,
        "the account may not read it, which takes get leases.coordination.k8s.io calico-ops-rollout in kube-system",
    )


def test_unlock_takes_it_from_its_holder_who_learns_that(leases: Leases, cluster: Cluster) -> None:
    with lock_of(cluster, STATE) as held:
        held.look()
        assert unlock(cluster, PLACE)["holder"] == THIS_RUN
        held.renew()
        assert held.standing.lost == "somebody released it"
    assert unlock(cluster, PLACE)["holder"] is None
    assert leases.holder(NAME) == ""


def test_unlock_where_nobody_has_it_writes_nothing(leases: Leases, cluster: Cluster) -> None:
    assert unlock(cluster, PLACE)["holder"] is None
    assert leases.writes == []


def test_unlock_meets_a_renewal_and_tries_again(leases: Leases) -> None:
    leases.put(NAME, THEIRS)

    def answer(request: Request, number: int) -> Reply:
        if number == 1:
            leases.put(NAME, THEIRS)  # between the look and the write
        return leases.answer(request, number)

    with fake_api(answer) as api:
        assert unlock(api.cluster(), PLACE)["holder"] == "bob@ci-8"
    assert leases.holder(NAME) == ""


def test_unlock_gives_up_on_a_lease_that_is_written_all_the_time(leases: Leases) -> None:
    leases.put(NAME, THEIRS)

    def answer(request: Request, number: int) -> Reply:
        if request.method == "PUT":
            return status(409, "Conflict")
        return leases.answer(request, number)

    with fake_api(answer) as api, pytest.raises(RolloutError, match="is written all the time"):
        unlock(api.cluster(), PLACE)
