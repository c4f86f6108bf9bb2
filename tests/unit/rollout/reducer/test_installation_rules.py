# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is set in the operator's resources, when, and by whom: decided without a cluster."""

from __future__ import annotations

from typing import Any

import yaml
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.operator.intent import NO_WISHES, Wishes
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.operator.placement import Placement
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.pages.rollout_pages import (
    markdown,
    progress_line,
    terminal,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reducer.decide import (
    decide,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reducer.state import new_state

from tests.unit.cluster.foreseen import after
from tests.unit.rollout.builders import bare, installation, node_seen, plan, pod, rolled_out

CORE = ["core-1", "core-2"]
PLAN = plan([*CORE, "edge-1"], soak=10, batch_timeout=600)
NOW = 1000.0
OWNER = "Argo CD (application net)"
EVERYTHING = [{"operator": "Exists"}]
TYPHA = Placement(typha_label={"key": "tier", "value": "core"})


def decided(seen: Any, wishes: Wishes = NO_WISHES, now: float = NOW, **state: Any) -> Any:
    return decide(PLAN, {**new_state(PLAN), **state}, seen, now, wishes)  # type: ignore[typeddict-item]


def kinds(decision: Any) -> list[str]:
    return [action["do"] for action in decision["actions"]]


def owned(admitted: list[str] | None = None, **fields: Any) -> Any:
    """An Installation without the selector that Argo CD applies; the first batch is labelled unless told otherwise."""
    seen = bare([*CORE, "edge-1"])
    seen["installation"] = installation({}, owned_by=[OWNER], **fields)
    for name in CORE if admitted is None else admitted:
        seen["nodes"][name] = node_seen(admitted=True, ready=False)
    return seen


def scoped() -> Any:
    """The selector is in force, and calico-node is ready on the first batch."""
    return rolled_out([*CORE, "edge-1"], CORE)


def test_the_first_batch_is_labelled_before_anybody_is_asked_to_commit() -> None:
    decision = decided(owned(admitted=[]))
    assert kinds(decision) == ["label_nodes"]
    assert decision["report"]["to_commit"] is None


def test_an_owned_installation_is_not_written_but_told_and_waited_for() -> None:
    decision = decided(owned())
    (action,) = decision["actions"]
    assert (action["do"], action["until"]) == ("await_owner", NOW + 3600)
    assert (decision["state"]["phase"], decision["state"]["owner_asked"]) == ("awaiting_owner", NOW)
    assert action["why"].startswith(
        f"waiting for a commit, for at most 3600 s more: {OWNER} is to apply 3 fields (controlPlaneNodeSelector, "
    )
    assert (
        "rollout.calico-ops.dev/admitted"
        in yaml.safe_load(decision["report"]["to_commit"])["spec"]["controlPlaneNodeSelector"]
    )
    assert "waiting for a commit, for at most 3600 s more" in progress_line(decision["report"])


def test_the_wait_for_a_commit_has_a_deadline_of_its_own() -> None:
    late = {"phase": "awaiting_owner", "batch": "core-1", "batch_started": NOW, "owner_asked": NOW}
    still = decided(owned(), now=NOW + 700, **late)
    assert kinds(still) == ["await_owner"]
    assert "for at most 2900 s more" in still["report"]["reason"]
    over = decided(owned(), now=NOW + 3600, **late)
    assert over["report"]["outcome"] == "stopped"
    assert over["report"]["reason"].startswith("not committed after 3600 s: ")
    assert over["report"]["to_commit"]


def test_the_batch_has_its_whole_time_after_the_commit() -> None:
    seen = scoped()
    seen["installation"]["owned_by"] = [OWNER]
    seen["pods"] = []
    late = {"phase": "awaiting_owner", "batch": "core-1", "batch_started": NOW, "owner_asked": NOW}
    decision = decided(seen, now=NOW + 3000, **late)
    assert (decision["actions"][0]["do"], decision["actions"][0]["until"]) == ("wait", NOW + 3600)
    assert decision["state"]["owner_asked"] is None


def test_an_owner_puts_back_what_would_be_raised_for_an_adoption_so_that_is_not_done_but_noted() -> None:
    the_plan = {**PLAN, "adoption_max_unavailable": "50%"}
    state: Any = new_state(PLAN)
    decision = decide(the_plan, state, owned(), NOW, NO_WISHES)  # type: ignore[arg-type]
    assert kinds(decision) == ["await_owner"]
    assert decision["state"]["notes"] == [
        f"maxUnavailable is not raised for the adoption: {OWNER} would put it back at its next sync"
    ]


def test_nor_is_it_raised_while_the_commit_restarts_calico_node() -> None:
    names = [*CORE, "edge-1"]
    the_plan: Any = {**PLAN, "adoption_max_unavailable": "100%"}
    seen = rolled_out(names, names)
    seen["pods"] = [pod(name, revision="old") for name in names]
    assert seen["installation"] is not None
    assert kinds(decide(the_plan, new_state(PLAN), seen, NOW)) == ["raise_max_unavailable"]
    seen["installation"]["owned_by"] = [OWNER]
    assert kinds(decide(the_plan, new_state(PLAN), seen, NOW)) == ["wait"]
    assert kinds(decide(the_plan, new_state(PLAN), seen, NOW, Wishes(when_owned="patch"))) == ["raise_max_unavailable"]


def test_refusing_stops_with_the_yaml_once_the_labels_are_there() -> None:
    assert kinds(decided(owned(admitted=[]), Wishes(when_owned="refuse"))) == ["label_nodes"]
    decision = decided(owned(), Wishes(when_owned="refuse"))
    assert (decision["report"]["outcome"], decision["actions"]) == ("stopped", [])
    assert "Commit the fields there, then run again" in decision["report"]["reason"]
    for page in (terminal(decision["report"]), markdown(decision["report"])):
        assert "    controlPlaneNodeSelector:\n    " in page


def test_patching_writes_what_is_owned_all_the_same() -> None:
    assert kinds(decided(owned(), Wishes(when_owned="patch"))) == ["scope_installation"]


def test_an_owner_who_committed_everything_is_asked_for_nothing() -> None:
    seen = scoped()
    seen["installation"]["owned_by"] = [OWNER]
    assert decided(seen)["report"]["to_commit"] is None


def test_check_mode_takes_it_that_the_commit_comes() -> None:
    truth = owned()
    state: Any = {**new_state(PLAN), "check_mode": True, "batch": "core-1", "batch_started": NOW}
    decision = decide(PLAN, state, truth, NOW)
    assert kinds(decision) == ["await_owner"]
    following = decide(PLAN, decision["state"], after(truth, PLAN, *decision["actions"]), NOW)
    assert kinds(following) == ["wait"]
    assert following["report"]["to_commit"] is None


def test_what_restarts_no_calico_node_is_set_where_the_selector_is_in_force() -> None:
    seen = scoped()
    decision = decided(seen, Wishes(TYPHA))
    assert kinds(decision) == ["scope_installation"]
    assert decision["report"]["reason"] == "set typhaDeployment's nodeSelector"
    seen["installation"]["placement"]["typhaDeployment"] = {"nodeSelector": {"tier": "core"}}
    assert kinds(decided(seen, Wishes(TYPHA))) == ["wait"]


def test_what_restarts_calico_node_is_not_set_a_second_time() -> None:
    seen = scoped()
    decision = decided(seen, Wishes(Placement(tolerations=EVERYTHING)))
    assert decision["report"]["outcome"] == "stopped"
    assert (
        "calicoNodeDaemonSet's tolerations, csiNodeDriverDaemonSet's tolerations: not as the options have it"
        in decision["report"]["reason"]
    )
    assert "restarts calico-node on 2 nodes" in decision["report"]["reason"]
    for daemonset in ("calicoNodeDaemonSet", "csiNodeDriverDaemonSet"):
        seen["installation"]["placement"][daemonset]["tolerations"] = EVERYTHING
    assert kinds(decided(seen, Wishes(Placement(tolerations=EVERYTHING)))) == ["wait"]


def test_before_the_selector_it_is_set_with_it() -> None:
    seen = owned()
    seen["installation"]["owned_by"] = []
    assert kinds(decided(seen, Wishes(Placement(tolerations=EVERYTHING)))) == ["scope_installation"]


def test_another_managers_value_stops_the_rollout_unless_it_is_to_give_way() -> None:
    seen = owned(control_plane_selector={"rollout.calico-ops.dev/admitted": "no"})
    seen["installation"]["owned_by"] = []
    assert "where true is wanted" in decided(seen)["report"]["reason"]
    assert kinds(decided(seen, Wishes(take_over=True))) == ["scope_installation"]
