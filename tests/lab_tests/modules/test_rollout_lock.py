# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two rollouts never write at once: the second one waits with the first one's name, or is refused with it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.processes import of_this_machine
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.client import Cluster
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.connection import Connection
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import Plan

from tests.lab.calico import ADDRESSES
from tests.lab.eventually import eventually
from tests.lab.lab import Lab
from tests.lab.modules import PLAYBOOK, Modules
from tests.lab_tests.modules.test_rollout_step import played
from tests.lab_tests.playbooks.test_status import Told
from tests.locks import FREE, PLACE, THIS_RUN, lock_of
from tests.plans import KEY, plan_of

pytestmark = pytest.mark.operator

ROLE = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{PLACE.namespace}/roles/calico-ops-rollout"
STATE = {"lock": FREE}


@pytest.fixture
def nodes(cluster: Lab) -> Lab:
    for name in ("a", "b", "c"):
        cluster.add_node(name)
    return cluster


def holder(lab: Lab) -> str:
    lease = lab.admin.get_or_none(PLACE.path)
    return "" if lease is None else str(lease["spec"].get("holderIdentity") or "")


def labelled(lab: Lab) -> set[str]:
    return {node["metadata"]["name"] for node in lab.admin.list("/api/v1/nodes", labelSelector=f"{KEY}=true")}


def written(lab: Lab, since: int) -> Counter[tuple[str, str]]:
    return Counter((event.verb, event.name) for event in lab.audit.writes(since, user=lab.collection_user))


@contextmanager
def connected(lab: Lab) -> Iterator[Cluster]:
    cluster = Cluster(Connection({"kubeconfig": str(lab.kubeconfig)}))
    try:
        yield cluster
    finally:
        cluster.close()


