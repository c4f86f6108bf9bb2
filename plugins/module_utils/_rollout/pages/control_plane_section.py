# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. How the rest of Calico stands, told to people: the last lines before the result."""

from __future__ import annotations

from ..documents import ControlPlane
from ..text.markdown import escaped
from ..text.terminal import count, paragraph

TITLE = "Beside calico-node"


def section(control_plane: ControlPlane | None) -> list[str]:
    """For a terminal; nothing where it was not read."""
    if control_plane is None:
        return []
    told = sentences(control_plane)
    if len(told) == 1:
        return ["", *paragraph(f"{TITLE}: {told[0]}")]
    return ["", f"{TITLE}, and no gate:", *(line for one in told for line in paragraph(one, indent=2))]


def markdown_section(control_plane: ControlPlane | None) -> list[str]:
    if control_plane is None:
        return []
    return ["", f"## {TITLE}", "", *(f"- {escaped(one)}" for one in sentences(control_plane))]


def sentences(control_plane: ControlPlane) -> list[str]:
    """What is not well first; that all is well only where nothing was left unread."""
    ready = sum(one["ready"] for one in control_plane["components"])
    told = [f"{one}." for one in control_plane["troubles"]]
    told += [f"Not read: {one}." for one in control_plane["not_read"]]
    if control_plane["well"]:
        told.append(f"every TigeraStatus is Available, and {count(ready, 'component is', 'components are')} ready.")
    api = control_plane["calico_api"]
    if api["ground"] != ALONE:
        told.append(f"Calico's own resources are {api['group']}: {api['ground']}.")
    return told


ALONE = "it alone is served"
"""The ground of the ordinary case, which needs no word."""
