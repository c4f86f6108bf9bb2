# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Go's regular expressions. Calico matches names of interfaces by them, and searches: no end of the name is implied.

Source: https://pkg.go.dev/regexp/syntax (RE2). Python knows more than Go (lookahead, backreferences, possessive repetition), and Go
some that Python does not (`[[:alpha:]]`, `\\z`, `\\Q...\\E`). What Go refuses is refused here: Calico would not start with it.
"""

import re
from typing import Iterable, Pattern, Tuple

_CLASSES = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "ascii": "\\x00-\\x7f",
    "blank": "\\t ",
    "cntrl": "\\x00-\\x1f\\x7f",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": "!-/:-@\\[-`{-~",
    "space": "\\t\\n\\v\\f\\r ",
    "upper": "A-Z",
    "word": "0-9A-Za-z_",
    "xdigit": "0-9A-Fa-f",
}
_SAME = "AbBdDsSwWafnrtv"
# Go calls more than this too large.
_MOST_REPEATED = 1000
_LEADING_FLAGS = re.compile(r"^\(\?([imsU]*)(?:-[imsU]+)?\)")
_GROUP = re.compile(r"\(\?(?::|P?<[A-Za-z_]\w*>|[ims]+:)")
_REPEATED = re.compile(r"\{(\d+)(?:,(\d*))?\}")


class NotGo(ValueError):
    """The expression is none that Go takes, or none that can be translated; the text says which part."""


def compiled(expression: str) -> Pattern[str]:
    """The same expression for Python's re.search. Raises NotGo."""
    flags = _LEADING_FLAGS.match(expression)
    # Ungreedy (U) changes what is taken, not whether anything is.
    chosen = "".join(sorted(set(flags.group(1)) - {"U"})) if flags else ""
    body = expression[flags.end() :] if flags else expression
    try:
        return re.compile((f"(?{chosen})" if chosen else "") + _translated(body), re.ASCII)
    except (re.error, OverflowError) as error:
        raise NotGo(f"{expression}: {error}") from error


def any_of(expressions: Iterable[str]) -> Pattern[str]:
    """Calico joins several expressions as alternatives: an empty one among them matches every name. Raises NotGo."""
    each = [compiled(one) for one in expressions]
    return re.compile("|".join(f"(?:{_scoped(one)})" for one in each), re.ASCII)


def _scoped(pattern: Pattern[str]) -> str:
    flags = "".join(name for name, bit in (("i", re.I), ("m", re.M), ("s", re.S)) if pattern.flags & bit)
    body = _LEADING_FLAGS.sub("", pattern.pattern, count=1)
    return f"(?{flags}:{body})" if flags else body


def _translated(text: str) -> str:
    found, at, repeated = "", 0, False
    while at < len(text):
        letter = text[at]
        before, repeats = repeated, False
        if letter == "\\":
            part, at = _escaped(text, at)
        elif letter == "[":
            part, at = _class(text, at)
        elif letter == "(":
            part, at = _opened(text, at)
        elif letter in "*+?" or _REPEATED.match(text, at):
            if before:
                raise NotGo(f"{text}: two repetitions in a row")
            part, at = _repetition(text, at)
            repeats = True
        else:
            part, at = ("\\{" if letter == "{" else letter), at + 1
        found, repeated = found + part, repeats
    return found


def _repetition(text: str, at: int) -> Tuple[str, int]:
    counted = _REPEATED.match(text, at)
    if counted and any(int(number) > _MOST_REPEATED for number in counted.groups() if number):
        raise NotGo(f"{text}: repeated more than {_MOST_REPEATED} times")
    end = counted.end() if counted else at + 1
    return (text[at : end + 1], end + 1) if text[end : end + 1] == "?" else (text[at:end], end)


def _opened(text: str, at: int) -> Tuple[str, int]:
    if not text.startswith("(?", at):
        return "(", at + 1
    group = _GROUP.match(text, at)
    if group is None:
        raise NotGo(f"{text}: no group that Go and this check know begins with {text[at : at + 4]}")
    return re.sub(r"^\(\?<", "(?P<", group.group()), group.end()


def _escaped(text: str, at: int) -> Tuple[str, int]:
    after = text[at + 1 : at + 2]
    if after == "Q":
        quoted, _end, _rest = text[at + 2 :].partition("\\E")
        return re.escape(quoted), min(len(text), at + 2 + len(quoted) + 2)
    if after == "z":
        return "\\Z", at + 2
    if after == "x":
        digits = re.match(r"\{([0-9A-Fa-f]{1,6})\}|([0-9A-Fa-f]{2})", text[at + 2 :])
        if digits:
            return re.escape(chr(int(digits.group(1) or digits.group(2), 16))), at + 2 + digits.end()
    if after and (after in _SAME or not (after.isalnum() or after == "_")):
        return "\\" + after, at + 2
    raise NotGo(f"{text}: \\{after} is no escape that Go and this check know")


def _class(text: str, at: int) -> Tuple[str, int]:
    """A set in brackets. A bracket that comes first is a member."""
    found, at = "[", at + 1
    if text.startswith("^", at):
        found, at = found + "^", at + 1
    first = True
    while at < len(text) and (first or text[at] != "]"):
        named = re.match(r"\[:(\^?)([a-z]+):\]", text[at:])
        if named:
            if named.group(1) or named.group(2) not in _CLASSES:
                raise NotGo(f"{text}: {named.group()} is not known here")
            part, at = _CLASSES[named.group(2)], at + named.end()
        elif text[at] == "\\":
            part, at = _escaped(text, at)
        else:
            part, at = ("\\" + text[at] if text[at] in "[]&~|" else text[at]), at + 1
        found, first = found + part, False
    if at >= len(text):
        raise NotGo(f"{text}: a bracket is not closed")
    return found + "]", at + 1
