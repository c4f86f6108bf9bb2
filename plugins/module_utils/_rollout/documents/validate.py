# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Is this value the document that a TypedDict defines? The answer names the field and what belongs there.

The definitions are the one source: docs/reference/schemas is generated from them, and here they are read again. They are read as syntax and
never evaluated, because Python 3.9 cannot evaluate `str | None`.
"""

from __future__ import annotations

import ast
import functools
import sys
import typing
from collections.abc import Mapping
from typing import Any, Callable, NamedTuple, Union

Judge = Callable[[Any], "Flaw | None"]


class Flaw(NamedTuple):
    """One thing that is wrong with a document."""

    path: str
    """Where, as `.batches[1].nodes[0]`; empty for the document itself."""
    expected: str
    """What belongs there, in words; `nothing` for a field that the definition does not know."""
    found: str

    def told(self, document: str) -> str:
        """One sentence without a full stop."""
        where = document + self.path
        if self.found == MISSING:
            return f"{where} is missing: {self.expected} belongs there"
        if self.expected == NOTHING:
            return f"{where} is not a field of this document"
        return f"{where}: {self.expected} belongs here, not {self.found}"


class Shape(NamedTuple):
    words: str
    judge: Judge


MISSING, NOTHING = "missing", "nothing"
_LONGEST = 60


def flaw_of(value: Any, definition: Any) -> Flaw | None:
    """The first flaw of a value that should be this TypedDict; None where it is one. `value` is plain JSON."""
    return _typed_dict(definition).judge(value)


@functools.cache
def _typed_dict(definition: Any) -> Shape:
    """A document's keys are closed, as in its JSON Schema."""
    names = vars(sys.modules[definition.__module__])
    required: frozenset[str] = definition.__required_keys__
    shapes: dict[str, Shape] = {}

    def fields() -> dict[str, Shape]:
        if not shapes:
            shapes.update(
                (key, _shape(_written(annotation), names)) for key, annotation in definition.__annotations__.items()
            )
        return shapes

    def judge(value: Any) -> Flaw | None:
        if not isinstance(value, Mapping):
            return Flaw("", "a mapping", _told(value))
        known = fields()
        for key, shape in known.items():
            if key not in value:
                if key in required:
                    return Flaw("." + key, shape.words, MISSING)
                continue
            flaw = shape.judge(value[key])
            if flaw is not None:
                return _within("." + key, flaw)
        unknown = [key for key in value if key not in known]
        return Flaw(f".{unknown[0]}", NOTHING, "") if unknown else None

    return Shape("a mapping", judge)


def _written(annotation: Any) -> Any:
    """An annotation as syntax where it was postponed (a string or a ForwardRef), else as the object that it is."""
    text = annotation if isinstance(annotation, str) else getattr(annotation, "__forward_arg__", None)
    return annotation if text is None else ast.parse(text, mode="eval").body


def _shape(annotation: Any, names: Mapping[str, Any]) -> Shape:
    if not isinstance(annotation, ast.expr):
        return _of_object(annotation, names)
    if isinstance(annotation, ast.Constant):
        return _NULL if annotation.value is None else _shape(_written(annotation.value), names)
    if isinstance(annotation, ast.Name):
        return _SCALARS.get(annotation.id) or _of_object(names[annotation.id], names)
    if isinstance(annotation, ast.BinOp):
        return _any_of([_shape(annotation.left, names), _shape(annotation.right, names)])
    if isinstance(annotation, ast.Subscript) and isinstance(annotation.value, ast.Name):
        inner = annotation.slice
        inner = getattr(inner, "value", inner) if type(inner).__name__ == "Index" else inner
        arguments = list(inner.elts) if isinstance(inner, ast.Tuple) else [inner]
        if annotation.value.id == "Literal":
            return _literal([ast.literal_eval(one) for one in arguments])
        return _generic(annotation.value.id, [_shape(one, names) for one in arguments])
    raise TypeError(f"validate.py does not know the annotation {ast.dump(annotation)}")


def _of_object(annotation: Any, names: Mapping[str, Any]) -> Shape:
    if annotation is None or annotation is _NONE_TYPE:
        return _NULL
    if isinstance(annotation, type) and hasattr(annotation, "__required_keys__"):
        return _typed_dict(annotation)
    if annotation is Any:
        return _SCALARS["Any"]
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Literal:
        return _literal(list(arguments))
    if origin is not None:
        name = "Union" if origin is Union else origin.__name__
        return _generic(name, [_shape(_written(one), names) for one in arguments])
    return _SCALARS[annotation.__name__]


def _generic(name: str, arguments: list[Shape]) -> Shape:
    if name == "list":
        return _list_of(arguments[0])
    if name == "dict":
        return _mapping_to(arguments[1])
    if name == "Union":
        return _any_of(arguments)
    if name == "Optional":
        return _any_of([*arguments, _NULL])
    raise TypeError(f"validate.py does not know the type {name}")


def _scalar(words: str, *kinds: type) -> Shape:
    def judge(value: Any) -> Flaw | None:
        # bool is an int to Python, and never a number in a document.
        good = isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool))
        return None if good else Flaw("", words, _told(value))

    return Shape(words, judge)


def _list_of(item: Shape) -> Shape:
    words = f"a list (each item: {item.words})"

    def judge(value: Any) -> Flaw | None:
        if not isinstance(value, list):
            return Flaw("", words, _told(value))
        for index, one in enumerate(value):
            flaw = item.judge(one)
            if flaw is not None:
                return _within(f"[{index}]", flaw)
        return None

    return Shape(words, judge)


def _mapping_to(item: Shape) -> Shape:
    words = f"a mapping (each value: {item.words})"

    def judge(value: Any) -> Flaw | None:
        if not isinstance(value, Mapping):
            return Flaw("", words, _told(value))
        for key, one in value.items():
            if not isinstance(key, str):
                return Flaw("", "a mapping whose keys are texts", f"the key {key!r}")
            flaw = item.judge(one)
            if flaw is not None:
                return _within(f".{key}", flaw)
        return None

    return Shape(words, judge)


def _any_of(shapes: list[Shape]) -> Shape:
    words = " or ".join(dict.fromkeys(shape.words for shape in shapes))

    def judge(value: Any) -> Flaw | None:
        flaws = [shape.judge(value) for shape in shapes]
        if None in flaws:
            return None
        # The kind that fits best explains most: the one whose flaw lies deepest.
        deepest = max((flaw for flaw in flaws if flaw is not None), key=lambda flaw: len(flaw.path))
        return deepest if deepest.path else Flaw("", words, _told(value))

    return Shape(words, judge)


def _literal(values: list[Any]) -> Shape:
    words = " or ".join(repr(value) for value in values)
    words = f"one of {words}" if len(values) > 1 else words

    def judge(value: Any) -> Flaw | None:
        good = any(type(value) is type(one) and value == one for one in values)
        return None if good else Flaw("", words, _told(value))

    return Shape(words, judge)


def _within(where: str, flaw: Flaw) -> Flaw:
    return flaw._replace(path=where + flaw.path)


def _told(value: Any) -> str:
    """What was found, short: a document may come from anywhere, and be large."""
    if value is None:
        return "null"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    text = repr(value)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "..."


_NONE_TYPE = type(None)
_NULL = Shape("null", lambda value: None if value is None else Flaw("", "null", _told(value)))
_SCALARS: dict[str, Shape] = {
    "str": _scalar("a text", str),
    "int": _scalar("a whole number", int),
    "float": _scalar("a number", int, float),
    "bool": _scalar("true or false", bool),
    "Any": Shape("anything", lambda value: None),
}
