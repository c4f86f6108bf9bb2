# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors on fields in the words of Kubernetes, and the syntax of labels."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping

_NAME = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_VALUE = f"({_NAME})?"
_SUBDOMAIN = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
_ALPHANUMERIC = "alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
_NAME_RULE = f"must consist of {_ALPHANUMERIC} (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '{_NAME}')"
_VALUE_RULE = (
    f"a valid label must be an empty string or consist of {_ALPHANUMERIC} "
    f"(e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '{_VALUE}')"
)
_SUBDOMAIN_RULE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end "
    f"with an alphanumeric character (e.g. 'example.com', regex used for validation is '{_SUBDOMAIN}')"
)


def invalid(path: str, value: object, why: str) -> str:
    return f"{path}: Invalid value: {json.dumps(value, separators=(',', ':'))}: {why}"


def required(path: str, why: str) -> str:
    return f"{path}: Required value: {why}"


def forbidden(path: str, why: str) -> str:
    return f"{path}: Forbidden: {why}"


def unsupported(path: str, value: str, supported: Iterable[str]) -> str:
    names = ", ".join(f'"{name}"' for name in supported)
    return f'{path}: Unsupported value: "{value}": supported values: {names}'


def joined(errors: Iterable[str]) -> str | None:
    """One text for any number of errors, without repetitions; None when there are none."""
    distinct = list(dict.fromkeys(errors))
    if len(distinct) > 1:
        return f"[{', '.join(distinct)}]"
    return distinct[0] if distinct else None


def label_errors(labels: Mapping[str, str], path: str) -> Iterator[str]:
    for key, value in labels.items():
        yield from label_name_errors(key, path)
        yield from (invalid(path, value, why) for why in label_value_faults(value))


def label_name_errors(key: str, path: str) -> Iterator[str]:
    yield from (invalid(path, key, why) for why in label_name_faults(key))


def label_name_faults(key: str) -> Iterator[str]:
    prefix, slash, name = key.rpartition("/")
    if "/" in prefix:
        yield f"a qualified name {_NAME_RULE} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
        return
    if slash and not prefix:
        yield "prefix part must be non-empty"
    elif slash:
        if len(prefix) > 253:
            yield "prefix part must be no more than 253 bytes"
        if not re.fullmatch(_SUBDOMAIN, prefix):
            yield f"prefix part {_SUBDOMAIN_RULE}"
    if not name:
        yield "name part must be non-empty"
    elif len(name) > 63:
        yield "name part must be no more than 63 bytes"
    if not re.fullmatch(_NAME, name):
        yield f"name part {_NAME_RULE}"


def label_value_faults(value: str) -> Iterator[str]:
    if len(value) > 63:
        yield "must be no more than 63 bytes"
    if not re.fullmatch(_VALUE, value):
        yield _VALUE_RULE
