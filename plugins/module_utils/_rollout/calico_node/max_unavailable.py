# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. maxUnavailable of calico-node's rolling update, raised while an adoption restarts it everywhere, and put back.

It lies beside the pod template, so that changing it restarts nothing. The same patch writes the former value into an annotation. If a run
is killed in between, the next one restores the value from it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from ..documents import RaisedSeen
from ..errors import RolloutError
from ..kubernetes.names import ANNOTATION_RAISED

_PATH = ("spec", "nodeUpdateStrategy", "rollingUpdate", "maxUnavailable")
_POINTER = "/" + "/".join(_PATH)
_ANNOTATION_POINTER = "/metadata/annotations/" + ANNOTATION_RAISED.replace("~", "~0").replace("/", "~1")

_WHOLE = re.compile(r"[1-9][0-9]{0,8}\Z")
_WRITTEN = re.compile(r"[0-9]{1,9}%?\Z")
_PERCENTAGE = re.compile(r"([1-9][0-9]?|100)%\Z")


def check_max_unavailable(value: Any) -> str | None:
    """A count or a percentage, as Kubernetes has it; None where it is not to be raised."""
    text = "" if value is None else str(value).strip()
    if text and not (_WHOLE.match(text) or _PERCENTAGE.match(text)):
        raise RolloutError(
            f"adoption_max_unavailable: {value!r} is neither a number of nodes nor a percentage of them, such as 5 or 10%."
        )
    return text or None


def at_once(max_unavailable: str, nodes: int) -> int:
    """How many of the nodes may be without calico-node, as the DaemonSet controller counts: a percentage is rounded up."""
    percentage = _PERCENTAGE.match(max_unavailable)
    if percentage:
        return -(-nodes * int(percentage.group(1)) // 100) or 1
    return int(max_unavailable) if _WHOLE.match(max_unavailable) else 1


def surges(max_surge: str) -> bool:
    """New pods come before old ones go. maxUnavailable must be 0 then, or the API server refuses the DaemonSet."""
    return max_surge not in ("0", "0%")


def at_a_time(max_unavailable: str, max_surge: str, nodes: int) -> int:
    """On how many of the nodes a rolling update restarts calico-node at the same time."""
    return at_once(max_surge if surges(max_surge) else max_unavailable, nodes)


def raises(wanted: str | None, present: str | None, nodes: int) -> bool:
    """The value wanted lets more nodes restart at once than the present one. Where none is written, it is 1."""
    return wanted is not None and at_once(wanted, nodes) > at_once(present or "1", nodes)


def max_unavailable_of(raw_installation: Mapping[str, Any]) -> str | None:
    value = _value(raw_installation)
    return None if value is None else str(value)


def raised_of(raw_installation: Mapping[str, Any]) -> RaisedSeen | None:
    """What a rollout left in its annotation; None where there is none, or where it is not a rollout's."""
    text = _annotations(raw_installation).get(ANNOTATION_RAISED)
    if text is None:
        return None
    try:
        kept = json.loads(text)
        previous, raised = kept["previous"], str(kept["raised"])
    except (ValueError, KeyError, TypeError):
        return None
    # What an annotation says goes back into the spec only if it can be what was there.
    if previous is not None and not _WRITTEN.match(str(previous)):
        return None
    return RaisedSeen(
        previous=None if previous is None else str(previous),
        raised=raised,
        plan=_text(kept.get("plan")),
        until=_text(kept.get("until")),
    )


def raising_patch(raw_installation: Mapping[str, Any], value: str, plan: str, until: str) -> list[dict[str, Any]]:
    """A JSON patch that raises the value. It records the former value, the plan, and the instant (RFC 3339) at which its run ends at the
    latest; its `test`s fail when somebody was faster."""
    present = _value(raw_installation)
    kept = json.dumps({"previous": present, "raised": value, "plan": plan, "until": until}, sort_keys=True)
    patch = [_unchanged(raw_installation)]
    if present is not None:
        patch.append({"op": "test", "path": _POINTER, "value": present})
    patch += _missing_parents(raw_installation)
    patch.append({"op": "add", "path": _POINTER, "value": _typed(value)})
    if not _annotations(raw_installation):
        patch.append({"op": "add", "path": "/metadata/annotations", "value": {}})
    patch.append({"op": "add", "path": _ANNOTATION_POINTER, "value": kept})
    return patch


def restoring_patch(raw_installation: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A JSON patch that puts the value back and forgets it. A value that somebody else has written since stays."""
    raised = raised_of(raw_installation)
    present = _value(raw_installation)
    patch = [_unchanged(raw_installation)]
    if raised is not None and present is not None and str(present) == raised["raised"]:
        patch.append({"op": "test", "path": _POINTER, "value": present})
        if raised["previous"] is None:
            patch.append({"op": "remove", "path": _POINTER})
        else:
            patch.append({"op": "replace", "path": _POINTER, "value": _typed(raised["previous"])})
    patch.append({"op": "remove", "path": _ANNOTATION_POINTER})
    return patch


def leaving_patch(raw_installation: Mapping[str, Any], manager: str) -> list[dict[str, Any]] | None:
    """A JSON patch that takes a manager out of managedFields; None where nothing of it is there.

    To put the value back is a write of ours too. The API server notes us as its owner, though the value is somebody else's again. No
    field is changed here, so that the request makes us the owner of none.
    """
    entries = raw_installation["metadata"].get("managedFields") or []
    ours = [place for place, entry in enumerate(entries) if entry.get("manager") == manager]
    if not ours or len(ours) == len(entries):
        return None  # An empty list would not be taken for one.
    patch = [_unchanged(raw_installation)]
    for place in reversed(ours):
        patch.append({"op": "remove", "path": f"/metadata/managedFields/{place}"})
    return patch


def _unchanged(raw_installation: Mapping[str, Any]) -> dict[str, Any]:
    return {"op": "test", "path": "/metadata/resourceVersion", "value": raw_installation["metadata"]["resourceVersion"]}


def _missing_parents(raw_installation: Mapping[str, Any]) -> list[dict[str, Any]]:
    patch = []
    inner: Any = raw_installation
    for depth, key in enumerate(_PATH[:-1], 1):
        inner = (inner or {}).get(key)
        if inner is None:
            patch.append({"op": "add", "path": "/" + "/".join(_PATH[:depth]), "value": {}})
    return patch


def _value(raw_installation: Mapping[str, Any]) -> Any:
    inner: Any = raw_installation
    for key in _PATH:
        inner = (inner or {}).get(key)
    return inner


def _annotations(raw_installation: Mapping[str, Any]) -> Mapping[str, str]:
    return (raw_installation.get("metadata") or {}).get("annotations") or {}


def _text(value: Any) -> str | None:
    """What the annotation says is not trusted to have a shape."""
    return value if isinstance(value, str) and len(value) <= 64 else None


def _typed(value: str) -> int | str:
    """An IntOrString: the API server takes "5" for a malformed percentage."""
    return int(value) if value.isdigit() else value
