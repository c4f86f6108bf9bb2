# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. A Lease that a run takes, renews by a thread of its own, and releases. `_rollout/kubernetes/lease` judges.

It is created by PUT, which the API server allows for Leases (`AllowCreateOnUpdate` in pkg/registry/coordination/lease/strategy.go of
Kubernetes) and authorizes as `create` with the object's name (`UpdateResource` in endpoints/handlers/update.go of apiserver). So the
permission can be bound to this one Lease, which that of a POST cannot. The uid in the body keeps a renewal from creating a Lease anew that
somebody deleted (`DefaultUpdatedObjectInfo.Preconditions` in registry/rest/update.go).
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any, NamedTuple

from .._kube.client import ApiError, Cluster
from .._rollout.documents.lock import LeaseWatched
from .._rollout.errors import RolloutError
from .._rollout.kubernetes.lease import (
    Holder,
    Seen,
    gives_up_after,
    is_free,
    released,
    renew_every,
    seen,
    taken,
    watched,
)
from .._rollout.kubernetes.rbac import Right, right
from .._rollout.text.terminal import printable
from .processes import are_gone

LOOK_EVERY = 2.0
"""Seconds between two tries to take a Lease of another holder, and between two looks whether the run still wants its own."""
RENEWAL_SECONDS = 10.0
"""A renewal may take that long, repetitions included. The next one begins anew."""

RELEASES = 5
"""Attempts to release a Lease that its holder renews: two writes that meet are rare, and three in a row are no chance."""


class Place(NamedTuple):
    namespace: str
    name: str

    @property
    def path(self) -> str:
        return f"/apis/coordination.k8s.io/v1/namespaces/{self.namespace}/leases/{self.name}"

    def __str__(self) -> str:
        return f"Lease {self.namespace}/{self.name}"


def rights(place: Place) -> list[Right]:
    return [right(verb, place.path) for verb in ("get", "create", "update")]


def read(cluster: Cluster, place: Place) -> Seen | None:
    """The Lease as it is; None where there is none."""
    found = cluster.get_or_none(place.path)
    return None if found is None else seen(found)


def release(cluster: Cluster, place: Place) -> Seen | None:
    """Take it from its holder, whoever that is; what it was before. A renewal in this very moment is no reason to leave it."""
    for _attempt in range(RELEASES):
        raw = cluster.get_or_none(place.path)
        found = None if raw is None else seen(raw)
        if raw is None or found is None or not found.holder:
            return found
        try:
            cluster.request("PUT", place.path, body=released(raw, _now()))
        except ApiError as error:
            if error.status != 409:
                raise
        else:
            return found
    raise RolloutError(f"The {place} is written all the time, so that it could not be released. Run again.")


class Lease:
    """One Lease, during one call. Two threads use it: the caller's and its own, which renews."""

    def __init__(
        self,
        cluster: Cluster,
        place: Place,
        holder: Holder,
        duration: int,
        *,
        watch: LeaseWatched | None = None,
        wanted: Callable[[], bool] = lambda: True,
    ):
        """
        :param watch: what an earlier call has seen of another holder's
        :param wanted: is there still somebody for whom it is held?
        """
        self.place = place
        self.holder = holder
        self.watch = watch
        self.other: Seen | None = None
        """Another holder's, as it was seen last."""
        self.is_ours = False
        self.on_loss: Callable[[], object] = lambda: None
        """Called by the thread that renews, once the Lease is lost."""
        self._cluster = cluster
        self._duration = duration
        self._wanted = wanted
        self._lost: str | None = None
        self._object: dict[str, Any] = {}
        self._renewed = self._looked = 0.0
        self._trouble = ""
        self._writing = threading.RLock()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def try_to_take(self) -> bool:
        """Is it ours now? One attempt; what stands in the way is in `other`."""
        raw, now = self._cluster.get_or_none(self.place.path), time.monotonic()
        if raw is not None:
            self.other = found = seen(raw)
            self.watch = watched(self.watch, found.version, now - self._looked if self._looked else 0.0)
            self._looked = now
            if not is_free(found, self.watch, self.holder.name, are_gone(found.processes)):
                return False
        try:
            self._put(raw)
        except ApiError as error:
            if error.status == 404:
                raise RolloutError(
                    f"The {self.place} cannot be created: there is no namespace {self.place.namespace}."
                ) from error
            # Somebody was quicker: the next attempt looks at who. A Lease that was created meanwhile is an update without a version (422).
            if error.status == 409 or (raw is None and self._cluster.get_or_none(self.place.path) is not None):
                return False
            raise
        self.is_ours, self.watch, self.other = True, None, None
        self._thread = threading.Thread(target=self._keep, name="lease", daemon=True)
        self._thread.start()
        return True

    def resume(self) -> bool:
        """Go on with what an earlier call of this run took. If another one has it by now, it is lost."""
        return self._is_still_ours() and self.try_to_take()

    def lose(self, why: str) -> None:
        self._lost = self._lost or why

    @property
    def lost(self) -> str | None:
        """Why it is held no longer. Nothing is to be written then."""
        since = time.monotonic() - self._renewed
        if self.is_ours and self._lost is None and since > gives_up_after(self._duration):
            self._lost = f"it could not be renewed for {since:.0f} s: {self._trouble or 'no answer'}"
        return self._lost

    def renew(self) -> None:
        """Write it now. A failure is no loss as long as it is ours and the time is not up."""
        with self._writing:
            if self.lost is not None or self._ended.is_set():
                return
            try:
                self._put(self._object)
            except RolloutError as error:
                self._trouble = error.said if isinstance(error, ApiError) else str(error)
                with contextlib.suppress(RolloutError):
                    self._is_still_ours()

    def release(self) -> None:
        """Let the next one have it at once. If that fails, it expires."""
        self.leave()
        if self.is_ours:
            with contextlib.suppress(RolloutError):
                if self._is_still_ours():
                    self._write(released(self._object, _now()))

    def leave(self) -> None:
        """Stop renewing, and keep it for the next call."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def _keep(self) -> None:
        while not self._ended.wait(min(LOOK_EVERY, renew_every(self._duration))):
            if not self._wanted():
                self.lose("the process that began the run has ended")
            elif time.monotonic() - self._renewed >= renew_every(self._duration):
                self.renew()
            if self.lost is not None:
                self.on_loss()
                return

    def _is_still_ours(self) -> bool:
        """A write without an answer may have been carried out: then the next one would meet a newer version than it expects."""
        raw = self._cluster.get_or_none(self.place.path, timeout=RENEWAL_SECONDS)
        found = None if raw is None else seen(raw)
        if raw is None or found is None:
            self.lose("somebody deleted it")
        elif found.holder == self.holder.name:
            self._object = raw
            return True
        elif found.holder:
            self.lose(f"{printable(found.holder)} has it since {found.acquired}")
        else:
            self.lose("somebody released it")
        return False

    def _put(self, raw: dict[str, Any] | None) -> None:
        """With the version that was read, so that two runs cannot both have it."""
        began = time.monotonic()
        self._object = self._write(taken(raw, self.place, self.holder, self._duration, _now()))
        self._renewed = began

    def _write(self, body: dict[str, Any]) -> dict[str, Any]:
        return self._cluster.request("PUT", self.place.path, body=body, timeout=RENEWAL_SECONDS)


def _now() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
