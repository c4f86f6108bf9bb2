# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The selector is written once, exactly as it was judged, and never at the cost of a Ready calico-node."""

from __future__ import annotations

import copy
import time
from collections.abc import Mapping
from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.installation.scope import scope
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.installation.scope_request import (
    APISERVER_PATH,
    PATH,
    OwnedElsewhere,
    ScopeOutcome,
    ScopeRequest,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._cluster.installation.scope_waits import await_in_force
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import Observation
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.errors import RolloutError
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.observation import snapshot
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.operator.placement import Placement

from tests.unit.rollout.builders import overlay

from . import raw
from .raw import KEY, LABEL, Requests, refusal


class Server:
    """One Installation under server-side apply, good enough for what scope() relies on."""

    def __init__(self, stored: raw.Raw | None) -> None:
        self.stored = stored
        self.interruptions: list[Any] = []
        """Called, one after the other, before each real write."""
        self.operator: str | None = None
        """The image of tigera-operator's Deployment; None: there is none."""
        self.cluster = Requests(self._answer)

    def _answer(self, method: str, path: str, query: Mapping[str, Any], body: Any) -> raw.Raw:
        if path.startswith("/apis/apps/") and self.operator:
            pod = {"containers": [{"name": "tigera-operator", "image": self.operator}]}
            deployment = {"metadata": {"name": "tigera-operator"}, "spec": {"template": {"spec": pod}}}
            return {"items": [deployment], "metadata": {"resourceVersion": "1"}}
        if method == "GET":
            if self.stored is None or path.startswith("/apis/apps/"):
                raise refusal(404, "NotFound")
            return self.stored
        dry = "dryRun" in query
        if not dry and self.interruptions:
            self.interruptions.pop(0)()
        return self._created(body, dry) if method == "POST" else self._applied(body, dry)

    def _created(self, body: Any, dry: bool) -> raw.Raw:
        if self.stored is not None:
            raise refusal(409, "AlreadyExists")
        made = {**body, "metadata": {**body["metadata"], "uid": "uid-new", "generation": 1, "resourceVersion": "11"}}
        if not dry:
            self.stored = made
        return made

    def _applied(self, body: Any, dry: bool) -> raw.Raw:
        assert self.stored is not None, "an apply would create"
        for key in ("uid", "resourceVersion"):
            if body["metadata"].get(key) != self.stored["metadata"][key]:
                raise refusal(409, "Conflict", "the object has been modified")
        made = {**self.stored, "spec": raw.merged(self.stored["spec"], body["spec"])}
        if not dry:
            made["metadata"] = {**self.stored["metadata"], "generation": 3, "resourceVersion": "11"}
            self.stored = made
        return made

    def touch(self) -> None:
        assert self.stored is not None
        self.stored = copy.deepcopy(self.stored)
        self.stored["metadata"]["resourceVersion"] += "0"


def observed(
    *, installation: raw.Raw | None = None, admitted: tuple[str, ...] = ("a",), running: tuple[str, ...] = ("a",)
) -> Observation:
    names = sorted({*admitted, *running})
    return {
        "nodes": {name: snapshot.node_seen(raw.node(name, admitted=name in admitted)) for name in names},
        "pods": [snapshot.pod_seen(raw.pod(name)) for name in running],
        "daemonset": snapshot.daemonset_seen(raw.daemonset(desired=len(running)), [raw.revision(1, "new")]),
        "csi_daemonset": None,
        "installation": None if installation is None else snapshot.installation_seen(installation),
        "overlay": None,
        "apiserver": None,
        "v3_crds": False,
        "manifest_install": [],
        "calico_status": {},
    }


def scoped(
    server: Server, seen: Observation | None = None, create_spec: raw.Raw | None = None, **asked: Any
) -> ScopeOutcome:
    observation = seen or observed(installation=server.stored)
    return scope(server.cluster, ScopeRequest(LABEL, **asked), observation=observation, create_spec=create_spec)


def test_the_three_selectors_are_set_and_the_diff_shows_nothing_else() -> None:
    server = Server(raw.installation(registry="example.com/"))
    outcome = scoped(server)
    admitted = {KEY: "true"}
    assert (outcome.changed, outcome.before) == (True, {})
    assert outcome.after == {
        "calicoNodeDaemonSet": raw.selected(admitted),
        "csiNodeDriverDaemonSet": raw.selected(admitted),
        "controlPlaneNodeSelector": admitted,
    }
    assert server.stored is not None
    assert server.stored["spec"]["registry"] == "example.com/"


def test_a_second_run_writes_nothing() -> None:
    server = Server(raw.installation())
    scoped(server)
    before = len(server.cluster.real_writes())
    assert scoped(server).changed is False
    assert len(server.cluster.real_writes()) == before


def test_what_is_written_is_bound_to_the_object_that_was_judged() -> None:
    server = Server(raw.installation())
    scoped(server)
    dry, real = [request for request in server.cluster.sent if request[0] == "PATCH"]
    assert (dry[2]["dryRun"], real[2].get("dryRun")) == ("All", None)
    assert dry[3] == real[3]
    assert real[3]["metadata"] == {"name": "default", "uid": "uid-1", "resourceVersion": "10"}
    assert (real[2]["fieldManager"], real[2]["force"]) == ("calico-ops-scope", "false")


def test_a_change_between_judging_and_writing_is_judged_anew() -> None:
    server = Server(raw.installation())

    def narrowed() -> None:
        assert server.stored is not None
        server.stored["spec"]["calicoNodeDaemonSet"] = raw.selected({"zone": "a"})
        server.touch()

    server.interruptions = [narrowed]
    with pytest.raises(RolloutError, match="zone=a"):
        scoped(server)
    assert server.stored is not None
    assert KEY not in str(server.stored)


def test_the_operators_own_write_in_between_costs_one_more_attempt() -> None:
    server = Server(raw.installation())
    server.interruptions = [server.touch, server.touch]
    assert scoped(server).changed is True


def test_somebody_who_writes_all_the_time_is_named() -> None:
    server = Server(raw.installation())
    server.interruptions = [server.touch] * 9
    with pytest.raises(RolloutError, match=r"each of the 5 times.*tigera-operator"):
        scoped(server)


def test_an_installation_that_was_replaced_meanwhile_is_not_written() -> None:
    server = Server(raw.installation())

    def replace() -> None:
        assert server.stored is not None
        server.touch()
        server.stored["metadata"]["uid"] = "uid-2"

    server.interruptions = [replace]
    with pytest.raises(RolloutError, match="deleted or replaced"):
        scoped(server)


def test_refuses_a_selector_that_would_strand_ready_nodes_and_names_them() -> None:
    server = Server(raw.installation())
    with pytest.raises(RolloutError, match=r"2 nodes run.*: b, c\."):
        scoped(server, observed(installation=server.stored, running=("a", "b", "c")))
    assert server.cluster.real_writes() == []


def test_a_node_named_beforehand_may_lose_its_calico_node() -> None:
    server = Server(raw.installation())
    seen = observed(installation=server.stored, running=("a", "b"))
    assert scoped(server, seen, may_lose_calico=["b"]).changed is True


def test_keys_of_others_that_narrow_the_selector_are_refused() -> None:
    server = Server(raw.installation(calicoNodeDaemonSet=raw.selected({"zone": "a"})))
    with pytest.raises(RolloutError, match="zone=a"):
        scoped(server)
    assert server.cluster.real_writes() == []


def test_an_overlay_is_refused_even_when_the_selector_is_there() -> None:
    server = Server(raw.scoped_installation())
    seen = observed(installation=server.stored)
    seen["overlay"] = overlay()
    with pytest.raises(RolloutError, match="overlay"):
        scoped(server, seen)


@pytest.mark.parametrize("key", ["bad key!", "rollout.operator.tigera.io/x", "kubernetes.io/os"])
def test_nothing_can_be_asked_for_with_a_key_that_the_operator_would_not_take(key: str) -> None:
    with pytest.raises(RolloutError, match="key"):
        ScopeRequest({"key": key, "value": "true"})


def test_a_conflict_is_told_by_manager_and_field() -> None:
    field = ".spec.calicoNodeDaemonSet.spec.template.spec.nodeSelector.rollout.calico-ops.dev/admitted"
    cause = {
        "reason": "FieldManagerConflict",
        "message": 'conflict with "kubectl-edit" using operator.tigera.io/v1',
        "field": field,
    }

    def answer(method: str, *_rest: Any) -> raw.Raw:
        if method == "GET":
            return raw.installation()
        raise refusal(409, "Conflict", "Apply failed with 1 conflict", [cause])

    cluster = Requests(answer)
    with pytest.raises(
        RolloutError, match=r"spec\.calicoNodeDaemonSet.*admitted is held by kubectl-edit \(its value there: "
    ):
        scope(cluster, ScopeRequest(LABEL), observation=observed(installation=raw.installation()))
    assert cluster.real_writes() == []


def test_each_conflict_that_is_taken_over_is_told_once_also_of_several_purposes() -> None:
    server = Server(raw.installation())
    held = {"calico-ops-typha": "typhaDeployment", "calico-ops-scope": "controlPlaneNodeSelector"}

    def answer(method: str, path: str, query: Mapping[str, str], body: Any) -> raw.Raw:
        if method == "PATCH" and query["force"] == "false" and query["fieldManager"] in held:
            field = ".spec." + held[query["fieldManager"]]
            cause = {"reason": "FieldManagerConflict", "message": 'conflict with "theirs" using v1', "field": field}
            raise refusal(409, "Conflict", "Apply failed with 1 conflict", [cause])
        return server.cluster.request(method, path, query=query, body=body)

    cluster = Requests(answer)
    placement = Placement(typha_label={"key": "tier", "value": "core"}, kube_controllers={"tolerations": []})
    seen = observed(installation=raw.installation())
    seen["nodes"]["a"]["labels"]["tier"] = "core"
    outcome = scope(cluster, ScopeRequest(LABEL, placement, take_over=True), observation=seen)
    assert [conflict.field for conflict in outcome.taken_over] == [
        "spec.typhaDeployment",
        "spec.controlPlaneNodeSelector",
    ]
    forced = {
        query["fieldManager"]: query["force"]
        for _method, _path, query, _body in cluster.sent
        if query.get("dryRun") is None and "fieldManager" in query
    }
    assert forced == {"calico-ops-typha": "true", "calico-ops-control-plane": "false", "calico-ops-scope": "true"}


def owned_by_argocd(**spec: Any) -> raw.Raw:
    owned = raw.installation(**spec)
    owned["metadata"]["labels"] = {"argocd.argoproj.io/instance": "net"}
    return owned


def test_what_somebody_applies_from_outside_is_not_patched_but_told_for_a_commit() -> None:
    server = Server(owned_by_argocd())
    with pytest.raises(OwnedElsewhere, match=r"Argo CD \(application net\) applies what is to be changed") as refused:
        scoped(server)
    assert 'controlPlaneNodeSelector:\n    rollout.calico-ops.dev/admitted: "true"\n' in refused.value.owned.document
    assert server.cluster.real_writes() == []
    assert scoped(server, patch_owned=True).changed is True


def test_an_owner_that_applies_what_is_wanted_is_no_matter() -> None:
    admitted = {KEY: "true"}
    pods = {name: raw.selected(admitted) for name in ("calicoNodeDaemonSet", "csiNodeDriverDaemonSet")}
    assert scoped(Server(owned_by_argocd(controlPlaneNodeSelector=admitted, **pods))).changed is False


def test_check_mode_judges_by_a_dry_run_and_writes_nothing() -> None:
    server = Server(raw.installation())
    rehearsed = scoped(server, check_mode=True)
    assert server.cluster.real_writes() == []
    real = scoped(server)
    assert (rehearsed.before, rehearsed.after, rehearsed.changed) == (real.before, real.after, real.changed)


def test_without_create_a_missing_installation_is_never_made() -> None:
    server = Server(None)
    with pytest.raises(RolloutError, match="no Installation/default"):
        scoped(server)
    assert server.cluster.real_writes() == []


def test_create_puts_the_selectors_into_the_first_version() -> None:
    server = Server(None)
    outcome = scoped(server, observed(running=()), create_spec={"calicoNetwork": {"bgp": "Disabled"}})
    assert (outcome.changed, outcome.created, outcome.before) == (True, True, {})
    assert server.stored is not None
    assert server.stored["spec"]["calicoNetwork"] == {"bgp": "Disabled"}
    assert snapshot.installation_seen(server.stored)["calico_node_selector"] == {KEY: "true"}
    assert server.cluster.real_writes() == [("POST", PATH.rpartition("/")[0])]


class WithApiServer(Server):
    """No Installation yet, and an APIServer that Argo CD applies."""

    def __init__(self) -> None:
        super().__init__(None)
        self.apiserver = raw.installation()
        self.apiserver["metadata"]["labels"] = {"argocd.argoproj.io/instance": "net"}

    def _answer(self, method: str, path: str, query: Mapping[str, Any], body: Any) -> raw.Raw:
        if path != APISERVER_PATH:
            return super()._answer(method, path, query, body)
        return self.apiserver if method == "GET" else raw.merged(self.apiserver, {"spec": body["spec"]})


@pytest.mark.parametrize("patch_owned", [False, True])
def test_create_asks_the_owner_of_an_apiserver_that_is_there_before(patch_owned: bool) -> None:
    server = WithApiServer()
    seen = observed(running=())
    seen["apiserver"] = snapshot.apiserver_seen(server.apiserver)
    asked = {"placement": Placement(apiserver={"tolerations": [{"operator": "Exists"}]}), "patch_owned": patch_owned}
    if patch_owned:
        assert scoped(server, seen, create_spec={}, **asked).created
        assert [method for method, _path in server.cluster.real_writes()] == ["PATCH", "POST"]
        return
    with pytest.raises(OwnedElsewhere) as refused:
        scoped(server, seen, create_spec={}, **asked)
    assert "kind: APIServer" in refused.value.owned.document
    assert server.cluster.real_writes() == []


def test_create_does_not_overwrite_one_that_appears_in_this_moment() -> None:
    server = Server(None)

    def appear() -> None:
        server.stored = raw.installation(registry="theirs/")

    server.interruptions = [appear]
    with pytest.raises(RolloutError, match="not overwritten"):
        scoped(server, observed(running=()), create_spec={})
    assert server.stored == raw.installation(registry="theirs/")


def test_create_leaves_an_installation_alone_that_is_as_asked_for() -> None:
    server = Server(raw.scoped_installation(registry="example.com/"))
    assert scoped(server, create_spec={"registry": "example.com/"}).changed is False


def test_create_leaves_an_installation_alone_that_the_operator_filled_in() -> None:
    filled_in = [{"cidr": "10.0.0.0/16", "encapsulation": "VXLAN", "blockSize": 26, "natOutgoing": "Enabled"}]
    server = Server(raw.scoped_installation(calicoNetwork={"ipPools": filled_in, "mtu": 1450}))
    wanted = {"calicoNetwork": {"ipPools": [{"cidr": "10.0.0.0/16", "encapsulation": "VXLAN"}]}}
    assert scoped(server, create_spec=wanted).changed is False


def test_create_names_the_list_item_that_differs() -> None:
    server = Server(raw.scoped_installation(calicoNetwork={"ipPools": [{"cidr": "10.9.0.0/16"}]}))
    with pytest.raises(RolloutError, match=r"spec\.calicoNetwork\.ipPools\[0\]\.cidr"):
        scoped(server, create_spec={"calicoNetwork": {"ipPools": [{"cidr": "10.0.0.0/16"}]}})


def test_create_refuses_another_installation_and_names_the_fields() -> None:
    server = Server(raw.scoped_installation(registry="theirs/"))
    with pytest.raises(RolloutError, match=r"uid-1.*tigera-operator.*spec\.registry"):
        scoped(server, create_spec={"registry": "ours/"})
    assert server.cluster.real_writes() == []


class Frames:
    """An observation after the other, the last one for ever."""

    def __init__(self, *frames: Observation) -> None:
        self._frames = list(frames)

    def observe(self) -> Observation:
        return self._frames.pop(0) if len(self._frames) > 1 else self._frames[0]

    def wait_for_change(self, timeout: float) -> bool:
        return True


def test_waiting_ends_when_the_daemonset_has_the_selector() -> None:
    pending = observed(installation=raw.scoped_installation())
    pending["calico_status"] = {
        "Progressing": {"status": "True", "reason": "", "message": "", "observed_generation": 1}
    }
    in_force = copy.deepcopy(pending)
    in_force["daemonset"] = snapshot.daemonset_seen(raw.daemonset(selector={KEY: "true"}), [])
    await_in_force(Frames(pending, in_force), float("inf"), LABEL)


def test_waiting_ends_with_the_operators_own_words_when_it_rejects_the_selector() -> None:
    rejected = observed(installation=raw.scoped_installation())
    degraded = {
        "status": "True",
        "reason": "InvalidConfigurationError",
        "message": "not valid",
        "observed_generation": 2,
    }
    rejected["calico_status"] = {"Degraded": degraded}
    with pytest.raises(RolloutError, match="not valid"):
        await_in_force(Frames(rejected), float("inf"), LABEL)


def test_waiting_that_takes_too_long_says_what_is_missing() -> None:
    with pytest.raises(RolloutError, match="no TigeraStatus/calico"):
        await_in_force(Frames(observed(installation=raw.scoped_installation())), 0.0, LABEL)


def test_waiting_ends_at_once_when_an_overlay_takes_the_selectors_place() -> None:
    undone = observed(installation=raw.scoped_installation())
    undone["overlay"] = overlay({"a": "b"})
    with pytest.raises(RolloutError, match="the Installation named overlay"):
        await_in_force(Frames(undone), time.monotonic() + 5, LABEL)


@pytest.mark.parametrize(
    ("image", "refused"), [("quay.io/tigera/operator:v1.42.4", False), ("quay.io/tigera/operator:v1.44.0", True)]
)
def test_where_typha_may_run_goes_by_the_operator_that_will_render_it(image: str, refused: bool) -> None:
    server = Server(raw.installation())
    server.operator = image
    seen = observed(installation=raw.installation())
    for node in seen["nodes"].values():
        node["taints"] = [{"key": "dedicated", "value": "edge", "effect": "NoSchedule"}]
    spec = {"tolerations": [{"operator": "Exists"}]}
    request = ScopeRequest(LABEL, Placement(kube_controllers=spec), check_mode=True)
    if refused:
        with pytest.raises(RolloutError, match="no node would take typha"):
            scope(server.cluster, request, observation=seen)
    else:
        assert scope(server.cluster, request, observation=seen).changed
