# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many calls of rollout_step look like one."""

from __future__ import annotations

from typing import Any

from ansible_collections.calico_ops.rollout.plugins.plugin_utils._merged_steps import merged

SPEC = {
    "before_header": "Installation/default",
    "after_header": "Installation/default",
    "before": {},
    "after": {"a": 1},
}


def labels(batch: str, *nodes: str, **more: Any) -> dict[str, Any]:
    return {"do": "label_nodes", "batch": batch, "nodes": list(nodes), "count": len(nodes), **more}


def wait(why: str) -> dict[str, Any]:
    return {"do": "wait", "why": why}


def nodes(**written: tuple[Any, Any]) -> dict[str, Any]:
    sides = {"before": {name: before for name, (before, _after) in written.items()}}
    sides["after"] = {name: after for name, (_before, after) in written.items()}
    return {"before_header": "nodes", "after_header": "nodes", **sides}


def call(*actions: Any, changed: bool = False, diff: Any = (), **more: Any) -> dict[str, Any]:
    how = {"finished": False, "batch_completed": False, "elapsed": 1.25, "state": {}, "report": {}, "readiness": {}}
    return {**how, "actions": list(actions), "changed": changed, "diff": list(diff), **more}


def test_it_changed_when_any_call_did() -> None:
    assert merged([call(changed=True), call()])["changed"]
    assert not merged([call(), call()])["changed"]


def test_how_things_stand_is_what_the_last_call_says() -> None:
    last = call(finished=True, state={"phase": "done"}, report={"outcome": "done"}, readiness={"ready": True})
    whole = merged([call(state={"phase": "waiting"}), last])
    assert {key: whole[key] for key in ("finished", "state", "report", "readiness")} == {
        key: last[key] for key in ("finished", "state", "report", "readiness")
    }
    assert whole["elapsed"] == 2.5


def test_actions_are_in_order_and_what_went_on_is_one() -> None:
    calls = [
        call(labels("core-1", "a", failed={"b": "no"}), wait("a")),
        call(wait("b")),
        call(labels("core-1", "b"), wait("c")),
        call(labels("edge-1", "c")),
        call(labels("edge-1", "d"), wait("d"), batch_completed=True),
    ]
    whole = merged(calls)
    assert whole["actions"] == [
        labels("core-1", "a", failed={"b": "no"}),
        *(wait("b"), labels("core-1", "b"), wait("c")),
        *(labels("edge-1", "c", "d"), wait("d")),
    ]
    assert whole["batch_completed"]


def test_a_node_that_took_the_label_at_last_did_not_fail() -> None:
    whole = merged([call(labels("core-1", "a", failed={"b": "no", "c": "no"})), call(labels("core-1", "b"))])
    assert whole["actions"] == [labels("core-1", "a", "b", failed={"c": "no"})]


def test_the_diff_goes_from_before_the_first_write_to_after_the_last() -> None:
    first = call(diff=[SPEC, nodes(a=({}, {"x": "1"}))])
    second = call(diff=[nodes(a=({"x": "1"}, {"x": "2"}), b=({}, {"x": "1"}))])
    assert merged([first, second])["diff"] == [nodes(a=({}, {"x": "2"}), b=({}, {"x": "1"})), SPEC]
    assert merged([call(), call()])["diff"] == []


def test_a_failure_keeps_what_was_done_before_it() -> None:
    before = call(labels("core-1", "a"), changed=True, state={"phase": "waiting"}, report={"outcome": "in_progress"})
    whole = merged([before, {"failed": True, "msg": "no route to host", "changed": False}])
    assert whole["failed"]
    assert whole["msg"] == "no route to host"
    assert (whole["changed"], whole["actions"]) == (True, [labels("core-1", "a")])
    assert (whole["state"], whole["finished"]) == ({"phase": "waiting"}, False)


def test_a_failure_of_the_first_call_has_no_report() -> None:
    assert merged([{"failed": True, "msg": "no"}]) == {"failed": True, "msg": "no", "changed": False}


def test_the_yaml_to_commit_and_each_warning_are_kept_once() -> None:
    whole = merged([call(to_commit="spec: {}", warnings=["x"]), call(warnings=["x", "y"])])
    assert (whole["to_commit"], whole["warnings"]) == ("spec: {}", ["x", "y"])


def test_the_arguments_are_those_that_the_task_was_given() -> None:
    given, later = {"module_args": {"state": None}}, {"module_args": {"state": {}}}
    assert merged([call(invocation=given), call(invocation=later)])["invocation"] == given