class Playbook:
    """A rollout in an ansible-playbook of its own, as a colleague's terminal has it."""

    def __init__(self, lab: Lab, directory: Path, plan: Plan, **options: Any) -> None:
        directory.mkdir()
        self._output = directory / "output"
        task = {"plan": plan, "installation_spec": ADDRESSES, "kubeconfig": str(lab.kubeconfig), **options}
        book = {
            "hosts": "localhost",
            "connection": "local",
            "gather_facts": False,
            "vars": {"ansible_python_interpreter": sys.executable},
            "tasks": [
                {"calico_ops.rollout.rollout_step": task, "register": "step"},
                {"debug": {"var": "step.outcome"}},
            ],
        }
        (directory / "play.yml").write_text(json.dumps([book]))
        with self._output.open("w") as output:
            self.process = subprocess.Popen(
                [str(PLAYBOOK), "--inventory=localhost,", str(directory / "play.yml")],
                env={**os.environ, "ANSIBLE_HOME": str(directory / "home"), "ANSIBLE_PIPELINING": "true"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    @property
    def said(self) -> str:
        return self._output.read_text()

    def ended(self) -> str:
        assert self.process.wait(timeout=180) == 0, self.said
        return self.said


@pytest.mark.ansible
def test_of_two_rollouts_at_once_the_second_waits_with_the_firsts_name_and_then_finds_all_done(
    nodes: Lab, tmp_path: Path
) -> None:
    since = nodes.audit.position()
    nodes.set_fault("c", "late:600")  # so that the first one goes on until the second one waits
    first = Playbook(nodes, tmp_path / "first", plan_of(["a", "b", "c"], soak=1))
    name = eventually(lambda: holder(nodes))
    assert f"_{first.process.pid}_" in name
    second = Playbook(nodes, tmp_path / "second", plan_of(["a", "b", "c"], soak=1))
    eventually(lambda: f"waiting for {name}, which holds the rollout's lock" in second.said)
    nodes.set_fault("c", None)
    assert '"step.outcome": "done"' in first.ended()
    assert '"step.outcome": "done"' in second.ended()
    assert written(nodes, since) == {("create", "default"): 1, **{("patch", node): 1 for node in ("a", "b", "c")}}
    assert holder(nodes) == ""


@pytest.mark.ansible
def test_a_run_that_loses_the_lock_stops_before_its_next_write(nodes: Lab, tmp_path: Path) -> None:
    first = Playbook(nodes, tmp_path / "first", plan_of(["a", "b"], ["c"], soak=8))
    eventually(lambda: labelled(nodes) == {"a", "b"})
    name = holder(nodes)
    unlocked = Told(nodes, tmp_path, playbook="unlock")
    assert (unlocked.code, f"{name} held the lock kube-system/calico-ops-rollout since" in unlocked.text) == (0, True)
    said = first.ended()
    assert '"step.outcome": "stopped"' in said
    assert "lost the rollout's lock (Lease kube-system/calico-ops-rollout): somebody released it" in said
    assert labelled(nodes) == {"a", "b"}


@pytest.mark.ansible
def test_a_call_that_outlives_its_playbook_writes_nothing_more_and_the_next_run_goes_on(
    nodes: Lab, modules: Modules, tmp_path: Path
) -> None:
    since = nodes.audit.position()
    first = Playbook(nodes, tmp_path / "first", plan_of(["a", "b"], ["c"], soak=2))
    eventually(lambda: labelled(nodes) == {"a", "b"})
    first.process.send_signal(signal.SIGKILL)
    first.process.wait()
    assert played(modules, plan_of(["a", "b"], ["c"], soak=2))[-1]["outcome"] == "done"
    assert written(nodes, since) == {("create", "default"): 1, **{("patch", node): 1 for node in ("a", "b", "c")}}


@pytest.mark.ansible
def test_whoever_comes_while_another_run_holds_it_reads_its_name_everywhere_and_writes_nothing(
    nodes: Lab, modules: Modules, tmp_path: Path
) -> None:
    options: dict[str, Any] = {"plan": plan_of(["a", "b", "c"]), "installation_spec": ADDRESSES}
    assert modules.run("rollout_lock")["lock"]["holder"] is None
    with connected(nodes) as cluster, lock_of(cluster, STATE, process=of_this_machine(os.getpid())) as held:
        held.look()
        assert held.standing.held_as == THIS_RUN
        refused = modules.run("rollout_step", lock_timeout=0, **options)
        assert (refused["outcome"], refused.writes, holder(nodes)) == ("stopped", [], THIS_RUN)
        assert refused["report"]["reason"].startswith(f"{THIS_RUN} holds the rollout's lock")
        rehearsal = modules.run("rollout_step", check=True, **options)
        assert (rehearsal["outcome"], rehearsal["report"]["notes"][0].split()[0]) == ("done", THIS_RUN)
        status = modules.run("rollout_info")["status"]
        assert (status["lock"]["holder"], status["lock"]["gone"]) == (THIS_RUN, False)
        assert modules.run("rollout_lock")["lock"] == status["lock"]
        assert f"A rollout is under way: {THIS_RUN} holds the lock" in Told(nodes, tmp_path).text
        foreseen = modules.run("rollout_lock", check=True, state="absent")
        assert (foreseen["changed"], holder(nodes)) == (True, THIS_RUN)
        nodes.admin.delete(PLACE.path)
        held.renew()
        assert held.standing.lost == "somebody deleted it"
    assert nodes.admin.get_or_none(PLACE.path) is None


def test_a_lock_that_nobody_renews_is_free_after_its_duration_and_not_before(nodes: Lab, modules: Modules) -> None:
    with connected(nodes) as cluster, lock_of(cluster, STATE, duration=10) as dead:
        dead.look()
    calls = played(modules, plan_of(["a", "b", "c"], soak=0), max_duration=4)
    waited = [call["state"]["lock"]["watched"]["seconds"] for call in calls if call["state"]["lock"]["watched"]]
    assert waited == sorted(waited)
    assert len(waited) > 1, "it was seen over several calls"
    assert all(seconds < 10 for seconds in waited)
    assert sum(action["do"] == "label_nodes" for call in calls for action in call["actions"]) == 1
    assert calls[-1]["outcome"] == "done"


def test_without_the_permission_nothing_is_written_and_it_is_named(nodes: Lab, modules: Modules) -> None:
    rules = nodes.admin.get(ROLE)["rules"]
    nodes.admin.patch(ROLE, {"rules": []})
    try:
        eventually(lambda: modules.run("rollout_lock").failed)
        run = modules.run("rollout_step", plan=plan_of(["a", "b", "c"]), installation_spec=ADDRESSES)
        status = modules.run("rollout_info")["status"]
        unlock = modules.run("rollout_lock", state="absent")
    finally:
        nodes.admin.patch(ROLE, {"rules": rules})
    for verb in ("get", "create", "update"):
        assert f"{verb} leases.coordination.k8s.io calico-ops-rollout in kube-system" in run["msg"]
    assert (run.failed, run.writes) == (True, [])
    assert "get leases.coordination.k8s.io calico-ops-rollout" in status["lock_not_read"]
    assert "Add to its Role in the namespace kube-system" in unlock["msg"]
