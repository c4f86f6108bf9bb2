# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Which nodes a tier or an exclusion means: by a label selector, or by a JMESPath expression over the Node."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable, NamedTuple

from ..documents import NodeFacts
from ..errors import RolloutError
from ..kubernetes.label_selector import parse_selector

try:
    import jmespath
except ImportError as missing:
    MISSING_LIBRARY: ImportError | None = missing
else:
    MISSING_LIBRARY = None


class Selection(NamedTuple):
    text: str
    """As the user wrote it."""
    matches: Callable[[NodeFacts], bool]
    expression: bool
    """JMESPath, not a label selector."""


def read_selection(given: Mapping[str, Any], where: str) -> Selection | None:
    """The `selector` or the `match` of a tier or an exclusion; null where it has neither."""
    selector, match = given.get("selector"), given.get("match")
    if selector is not None and match is not None:
        raise RolloutError(f"{where}: selector and match exclude each other; leave one of them out.")
    if match is not None:
        return Selection(match, _expression(match, f"{where}, match"), expression=True)
    if selector is None:
        return None
    matches = parse_selector(selector, f"{where}, selector")
    return Selection(selector, lambda node: matches(node["labels"]), expression=False)


def _expression(text: Any, option: str) -> Callable[[NodeFacts], bool]:
    """A predicate over nodes. What the expression sees is only data: it is evaluated by JMESPath and templated by nobody."""
    if not isinstance(text, str) or not text.strip():
        raise RolloutError(f"{option}: a JMESPath expression is a string that is not empty, not {text!r}.")
    if MISSING_LIBRARY is not None:
        raise RolloutError(
            f"{option}: JMESPath needs the Python library jmespath where Ansible runs: pip install jmespath, or use a label selector."
        )
    try:
        compiled = jmespath.compile(text)
    except jmespath.exceptions.JMESPathError as error:
        raise RolloutError(f"{option}: {text!r} is not a JMESPath expression: {_first_line(error)}.") from error
    if _asks_for_annotations(compiled.parsed):
        raise RolloutError(
            f"{option}: {text!r} names metadata.annotations, which no expression sees, so it would match no node: "
            "annotations of a Node may hold what is nobody's business. Label the nodes instead."
        )

    def matches(node: NodeFacts) -> bool:
        try:
            found = compiled.search(node["object"])
        except jmespath.exceptions.JMESPathError as error:
            raise RolloutError(
                f"{option}: {text!r} cannot be evaluated on Node {node['name']}: {_first_line(error)}. "
                "Where a field may be missing, ask for it first: metadata.labels.zone && starts_with(metadata.labels.zone, 'eu')."
            ) from error
        return _true(found)

    return matches


def _asks_for_annotations(part: Mapping[str, Any]) -> bool:
    """Whether metadata is followed by annotations anywhere in a parsed expression; a label of that name is another thing."""
    children = part["children"]
    chain = zip(children, children[1:]) if part["type"] in ("subexpression", "pipe") else ()
    return any(
        before["type"] == "field" and before["value"] == "metadata" and _begins_with_annotations(after)
        for before, after in chain
    ) or any(_asks_for_annotations(child) for child in children)


def _begins_with_annotations(part: Mapping[str, Any]) -> bool:
    if part["type"] == "field":
        return bool(part["value"] == "annotations")
    some = part["children"] if part["type"].startswith(("multi_select", "key_val")) else part["children"][:1]
    return any(_begins_with_annotations(child) for child in some)


def _true(found: Any) -> bool:
    """As JMESPath's own filters take it: null, false and what is empty are false; a number is true, 0 as well."""
    return (isinstance(found, (int, float)) and not isinstance(found, bool)) or bool(found)


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0].rstrip(".:")
