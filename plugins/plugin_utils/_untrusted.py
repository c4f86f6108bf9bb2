# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Data that must never be templated, marked so for the ansible-core that runs."""

from __future__ import annotations

from typing import Any

from ansible.utils.unsafe_proxy import wrap_var

try:
    from ansible.template import trust_as_template as _trust_as_template
except ImportError:
    _TEMPLATED_UNLESS_MARKED = True
else:
    # From 2.19 on it is the other way round: what nobody calls trusted is text. Marking it as well would only cost.
    _TEMPLATED_UNLESS_MARKED = False
    del _trust_as_template


def untrusted(value: Any) -> Any:
    """The same data. Only strings that could be a template are marked: older tools show the mark where they print JSON."""
    if not _TEMPLATED_UNLESS_MARKED:
        return value
    if isinstance(value, dict):
        return {untrusted(key): untrusted(item) for key, item in value.items()}
    if isinstance(value, list):
        return [untrusted(item) for item in value]
    return wrap_var(value) if isinstance(value, str) and "{" in value else value
