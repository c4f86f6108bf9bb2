# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The definitions, the schemas made from them, and the documents that the steps make: all of them agree."""

from __future__ import annotations

import json
from typing import Any

import pytest

jsonschema = pytest.importorskip("jsonschema")
pytest.importorskip("pydantic")

from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.calico_node.readiness import judge  # noqa: E402
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reducer.decide import decide  # noqa: E402
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reducer.state import new_state  # noqa: E402

from tests import schemas  # noqa: E402
from tests.unit.cluster.foreseen import after  # noqa: E402
from tests.unit.rollout.builders import LABEL, UNREACHABLE, answer, bare, evidence, facts, failing, plan, rolled_out  # noqa: E402
from tests.unit.rollout.fake_cluster import FakeCluster, Run  # noqa: E402

NAMES = ["core-1", "core-2", "edge-1"]


def validate(kind: str, document: Any) -> None:
    schema = json.loads((schemas.FOLDER / f"{kind}.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(json.loads(json.dumps(document)))


@pytest.mark.parametrize("document", schemas.DOCUMENTS, ids=lambda document: document.__name__)
def test_the_schemas_are_those_of_the_definitions(document: Any) -> None:
    path = schemas.FOLDER / f"{document.__name__}.json"
    assert path.read_text(encoding="utf-8") == schemas.text(document), "run: python -m tests.schemas"


def test_no_schema_is_left_of_a_document_that_is_gone() -> None:
    assert {path.stem for path in schemas.FOLDER.glob("*.json")} == {
        document.__name__ for document in schemas.DOCUMENTS
    }


def test_the_definitions_descriptions_are_in_the_schemas() -> None:
    schema = json.loads((schemas.FOLDER / "Plan.json").read_text(encoding="utf-8"))
    assert schema["properties"]["id"]["description"] == "First 12 characters of the SHA-256 over all the rest."


def test_a_key_that_the_definitions_do_not_know_is_refused() -> None:
    with pytest.raises(jsonschema.ValidationError):
        validate("Plan", {**plan(NAMES), "extra": 1})


def test_precheck_documents_are_valid() -> None:
    validate("PrecheckResult", failing("edge-1")["precheck"])
    validate("PrecheckReport", evidence(NAMES, ["edge-1"], dark=UNREACHABLE, none=None, odd=answer(None)))


def test_facts_and_plans_are_valid() -> None:
    validate("NodeFacts", facts("edge-1"))
    validate("Plan", plan([*NAMES, "edge-2"], bad=["edge-2"]))


def test_every_document_of_a_rollout_is_valid() -> None:
    the_plan = plan(NAMES)
    run = Run(the_plan, FakeCluster(NAMES, stuck=["edge-1"]))
    run.to_the_end()
    for (_now, seen), decision in zip(run.seen, run.decisions):
        validate("Observation", seen)
        validate("Decision", decision)
        validate("RolloutState", decision["state"])
        validate("Report", decision["report"])


def test_a_readiness_table_is_valid() -> None:
    validate("Readiness", judge(NAMES, rolled_out(NAMES, NAMES[:2]), LABEL))


def test_simulated_documents_are_valid() -> None:
    the_plan = plan(NAMES)
    seen, state = bare(NAMES), new_state(the_plan)
    for _number in range(3):
        decision = decide(the_plan, state, seen, 0.0)
        state = decision["state"]
        seen = after(seen, the_plan, *decision["actions"])
        validate("Observation", seen)
        validate("RolloutState", state)
