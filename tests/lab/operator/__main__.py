# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m tests.lab.operator`: run the stand-in for tigera-operator, on the API server of KUBECONFIG, until SIGTERM.

kopf watches. Only its event handlers are used, and they write nothing: kopf puts a finalizer, an annotation or a status
on a resource as soon as any other kind of handler is registered for it, and the operator's resources must look as the
operator leaves them.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from pathlib import Path
from typing import Any

import kopf

from tests.lab.api import Api
from tests.lab.operator.loop import Loop
from tests.lab.operator.names import GROUP, NAMESPACE

_registry = kopf.OperatorRegistry()
# What was seen last of an object: status writes, our own and others', do not change it.
_seen: dict[str, tuple[Any, ...]] = {}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.lab.operator", description=__doc__)
    parser.add_argument(
        "--pools-seen-after",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="render calico-node without its pools first, as the operator does in some clean installs",
    )
    parser.add_argument(
        "--real-pods",
        action="store_true",
        help="have workloads of images that the lab's real kubelets have: a policy engine as calico-node, and pauses",
    )
    options = parser.parse_args()
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    logging.getLogger("kopf").setLevel(logging.WARNING)
    loop = Loop(Api(Path(os.environ["KUBECONFIG"])), options.pools_seen_after, options.real_pods)
    # Without the loop nothing would be done any more: then kopf ends too.
    kopf.run(registry=_registry, clusterwide=True, standalone=True, memo=kopf.Memo(loop=loop), stop_flag=loop.ended)
    return 1 if loop.failed else 0


@kopf.on.startup(registry=_registry)
def _start(memo: kopf.Memo, settings: kopf.OperatorSettings, **_: Any) -> None:
    settings.posting.enabled = False
    memo.loop.start()


@kopf.on.cleanup(registry=_registry)
def _stop(memo: kopf.Memo, **_: Any) -> None:
    memo.loop.stop()


@kopf.on.login(registry=_registry)
def _login(**options: Any) -> kopf.ConnectionInfo | None:
    return kopf.login_with_kubeconfig(**options)


@kopf.on.event(GROUP, "v1", "installations", registry=_registry)
def _installation(body: kopf.Body, event: kopf.RawEvent, memo: kopf.Memo, **_: Any) -> None:
    if _changed(body, event["type"]):
        memo.loop.wake("calico", "ippools", "apiserver", "tiers")


@kopf.on.event(GROUP, "v1", "apiservers", registry=_registry)
def _apiserver(body: kopf.Body, event: kopf.RawEvent, memo: kopf.Memo, **_: Any) -> None:
    if _changed(body, event["type"]):
        memo.loop.wake("apiserver", "calico", "tiers")


@kopf.on.event(GROUP, "v1", "tigerastatuses", registry=_registry)
def _tigera_status(name: str, event: kopf.RawEvent, memo: kopf.Memo, **_: Any) -> None:
    if event["type"] != "DELETED":
        memo.loop.wake_for_status(name)


def _in_namespace(namespace: str | None, **_: Any) -> bool:
    return namespace == NAMESPACE


@kopf.on.event("apps", "v1", "daemonsets", registry=_registry, when=_in_namespace)
@kopf.on.event("apps", "v1", "deployments", registry=_registry, when=_in_namespace)
def _workload(body: kopf.Body, event: kopf.RawEvent, memo: kopf.Memo, **_: Any) -> None:
    if _changed(body, event["type"]):
        memo.loop.wake("calico", "apiserver")


def _changed(body: kopf.Body, kind: str | None) -> bool:
    metadata = body["metadata"]
    uid = metadata["uid"]
    if kind == "DELETED":
        _seen.pop(uid, None)
        return True
    state = (metadata["generation"], metadata.get("deletionTimestamp"), tuple(metadata.get("finalizers") or ()))
    changed = _seen.get(uid) != state
    _seen[uid] = state
    return changed


if __name__ == "__main__":
    sys.exit(main())
