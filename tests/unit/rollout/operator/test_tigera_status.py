# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the rest of Calico stands: told in sentences, and never a gate."""

from __future__ import annotations

from typing import Any

from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import (
    CalicoApi,
    ComponentStanding,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.operator.tigera_status import (
    ControlPlaneSeen,
    Generations,
    control_plane,
    missing,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.pages.control_plane_section import (
    markdown_section,
    section,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.pages.rollout_pages import (
    markdown,
    terminal,
)

from tests.unit.rollout.pages.test_rollout_pages import CORE, EDGE, report

ALONE = CalicoApi(group="crd.projectcalico.org/v1", ground="it alone is served")
BOTH = CalicoApi(group="crd.projectcalico.org/v1", ground="both groups are served, and the older one decides")


def component(name: str, lacks: str | None = None, kind: Any = "Deployment", namespace: str = "calico-system") -> Any:
    return ComponentStanding(
        kind=kind,
        namespace=namespace,
        name=name,
        wanted=1,
        available=0 if lacks else 1,
        ready=lacks is None,
        reason=lacks,
    )


OPERATOR = component("tigera-operator", namespace="tigera-operator")


def tigera_status(name: str = "calico", observed: int = 3, **fields: Any) -> Any:
    condition = {"status": "True", "reason": "", "message": "", "observed_generation": observed}
    return {
        "name": name,
        "available": True,
        "progressing": False,
        "degraded": False,
        "reason": None,
        "message": None,
        "since": None,
        "conditions": {"Available": condition},
        **fields,
    }


def told(**seen: Any) -> Any:
    whole: dict[str, Any] = {
        "statuses": [tigera_status()],
        "components": [component("calico-typha"), component("calico-kube-controllers")],
        "operator": OPERATOR,
        "operator_read": True,
        "generations": Generations(3, None),
        "calico_api": ALONE,
        "not_read": [],
    }
    return control_plane(ControlPlaneSeen(**{**whole, **seen}))


def text(**seen: Any) -> str:
    return " ".join(" ".join(section(told(**seen))).split())


def test_where_all_is_well_one_line_says_so() -> None:
    assert told()["well"]
    assert section(told()) == [
        "",
        "Beside calico-node: every TigeraStatus is Available, and 3 components are",
        "  ready.",
    ]


def test_a_status_that_is_not_available_is_told_with_its_words_and_since_when() -> None:
    degraded = tigera_status(
        "apiserver",
        available=False,
        degraded=True,
        reason="PodFailure",
        message="Pod a/b crash loops\nPod a/c is pending\n",
        since="2026-01-01T00:00:00Z",
    )
    assert (
        "TigeraStatus apiserver is not Available and degraded since 2026-01-01T00:00:00Z "
        "(PodFailure: Pod a/b crash loops; Pod a/c is pending)."
    ) in text(statuses=[tigera_status(), degraded])


def test_what_no_tigera_status_shows_is_told_with_what_it_waits_for() -> None:
    stuck = component("csi-node-driver", "awaiting 1; pod csi-x on edge-1: not scheduled", "DaemonSet")
    assert (
        "DaemonSet calico-system/csi-node-driver has 0 of 1 pod available (awaiting 1; pod csi-x on edge-1: not scheduled)."
        in text(components=[stuck])
    )


def test_a_dead_operator_is_told_although_every_status_is_available() -> None:
    dead = component("tigera-operator", "it is scaled to 0", namespace="tigera-operator")
    assert "tigera-operator does not run (it is scaled to 0): nothing carries out" in text(operator=dead)
    assert "There is no Deployment tigera-operator in the namespace tigera-operator" in text(operator=None)


def test_a_status_of_an_older_generation_is_told_and_one_without_generation_is_not() -> None:
    assert "TigeraStatus calico speaks of generation 3 of the Installation, which is at 5" in text(
        generations=Generations(5, None)
    )
    assert told(statuses=[tigera_status(observed=0)], generations=Generations(5, None))["well"]
    assert told(statuses=[tigera_status("tiers", observed=1)], generations=Generations(5, None))["well"]
    assert "speaks of generation 1 of the APIServer, which is at 2" in text(
        statuses=[tigera_status("apiserver", observed=1)], generations=Generations(5, 2)
    )


def test_what_may_not_be_read_is_named_with_its_right_and_all_is_not_called_well() -> None:
    lacks = "Deployments in calico-system, needs list deployments.apps in calico-system"
    found = told(not_read=[lacks], components=[], operator=None, operator_read=False)
    assert not found["well"]
    assert found["troubles"] == []
    assert f"Not read: {lacks}." in " ".join(" ".join(section(found)).split())


def test_before_calico_is_installed_nothing_is_missed() -> None:
    assert told(statuses=[], components=[], operator=None, generations=Generations(None, None))["troubles"] == []


def test_a_deployment_that_is_to_be_there_and_is_not_is_told() -> None:
    (one,) = missing(
        {"calico-typha": "an Installation", "calico-kube-controllers": "an Installation"}, [component("calico-typha")]
    )
    assert (one["name"], one["ready"], one["reason"]) == (
        "calico-kube-controllers",
        False,
        "it does not exist, though there is an Installation",
    )


def test_where_both_groups_are_served_it_is_said_which_is_taken_and_why() -> None:
    assert (
        "Calico's own resources are crd.projectcalico.org/v1: both groups are served, and the older one decides."
        in text(calico_api=BOTH)
    )
    assert "Calico's own resources" not in text()


def test_the_last_lines_of_a_report_tell_it_and_the_outcome_stays_done() -> None:
    done = report(CORE + EDGE, ready_since=0.0)
    stuck = component("calico-kube-controllers", "awaiting 1; pod x: <b>no node</b>\x1b[31m")
    done["control_plane"] = told(components=[stuck])
    lines = terminal(done).splitlines()
    assert done["outcome"] == "done"
    place = next(number for number, line in enumerate(lines) if line.startswith("Beside calico-node"))
    assert lines[-1].startswith("Result: done") or lines[-2].startswith("Result: done")
    assert place > len(lines) - 8
    assert "\x1b" not in terminal(done)
    page = markdown(done)
    assert "## Beside calico-node" in page
    assert "<b>" not in page
    assert markdown_section(None) == []
