# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rollout that is killed, at whatever instant, goes on with the next run and ends where an undisturbed one ends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import Plan

from tests.lab.audit import AuditEvent
from tests.lab.calico import ADDRESSES
from tests.lab.claims import claimed_lab
from tests.lab.eventually import eventually
from tests.lab.hosts import HostSpec
from tests.lab.killing import held, kill_tree
from tests.lab.lab import Lab
from tests.lab.modules import Modules
from tests.lab.player import Player
from tests.lab_tests.modules.test_installation_scope import INSTALLATION, ready_nodes
from tests.lab_tests.modules.test_rollout_step import played
from tests.locks import PLACE
from tests.plans import KEY, plan_of

pytestmark = [pytest.mark.ansible, pytest.mark.operator]

NODES = ["a", "b", "c", "d"]
OWN = "calico-ops.dev/"


def the_plan() -> Plan:
    return plan_of(NODES[:3], NODES[3:], soak=2, batch_timeout=120)


def labelled(lab: Lab) -> set[str]:
    return {node["metadata"]["name"] for node in lab.admin.list("/api/v1/nodes", labelSelector=f"{KEY}=true")}


@dataclass(frozen=True)
class EndState:
    """What a rollout leaves in the cluster, without what no two clusters share."""

    nodes: dict[str, dict[str, str]]
    installation: dict[str, Any]
    managers: list[tuple[str, str]]
    ready: set[str]

    @classmethod
    def of(cls, lab: Lab) -> EndState:
        installation = lab.admin.get(INSTALLATION)
        return cls(
            nodes={node["metadata"]["name"]: _own(node["metadata"]) for node in lab.admin.list("/api/v1/nodes")},
            installation=installation["spec"],
            managers=sorted(
                (entry["manager"], entry["operation"])
                for entry in installation["metadata"]["managedFields"]
                if "subresource" not in entry
            ),
            ready=ready_nodes(lab),
        )


def _own(metadata: dict[str, Any]) -> dict[str, str]:
    everything = {**metadata["labels"], **metadata.get("annotations", {})}
    return {key: value for key, value in everything.items() if OWN in key and not key.startswith("lab.")}


@contextmanager
def at_write(lab: Lab, resource: str, name: str) -> Iterator[Callable[[], bool]]:
    with held(lab, resource, name) as gate:
        yield lambda: gate.holds


@contextmanager
def while_waiting(lab: Lab) -> Iterator[Callable[[], bool]]:
    """For a node that comes late: the selector is in force, some nodes are ready, one is not."""
    lab.set_fault("b", "late:600")
    yield lambda: {"a", "c"} <= ready_nodes(lab)
    lab.set_fault("b", None)


@contextmanager
def while_soaking(lab: Lab) -> Iterator[Callable[[], bool]]:
    yield lambda: set(NODES[:3]) <= ready_nodes(lab)


INSTANTS: dict[str, Callable[[Lab], Any]] = {
    "in the midst of a batch's labels": lambda lab: at_write(lab, "nodes", "b"),
    "between the labels and the selector": lambda lab: at_write(lab, "installations", "default"),
    "while a batch is waited for": while_waiting,
    "once a batch is ready": while_soaking,
    "at the first label of the next batch": lambda lab: at_write(lab, "nodes", "d"),
}
SEEN = {
    "in the midst of a batch's labels": ({"a"}, False),
    "between the labels and the selector": ({"a", "b", "c"}, False),
    "while a batch is waited for": ({"a", "b", "c"}, True),
    "at the first label of the next batch": ({"a", "b", "c"}, True),
}
"""Which nodes are labelled when it is killed, and whether there is an Installation."""


@pytest.fixture(scope="module")
def undisturbed(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> EndState:
    lab.reset()
    add_nodes(lab)
    played(Modules(lab, tmp_path_factory.mktemp("undisturbed")), the_plan())
    return EndState.of(lab)


def add_nodes(lab: Lab) -> None:
    for name in NODES:
        lab.add_node(name)


def carried_out(events: list[AuditEvent]) -> Counter[tuple[str, str, str]]:
    """The writes that took effect; one whose caller was killed before the answer may have come to nothing."""
    return Counter((event.verb, event.resource, event.name) for event in events if 200 <= event.code < 300)


@pytest.mark.parametrize("instant", INSTANTS)
def test_the_next_run_goes_on_and_ends_in_the_same_state_with_one_write_a_node(
    undisturbed: EndState, cluster: Lab, tmp_path: Path, instant: str
) -> None:
    add_nodes(cluster)
    since = cluster.audit.position()
    options: dict[str, Any] = {"plan": the_plan(), "installation_spec": ADDRESSES, "concurrency": 1, "max_duration": 60}
    with INSTANTS[instant](cluster) as has_come:
        if instant == "at the first label of the next batch":  # which the call after this one begins
            options["state"] = Modules(cluster, tmp_path).run("rollout_step", **options)["state"]
        process = Modules(cluster, tmp_path).start("rollout_step", **options)
        eventually(has_come)
        kill_tree(process)
    if instant in SEEN:
        assert (labelled(cluster), cluster.admin.get_or_none(INSTALLATION) is not None) == SEEN[instant]
    assert str(process.pid) in cluster.admin.get(PLACE.path)["spec"]["holderIdentity"], "it had no time to let it go"
    calls = played(Modules(cluster, tmp_path), the_plan())
    assert calls[-1]["outcome"] == "done"
    assert calls[0]["state"]["lock"]["held_as"], "the lock of a run that was killed here is free at once"
    assert EndState.of(cluster) == undisturbed
    written = carried_out(cluster.audit.writes(since, user=cluster.collection_user))
    assert written == Counter([("create", "installations", "default"), *(("patch", "nodes", name) for name in NODES)])


@pytest.fixture(scope="module")
def player(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Player]:
    with claimed_lab("-kill") as lab:
        lab.up([HostSpec(f"host-{number}") for number in (1, 2, 3)])
        try:
            yield Player(lab, tmp_path_factory.mktemp("killed"))
        finally:
            lab.down()


def test_a_playbook_that_was_killed_goes_on_when_it_is_run_again(player: Player) -> None:
    lab, hosts = player.lab, {"host-1", "host-2", "host-3"}
    tiers: dict[str, Any] = {"rollout_tiers": [{"name": "all", "selector": "", "batch_size": 2}]}
    since = lab.audit.position()
    process = player.start("first", "rollout", **tiers)
    eventually(lambda: labelled(lab) == {"host-1", "host-2"} and lab.admin.get_or_none(INSTALLATION))
    kill_tree(process)
    second = player.play("second", "rollout", **tiers)
    assert (second.code, second.report["outcome"]) == (0, "done")
    assert ready_nodes(lab) == hosts
    written = carried_out(lab.audit.writes(since, user=lab.collection_user))
    assert written == Counter([("create", "installations", "default"), *(("patch", "nodes", name) for name in hosts)])
    third = player.play("third", "rollout", **tiers)
    assert (third.code, third.changed, third.writes) == (0, 0, [])
