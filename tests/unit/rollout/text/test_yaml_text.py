# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is written is read back as it was, by any reader."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.text.yaml_text import yaml_text
from hypothesis import given
from hypothesis import strategies as st

STRINGS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
VALUES: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | STRINGS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(STRINGS, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(STRINGS, VALUES, min_size=1, max_size=3))
def test_it_is_read_back_as_it_was(value: dict[str, Any]) -> None:
    assert yaml.safe_load(yaml_text(value)) == value


@pytest.mark.parametrize(
    "word", ["true", "No", "null", "y", "1", "1e3", "0x1", "", "~", "a: b", "- a", "a #b", "12:30:45"]
)
def test_a_word_that_a_reader_could_take_for_something_else_is_quoted(word: str) -> None:
    assert yaml_text({"a": word}) == f'a: "{word}"\n'


def test_it_looks_as_people_write_it() -> None:
    value = {"spec": {"tolerations": [{"operator": "Exists", "effect": "NoSchedule"}, "x"], "affinity": {}, "none": []}}
    assert yaml_text(value) == (
        "spec:\n  tolerations:\n    - operator: Exists\n      effect: NoSchedule\n    - x\n  affinity: {}\n  none: []\n"
    )
