# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/troubleshooting.md has a row for each message on which a run ends, and no other."""

from __future__ import annotations

import re

import pytest

from tests.environment.places import CHECKOUT
from tests.messages import ANY, LEAST, Message, messages

ROW = re.compile(r"^\| (`+) ?(.+?) ?\1 \|", re.MULTILINE)
PATTERNS = [
    text for _ticks, text in ROW.findall((CHECKOUT / "docs" / "troubleshooting.md").read_text(encoding="utf-8"))
]
MESSAGES = messages()


def says(pattern: str, message: Message) -> bool:
    parts = (re.escape(part.strip()) for part in pattern.split(ANY))
    return re.search(".*".join(parts), message.text, re.DOTALL) is not None


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.where)
def test_a_message_has_its_row_in_the_manual(message: Message) -> None:
    assert [pattern for pattern in PATTERNS if says(pattern, message)] != [], message.text


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_row_of_the_manual_has_its_message_in_the_code(pattern: str) -> None:
    assert [message.where for message in MESSAGES if says(pattern, message)] != []
    assert len(pattern.strip(f"{ANY}: ")) >= LEAST


def test_messages_of_every_way_to_end_are_found() -> None:
    files = {message.where.split(":")[0] for message in MESSAGES}
    assert {"modules/host_prepare.py", "inventory/nodes.py", "module_utils/_rollout/reducer/decide.py"} <= files
    assert len(MESSAGES) > 100
