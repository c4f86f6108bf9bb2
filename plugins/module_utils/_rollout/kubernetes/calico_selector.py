# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Calico's own selectors, which are no Kubernetes label selectors (libcalico-go/lib/selector: tokenizer.go, parser.go)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Callable

Labels = Mapping[str, str]
Predicate = Callable[[Labels], bool]

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<text>"[^"]*"|'[^']*')
    | (?P<call>(?:all|global)\(\s*\)|has\(\s*[\w./-]+\s*\))
    | (?P<word>(?:starts|ends)\s*with\b|not\s*in\b|[\w./-]+)
    | (?P<symbol>==|!=|&&|\|\||[!(){},])
    )""",
    re.VERBOSE | re.ASCII,
)
_COMPARISONS: Mapping[str, Callable[[str, str], bool]] = {
    "contains": lambda value, part: part in value,
    "startswith": str.startswith,
    "endswith": str.endswith,
}


def calico_selector(text: str) -> Predicate:
    """A predicate over labels; the empty selector matches everything. ValueError where it cannot be read."""
    parser = _Parser(text)
    if not parser.tokens:
        return lambda _labels: True
    found = parser.either()
    parser.end()
    return found


class _Parser:
    def __init__(self, text: str) -> None:
        self.tokens: list[tuple[str, str]] = []
        place, text = 0, text.strip()
        while place < len(text):
            match = _TOKEN.match(text, place)
            if match is None:
                raise ValueError(f"not a selector of Calico's: {text}")
            self.tokens.append((str(match.lastgroup), match[str(match.lastgroup)]))
            place = match.end()
        self.text = text
        self.at = 0

    def either(self) -> Predicate:
        parts = [self._all_of()]
        while self._took("||"):
            parts.append(self._all_of())
        return lambda labels: any(part(labels) for part in parts)

    def end(self) -> None:
        if self.at < len(self.tokens):
            raise ValueError(f"not a selector of Calico's: {self.text}")

    def _all_of(self) -> Predicate:
        parts = [self._one()]
        while self._took("&&"):
            parts.append(self._one())
        return lambda labels: all(part(labels) for part in parts)

    def _one(self) -> Predicate:
        if self._took("!"):
            inner = self._one()
            return lambda labels: not inner(labels)
        if self._took("("):
            inner = self.either()
            self._expect(")")
            return inner
        group, token = self._next()
        if group == "call":
            name, _bracket, key = token.rstrip(") ").partition("(")
            key = key.strip()
            return (lambda labels: key in labels) if name == "has" else (lambda _labels: True)
        if group != "word":
            raise ValueError(f"not a selector of Calico's: {self.text}")
        return self._comparison(token)

    def _comparison(self, key: str) -> Predicate:
        operator = "".join(self._next()[1].split())
        if operator in ("==", "!="):
            value = self._string()
            return lambda labels: (labels.get(key) == value) == (operator == "==")
        if operator in ("in", "notin"):
            values = self._strings()
            return lambda labels: (labels.get(key) in values) == (operator == "in")
        if operator not in _COMPARISONS:
            raise ValueError(f"not a selector of Calico's: {self.text}")
        part, compare = self._string(), _COMPARISONS[operator]
        return lambda labels: key in labels and compare(labels[key], part)

    def _strings(self) -> list[str]:
        self._expect("{")
        values: list[str] = []
        while not self._took("}"):
            values.append(self._string())
            self._took(",")
        return values

    def _string(self) -> str:
        group, token = self._next()
        if group != "text":
            raise ValueError(f"not a selector of Calico's: {self.text}")
        return token[1:-1]

    def _next(self) -> tuple[str, str]:
        if self.at >= len(self.tokens):
            raise ValueError(f"not a selector of Calico's: {self.text}")
        self.at += 1
        return self.tokens[self.at - 1]

    def _took(self, symbol: str) -> bool:
        if self.at < len(self.tokens) and self.tokens[self.at] == ("symbol", symbol):
            self.at += 1
            return True
        return False

    def _expect(self, symbol: str) -> None:
        if not self._took(symbol):
            raise ValueError(f"not a selector of Calico's: {self.text}")
