# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls the controllers when something changed, when they asked for it, and after an error; and the reporters every 5 s.

One thread does all of it, so that no two controllers ever work at the same time.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field
from typing import Protocol

import urllib3

from tests.lab.api import Api, ApiError
from tests.lab.operator.apiserver import ApiserverController
from tests.lab.operator.installation import InstallationController, PoolController, Rejected
from tests.lab.operator.reporter import Reporter
from tests.lab.operator.tiers import TiersController

_TICK = 5.0
_AUTOSCALE = 10.0
# Everything is looked at again, changed or not.
_RESYNC = 300.0
_FIRST_BACKOFF, _LONGEST_BACKOFF = 0.5, 60.0

_log = logging.getLogger(__name__)


class Controller(Protocol):
    reporter: Reporter

    def reconcile(self, status_changed: bool) -> float | None:
        """Bring about what is declared; seconds until it is to be looked at again."""


@dataclass
class _Turn:
    """When a controller is to be called next."""

    controller: Controller
    due: float = 0.0
    backoff: float = _FIRST_BACKOFF
    status_changed: bool = field(default=False)


class Loop:
    """The stand-in at work, until it is stopped."""

    def __init__(self, api: Api, pools_seen_after: float = 0.0, real_pods: bool = False) -> None:
        self.ended = threading.Event()
        """Set when the thread is over, asked for or not: nothing works from then on."""
        self._installation = InstallationController(api, pools_seen_after, real_pods)
        self._turns = {
            "calico": _Turn(self._installation),
            "ippools": _Turn(PoolController(api)),
            "apiserver": _Turn(ApiserverController(api, real_pods)),
            "tiers": _Turn(TiersController(api)),
        }
        self._changed = threading.Condition()
        self.failed = False
        self._stopping = False
        self._thread = threading.Thread(target=self._run_until_ended, name="reconcile")

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Let the thread finish what it is at, and end."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join()

    def wake(self, *names: str) -> None:
        """Something that these controllers act on has changed."""
        with self._changed:
            for name in names:
                self._turns[name].due = 0.0
            self._changed.notify()

    def wake_for_status(self, name: str) -> None:
        """The TigeraStatus of that controller has changed: its resource mirrors it."""
        with self._changed:
            if name in self._turns:
                self._turns[name].status_changed = True
                self._turns[name].due = 0.0
                self._changed.notify()

    def _run_until_ended(self) -> None:
        self.failed = True
        try:
            self._run()
            self.failed = False
        finally:
            self.ended.set()

    def _run(self) -> None:
        self._start()
        next_tick = next_autoscale = time.monotonic()
        while not self._stopping:
            for name, turn in self._turns.items():
                if turn.due <= time.monotonic():
                    self._call(name, turn)
            if next_autoscale <= time.monotonic():
                next_autoscale = time.monotonic() + _AUTOSCALE
                self._autoscale()
            if next_tick <= time.monotonic():
                next_tick = time.monotonic() + _TICK
                self._tick()
            with self._changed:
                due = min(next_tick, next_autoscale, *(turn.due for turn in self._turns.values()))
                if not self._stopping and due > time.monotonic():
                    self._changed.wait(due - time.monotonic())

    def _start(self) -> None:
        try:
            self._installation.start()
        except (ApiError, urllib3.exceptions.HTTPError) as error:
            _log.warning("at the start: %s", error)

    def _call(self, name: str, turn: _Turn) -> None:
        with self._changed:
            status_changed, turn.status_changed = turn.status_changed, False
            turn.due = time.monotonic() + _RESYNC
        try:
            again = turn.controller.reconcile(status_changed)
        except (ApiError, Rejected, urllib3.exceptions.HTTPError) as error:
            _log.warning("%s: %s; again in %.1f s", name, error, turn.backoff)
            again, turn.backoff = turn.backoff, min(turn.backoff * 2, _LONGEST_BACKOFF)
        else:
            turn.backoff = _FIRST_BACKOFF
        if again is not None:
            with self._changed:
                turn.due = min(turn.due, time.monotonic() + again)

    def _autoscale(self) -> None:
        try:
            if self._installation.autoscale_typha():
                self.wake("calico")
        except (ApiError, urllib3.exceptions.HTTPError) as error:
            _log.warning("typha: %s", error)

    def _tick(self) -> None:
        for name, turn in self._turns.items():
            try:
                turn.controller.reporter.tick()
            except (ApiError, urllib3.exceptions.HTTPError) as error:
                _log.warning("%s: its status could not be written: %s", name, error)
