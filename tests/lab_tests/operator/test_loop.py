# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""When the stand-in works, and when it stops, without a cluster."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from tests.lab.api import Api, ApiError
from tests.lab.operator.loop import Loop

pytestmark = [pytest.mark.operator, pytest.mark.stand_in("its own functions are asked, without a cluster")]


class Silent(Api):
    """An API server that has nothing."""

    def __init__(self, error: Exception | None = None) -> None:
        self.asked: list[str] = []
        self._error = error

    def request(self, method: str, path: str, body: Any = None, **_: Any) -> Any:
        self.asked.append(f"{method} {path}")
        raise self._error or ApiError(404, {"reason": "NotFound"})


def test_a_stopped_loop_ends_well() -> None:
    loop = Loop(Silent())
    loop.start()
    loop.stop()
    assert loop.ended.is_set()
    assert not loop.failed


def test_an_api_server_that_is_not_there_is_tried_again() -> None:
    loop = Loop(Silent(ApiError(503, {"reason": "ServiceUnavailable"})))
    loop.start()
    assert not loop.ended.wait(0.5)
    loop.stop()
    assert not loop.failed


def test_a_fault_of_its_own_ends_it_instead_of_leaving_it_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, "excepthook", told.append)
    loop = Loop(Silent(TypeError("a bug")))
    loop.start()
    assert loop.ended.wait(5)
    assert loop.failed
    assert [one.exc_type for one in told] == [TypeError]
