# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON Schemas of the documents, generated from their typed definitions: `python -m tests.schemas` writes docs/reference/schemas.

A document's own keys are closed: one that the definitions do not know is a mistake on one side or the other.
"""

from __future__ import annotations

import inspect
import json
import sys
import typing
from pathlib import Path
from typing import Any

from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout import documents
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import actions
from pydantic import ConfigDict, TypeAdapter

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "reference" / "schemas"
DOCUMENTS = (
    documents.CalicoSettings,
    documents.PrecheckResult,
    documents.PrecheckRecord,
    documents.PrecheckReport,
    documents.ReachReport,
    documents.NodeFacts,
    documents.Plan,
    documents.Observation,
    documents.Readiness,
    documents.RolloutState,
    documents.Decision,
    documents.Report,
    documents.ClusterStatus,
    documents.PolicyProbeReport,
)


def schema(document: Any) -> dict[str, Any]:
    """The JSON Schema of one document. Definitions stay free of pydantic, so its settings are lent to them here."""
    for definition in (*vars(documents).values(), *vars(actions).values()):
        if inspect.isclass(definition) and typing.is_typeddict(definition):
            definition.__pydantic_config__ = ConfigDict(use_attribute_docstrings=True, extra="forbid")  # type: ignore[attr-defined]
    generated = TypeAdapter(document).json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **generated}


def text(document: Any) -> str:
    return json.dumps(schema(document), indent=2, sort_keys=True) + "\n"


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    wanted = {f"{document.__name__}.json": text(document) for document in DOCUMENTS}
    for stale in {path.name for path in FOLDER.glob("*.json")} - set(wanted):
        (FOLDER / stale).unlink()
    for name, content in wanted.items():
        (FOLDER / name).write_text(content, encoding="utf-8")
        sys.stdout.write(f"docs/reference/schemas/{name}\n")


if __name__ == "__main__":
    main()
