# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. One self-contained HTML page: nothing is loaded, every string is escaped, and no style or script runs but ours."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

PAGES = Path(__file__).parent / "pages"


def page(template: str, *, styles: Sequence[str], script: str | None = None, **told: Any) -> str:
    """The template, with the variables that are told, and the names and hashes of its own style and script."""
    style = "".join(_own(name) for name in styles)
    told.update(style=Markup(style), style_hash=_hash(style))  # noqa: S704 - our own file
    if script:
        own = _own(script)
        told.update(script=Markup(own), script_hash=_hash(own))  # noqa: S704 - our own file
    made = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True).from_string(_own(template))
    return made.render(told)


def _own(name: str) -> str:
    return (PAGES / name).read_text(encoding="utf-8")


def _hash(content: str) -> str:
    """How a Content-Security-Policy names an inline style or script."""
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
