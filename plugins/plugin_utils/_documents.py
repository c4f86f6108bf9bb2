# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. How documents come into filters, and how their errors come out."""

from __future__ import annotations

import functools
from typing import Any, Callable, TypeVar, cast

from ansible.errors import AnsibleFilterError
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout import documents
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import DOCUMENT_VERSION
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents.canonical import plain
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents.validate import flaw_of
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.errors import RolloutError
from ansible_collections.calico_ops.rollout.plugins.plugin_utils._untrusted import untrusted

_Filter = TypeVar("_Filter", bound=Callable[..., Any])


def document(value: Any, *kinds: str) -> Any:
    """The value as plain JSON, if it is a document of one of these kinds and of a version that this collection reads."""
    data = plain(value)
    kind = data.get("kind") if isinstance(data, dict) else None
    if kind not in kinds:
        given = f"a {kind}" if kind else type(value).__name__
        wanted = " or ".join(filter(None, (", ".join(kinds[:-1]), kinds[-1])))
        raise RolloutError(f"a {wanted} document is needed, not {given}.")
    if data.get("version") != DOCUMENT_VERSION:
        raise RolloutError(
            f"this {kind} has version {data.get('version')}, this collection reads version {DOCUMENT_VERSION}."
        )
    flaw = flaw_of(data, getattr(documents, kind))
    if flaw is not None:
        raise RolloutError(
            f"{flaw.told(kind)}. The document was altered, or another version of this collection made it; make it anew."
        )
    return data


def from_the_cluster(values: Any, name: str, definition: Any) -> Any:
    """Documents without a kind of their own, `name` of an argument, as plain JSON; one or a list of them."""
    data = plain(values)
    for index, value in enumerate(data if isinstance(data, list) else [data]):
        flaw = flaw_of(value, definition)
        if flaw is not None:
            where = f"{name}[{index}]" if isinstance(data, list) else name
            raise RolloutError(f"{flaw.told(where)}. Hand over what rollout_info returned.")
    return data


def made_or_complaint(wanted: bool, make: Callable[[], Any]) -> Any:
    """What a filter makes; with its option `or_complaint` what is wrong with the input comes back as `{"complaint": sentence}`.

    Ansible puts two sentences of its own before a filter's error ("Finalization of task args for ... failed: Error while resolving value
    for ..."). A task that asserts that there is no complaint shows the one sentence that says what to do.
    """
    try:
        return make()
    except RolloutError as error:
        if not wanted:
            raise
        # It may repeat what a host or a user wrote.
        return {"complaint": untrusted(str(error))}


def readable(function: _Filter) -> _Filter:
    """The filter, with RolloutErrors as Ansible's own: their text is all that a user needs, without a traceback."""

    @functools.wraps(function)
    def filtered(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except RolloutError as error:
            raise AnsibleFilterError(f"calico_ops.rollout.{function.__name__}: {error}") from error

    return cast(_Filter, filtered)
