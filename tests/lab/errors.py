# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one error of the lab that is meant to be read by a person."""

from __future__ import annotations


class LabError(Exception):
    """Something the lab cannot go on with; the text says what, why and what to do."""
