# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. One run at a time in a namespace: a Lease that the run renews, as client-go's leader election does.

A Lease is over when it did not change for its duration while we looked (tools/leaderelection in client-go: `observedTime`). No clock of
another machine is compared with ours.
"""

from __future__ import annotations

import threading
import time
from datetime import datetime, timezone
from typing import Any

from ..._kube.client import ApiError, Cluster
from ..._rollout.errors import RolloutError
from ..._rollout.text.terminal import printable

NAME = "policy-probe"
DURATION = 15
RENEW_EVERY = 5.0
LOOK_EVERY = 1.0


class Lease:
    """Held for as long as its context lasts."""

    def __init__(self, cluster: Cluster, namespace: str, holder: str):
        self._cluster = cluster
        self._namespace = namespace
        self._collection = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
        self._holder = holder
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._object: dict[str, Any] = {}
        self.lost: str | None = None
        """Why it is held no longer."""

    def __enter__(self) -> Lease:
        self._acquire()
        self._thread = threading.Thread(target=self._renew, name="lease", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
        if self.lost is None:
            try:
                self._put({"holderIdentity": "", "leaseDurationSeconds": 1})
            except ApiError:
                return  # It ends by itself.

    def check(self) -> None:
        if self.lost is not None:
            raise RolloutError(
                f"The Lease {self._namespace}/{NAME} was lost while the probe ran ({self.lost}), so what it saw may be "
                "another run's doing. Run it again."
            )

    def _acquire(self) -> None:
        seen, since = self._found(), time.monotonic()
        while seen is not None and _holder(seen) and time.monotonic() - since < _duration(seen):
            time.sleep(LOOK_EVERY)
            now = self._found()
            if now is not None and _holder(now) and _version(now) != _version(seen):
                raise RolloutError(
                    f"{printable(_holder(now))} probes network policy in the namespace {self._namespace} already, and "
                    f"renews its Lease {NAME}. One run at a time: wait for its end, or give this one another namespace."
                )
            seen = now
        try:
            if seen is None:
                self._object = self._cluster.request("POST", self._collection, body=self._body({}))
            else:
                self._object = seen
                self._put({})
        except ApiError as error:
            if error.status != 409:
                raise
            raise RolloutError(
                f"Another run took the Lease {NAME} in the namespace {self._namespace} at the same moment. One run at a "
                "time: wait for its end."
            ) from error

    def _found(self) -> dict[str, Any] | None:
        return self._cluster.get_or_none(f"{self._collection}/{NAME}")

    def _renew(self) -> None:
        renewed = time.monotonic()
        while not self._ended.wait(RENEW_EVERY):
            try:
                self._put({})
                renewed = time.monotonic()
            except ApiError as error:
                if not (error.is_passing and self._is_still_ours()) or time.monotonic() - renewed > DURATION:
                    self.lost = error.said
                    return

    def _is_still_ours(self) -> bool:
        """A write without an answer may have been carried out: then the next one meets a newer version than it expects."""
        try:
            found = self._found()
        except ApiError as error:
            return error.is_passing
        if found is None or _holder(found) != self._holder:
            return False
        self._object = found
        return True

    def _put(self, spec: dict[str, Any]) -> None:
        """With the version that was read, so that two runs cannot both have it."""
        self._object = self._cluster.request("PUT", f"{self._collection}/{NAME}", body=self._body(spec))

    def _body(self, spec: dict[str, Any]) -> dict[str, Any]:
        now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        ours = {"holderIdentity": self._holder, "leaseDurationSeconds": DURATION, "renewTime": now}
        metadata = {"name": NAME, "namespace": self._namespace}
        version = self._object.get("metadata", {}).get("resourceVersion")
        if version:
            metadata["resourceVersion"] = version
        return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": {**ours, **spec}}


def _holder(lease: dict[str, Any]) -> str:
    return str((lease.get("spec") or {}).get("holderIdentity") or "")


def _duration(lease: dict[str, Any]) -> float:
    return float((lease.get("spec") or {}).get("leaseDurationSeconds") or DURATION)


def _version(lease: dict[str, Any]) -> str:
    return str(lease["metadata"]["resourceVersion"])
