# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The definitions judge a document as their JSON Schemas do, field by field."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout import documents
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents.validate import flaw_of
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reducer.decide import (
    decide,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.reducer.state import new_state

from tests.unit.rollout.builders import UNREACHABLE, bare, evidence, facts, plan, rolled_out

NAMES = ["core-1", "core-2", "edge-1"]
OTHERS: tuple[Any, ...] = (None, True, 7, 0.5, "odd", [], [None], {}, {"odd": 1})


def whole_documents() -> Iterator[tuple[str, Any]]:
    the_plan = plan([*NAMES, "edge-2"], bad=["edge-2"], observation=rolled_out(NAMES, NAMES[:2]))
    decision = decide(the_plan, new_state(the_plan), bare([*NAMES, "edge-2"]), 0.0)
    yield "PrecheckReport", evidence(NAMES, ["edge-1"], dark=UNREACHABLE)
    yield "Plan", the_plan
    yield "NodeFacts", facts("edge-1")
    yield "Observation", rolled_out(NAMES, NAMES[:2])
    yield "Decision", decision
    yield "RolloutState", {**decision["state"], "restart": {"until": 1, "through": 0, "moved": 2.5}}


def spoilt(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Every document that is this one with one value replaced by one of another kind, or with one key taken out or added."""
    inner = document
    for step in path:
        inner = inner[step]
    for other in OTHERS:
        yield path, _with(document, path, lambda _old, other=other: other)
    if isinstance(inner, dict):
        yield path, _with(document, path, lambda old: {**old, "extra": 1})
        for key in inner:
            yield path, _with(document, path, lambda old, key=key: {name: old[name] for name in old if name != key})
            yield from spoilt(document, (*path, key))
    elif isinstance(inner, list) and inner:
        yield from spoilt(document, (*path, 0))


def _with(document: Any, path: tuple[Any, ...], change: Any) -> Any:
    whole = {"": copy.deepcopy(document)}
    at: Any = whole
    for step in ("", *path)[:-1]:
        at = at[step]
    last = path[-1] if path else ""
    at[last] = change(at[last])
    return whole[""]


@pytest.mark.parametrize(
    ("kind", "document"), list(whole_documents()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_document_is_judged_as_its_schema_judges_it(kind: str, document: Any) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    pytest.importorskip("pydantic")
    from tests import schemas

    validator = jsonschema.Draft202012Validator(
        json.loads((schemas.FOLDER / f"{kind}.json").read_text(encoding="utf-8"))
    )
    document = json.loads(json.dumps(document))
    definition = getattr(documents, kind)
    assert flaw_of(document, definition) is None
    seen = set()
    for path, changed in spoilt(document):
        valid = validator.is_valid(changed)
        flaw = flaw_of(changed, definition)
        assert (flaw is None) == valid, f"{path}: {flaw}"
        seen.add(valid)
    assert seen == {True, False}


def test_the_flaw_has_the_place_what_belongs_there_and_what_was_found() -> None:
    the_plan: Any = copy.deepcopy(plan(NAMES))
    the_plan["batches"][0]["nodes"][1] = 3
    flaw = flaw_of(the_plan, documents.Plan)
    assert flaw is not None
    assert flaw.told("plan") == "plan.batches[0].nodes[1]: a text belongs here, not 3"


def test_what_was_found_is_told_short() -> None:
    flaw = flaw_of({**plan(NAMES), "soak": "x" * 5000}, documents.Plan)
    assert flaw is not None
    assert len(flaw.told("plan")) < 160
