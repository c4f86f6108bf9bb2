# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Text on the screen while a task runs."""

from __future__ import annotations

import signal
from typing import Any

import pytest
from ansible.utils.display import Display
from ansible_collections.calico_ops.rollout.plugins.plugin_utils import _screen


def blocked() -> set[int]:
    return {int(number) for number in signal.pthread_sigmask(signal.SIG_BLOCK, [])}


def test_ctrl_c_waits_until_a_text_is_handed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    during: list[set[int]] = []
    monkeypatch.setattr(Display, "display", lambda *_arguments, **_options: during.append(blocked()))
    before = blocked()
    _screen.show("batch 1/2")
    assert {signal.SIGINT, signal.SIGTERM} <= during[0]
    assert blocked() == before


def test_signals_come_through_again_after_a_text_that_cannot_be_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(*_arguments: Any, **_options: Any) -> None:
        raise BrokenPipeError

    monkeypatch.setattr(Display, "display", closed)
    before = blocked()
    with pytest.raises(BrokenPipeError):
        _screen.show("batch 1/2")
    assert blocked() == before
