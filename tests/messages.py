# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The messages on which a run ends, as the code has them: what is raised, what fails a module, and what stops a rollout.

A message is its fixed text, with an ellipsis for each part that is known only when it is written. What hands another message on has
no text of its own, and is left out; so are the findings of the checks, which docs/reference/prechecks.md is about.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tests.environment.places import CHECKOUT

PLUGINS = CHECKOUT / "plugins"
LIBRARY = PLUGINS / "module_utils"
ANY = "…"
ENDS = {
    "AnsibleActionFail",
    "AnsibleFilterError",
    "AnsibleParserError",
    "ApiError",
    "RolloutError",
}
"""Exceptions whose text a user reads."""
STOPS = ("stand_still", "stop")
"""What a rule of the reducer ends a rollout with; the reason comes last."""
LEAST = 10
"""Letters of its own that a message has at least."""
REASONS = {
    "_cluster/actions/label_nodes.py": ("_failure",),
    "_cluster/actions/quarantine.py": ("_failure",),
    "_kube/client.py": ("_HINTS", "_no_answer", "_not_json"),
    "_rollout/kubernetes/rbac.py": ("__init__",),
    "_rollout/operator/control_plane.py": ("_homeless",),
    "_rollout/operator/installation.py": ("_missing", "_other_values", "refusals", "rejection"),
    "_rollout/operator/overrides.py": ("kept_off", "selector_narrows", "tolerations_narrow"),
    "_rollout/operator/typha.py": ("typha_homeless", "typha_too_few"),
    "_rollout/reducer/decide.py": ("refused",),
}
"""Where sentences are made of which a message consists: functions and constants by file, below module_utils."""
PARTS = ("follows its affinity and tolerations", "{key: ", "Role in the namespace")
"""How texts in these begin that are parts of a sentence, and no words of a key or a field."""


@dataclass(frozen=True)
class Message:
    text: str
    where: str


def messages() -> list[Message]:
    found = []
    for source in sorted(PLUGINS.rglob("*.py")):
        tree = ast.parse(source.read_text(encoding="utf-8"))
        constants = _constants(tree)
        names = REASONS.get(str(source.relative_to(LIBRARY)), ()) if LIBRARY in source.parents else ()
        for node, expression in [*_endings(tree), *((each, each) for each in _sentences(tree, names))]:
            where = f"{source.relative_to(PLUGINS)}:{node.lineno}"
            texts = {re.sub(f"{ANY}{ANY}+", ANY, text) for text in _texts(expression, constants)}
            found += [Message(text, where) for text in sorted(texts) if _is_message(text)]
    return found


def _is_message(text: str) -> bool:
    return len(re.findall(r"[a-z]", text)) >= LEAST and " " in text.strip() and not text.startswith(PARTS)


def _sentences(tree: ast.Module, names: Iterable[str]) -> Iterator[ast.expr]:
    """The longest texts in the bodies of these; docstrings are none."""
    for node in tree.body:
        inner = node.body if isinstance(node, ast.ClassDef) else [node]
        for part in inner:
            name = part.name if isinstance(part, ast.FunctionDef) else _target(part)
            if name in names:
                yield from _outermost(part)


def _outermost(node: ast.AST) -> Iterator[ast.expr]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
            continue
        if isinstance(child, ast.expr) and (
            isinstance(child, (ast.JoinedStr, ast.Constant, ast.BinOp)) or _formats(child)
        ):
            yield child
        else:
            yield from _outermost(child)


def _formats(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format"


def _target(node: ast.stmt) -> str:
    targets = [*getattr(node, "targets", []), getattr(node, "target", None)]
    return next((target.id for target in targets if isinstance(target, ast.Name)), "")


def _endings(tree: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        named = {keyword.arg: keyword.value for keyword in node.keywords}
        if name == "fail_json" and "msg" in named:
            yield node, named["msg"]
        elif name == "RefusedForNow" and len(node.args) > 1:
            yield node, node.args[1]
        elif "failure" in named:
            yield node, named["failure"]
        elif name == "ApiError" and len(node.args) > 2:
            yield node, node.args[2]
        elif name in ENDS - {"ApiError"} and node.args:
            yield node, node.args[0]
        elif name in STOPS and node.args:
            yield node, node.args[-1]


def _texts(node: ast.expr, constants: dict[str, str]) -> set[str]:
    if isinstance(node, ast.Constant):
        return {node.value if isinstance(node.value, str) else ANY}
    if isinstance(node, ast.Name):
        return {constants.get(node.id, ANY)}
    if isinstance(node, ast.IfExp):
        return _texts(node.body, constants) | _texts(node.orelse, constants)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return {a + b for a in _texts(node.left, constants) for b in _texts(node.right, constants)}
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
        return {re.sub(r"%(\(\w+\))?[srd]", ANY, text) for text in _texts(node.left, constants)}
    if isinstance(node, ast.JoinedStr):
        found = {""}
        for part in node.values:
            inner = _texts(part.value, constants) if isinstance(part, ast.FormattedValue) else _texts(part, constants)
            found = {a + b for a in found for b in inner}
        return found
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format":
        return {re.sub(r"\{[^{}]*\}", ANY, text) for text in _texts(node.func.value, constants)}
    return {ANY}


def _constants(tree: ast.Module) -> dict[str, str]:
    named = [(node.targets[0], node.value) for node in tree.body if isinstance(node, ast.Assign)]
    return {
        target.id: value.value
        for target, value in named
        if isinstance(target, ast.Name) and isinstance(value, ast.Constant) and isinstance(value.value, str)
    }
