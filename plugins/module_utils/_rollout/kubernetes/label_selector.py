# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Kubernetes' label selectors: as users write them, and as objects hold them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Callable, NamedTuple

from ..errors import RolloutError
from .names import key_problem, value_problem

_INTEGER = re.compile(r"[+-]?[0-9]+\Z")
_TOKEN = re.compile(r"\s*(==|!=|[=!(),<>]|[^\s=!(),<>]+)")
_SYMBOLS = frozenset(("==", "!=", "=", "!", "(", ")", ",", "<", ">"))


def parse_selector(text: str, option: str = "selector") -> Callable[[Mapping[str, str]], bool]:
    """A predicate over labels for a Kubernetes label selector; the empty selector matches everything."""
    requirements = tuple(_requirements(text, option))
    return lambda labels: all(requirement.matches(labels) for requirement in requirements)


def label_selector(raw: Mapping[str, Any], place: str) -> Callable[[Mapping[str, str]], bool]:
    """A predicate over labels for a LabelSelector of an object (`place` names it in an error); an empty one matches everything.

    Source: LabelSelectorAsSelector in apimachinery/pkg/apis/meta/v1/helpers.go.
    """
    requirements = [_Requirement(key, "in", (value,)) for key, value in (raw.get("matchLabels") or {}).items()]
    for one in raw.get("matchExpressions") or []:
        if one["operator"] not in _OF_OBJECTS:
            known = ", ".join(_OF_OBJECTS)
            raise RolloutError(
                f"{place}: a label selector has the operator {one['operator']}. Known are {known}. Use a newer release of this collection."
            )
        requirements.append(_Requirement(one["key"], _OF_OBJECTS[one["operator"]], tuple(one.get("values") or ())))
    return lambda labels: all(requirement.matches(labels) for requirement in requirements)


_OF_OBJECTS = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "!"}


class _Requirement(NamedTuple):
    key: str
    operator: str
    values: tuple[str, ...]

    def matches(self, labels: Mapping[str, str]) -> bool:
        # As in Kubernetes: a label that is not there satisfies `!=`, `notin` and `!key`, and nothing else.
        present = self.key in labels
        if self.operator in ("notin", "!"):
            return not present or (self.operator == "notin" and labels[self.key] not in self.values)
        if not present or self.operator == "exists":
            return present
        if self.operator == "in":
            return labels[self.key] in self.values
        if not _INTEGER.match(labels[self.key]):
            return False
        difference = int(labels[self.key]) - int(self.values[0])
        return difference > 0 if self.operator == ">" else difference < 0


class _Tokens:
    """The selector's words and symbols, with their place for error messages."""

    def __init__(self, text: str, option: str) -> None:
        self.text = text
        self.option = option
        self.items = [(match.group(1), match.start(1)) for match in _TOKEN.finditer(text)]
        self.at = 0

    def peek(self) -> str | None:
        return self.items[self.at][0] if self.at < len(self.items) else None

    def take(self) -> None:
        self.at += 1

    def error(self, expected: str) -> RolloutError:
        if self.at < len(self.items):
            token, place = self.items[self.at]
            where = f'at "{token}" (character {place + 1})'
        else:
            where = "at its end"
        return RolloutError(f'{self.option}: "{self.text}" is not a label selector: {where} expected {expected}.')


def _requirements(text: str, option: str) -> Iterator[_Requirement]:
    if not isinstance(text, str):
        raise RolloutError(f"{option}: a label selector is a string, not {type(text).__name__}.")
    tokens = _Tokens(text, option)
    if not tokens.items:
        return
    while True:
        yield _requirement(tokens)
        if tokens.peek() is None:
            return
        if tokens.peek() != ",":
            raise tokens.error("a comma or the end")
        tokens.take()


def _requirement(tokens: _Tokens) -> _Requirement:
    absent = tokens.peek() == "!"
    if absent:
        tokens.take()
    key = tokens.peek()
    if key is None or key in _SYMBOLS:
        raise tokens.error("a label key")
    problem = key_problem(key)
    if problem:
        raise tokens.error(f"a label key, but {problem}")
    tokens.take()
    if absent:
        return _Requirement(key, "!", ())
    operator = tokens.peek()
    if operator is None or operator == ",":
        return _Requirement(key, "exists", ())
    if operator in ("=", "==", "!="):
        tokens.take()
        return _Requirement(key, "notin" if operator == "!=" else "in", (_value(tokens),))
    if operator in ("in", "notin"):
        tokens.take()
        return _Requirement(key, operator, _value_list(tokens))
    if operator in ("<", ">"):
        tokens.take()
        bound = tokens.peek()
        if bound is None or not _INTEGER.match(bound):
            raise tokens.error("a whole number")
        tokens.take()
        return _Requirement(key, operator, (bound,))
    raise tokens.error("one of =, ==, !=, in, notin, <, >, a comma or the end")


def _value_list(tokens: _Tokens) -> tuple[str, ...]:
    if tokens.peek() != "(":
        raise tokens.error('"("')
    tokens.take()
    values = [_value(tokens)]
    while tokens.peek() == ",":
        tokens.take()
        values.append(_value(tokens))
    if tokens.peek() != ")":
        raise tokens.error('a comma or ")"')
    tokens.take()
    return tuple(values)


def _value(tokens: _Tokens) -> str:
    """One value; nothing at all before a comma, a bracket or the end is the empty value, as in Kubernetes."""
    token = tokens.peek()
    if token is None or token in (",", ")"):
        return ""
    if token in _SYMBOLS:
        raise tokens.error("a label value")
    problem = value_problem(token)
    if problem:
        raise tokens.error(f"a label value, but {problem}")
    tokens.take()
    return token
