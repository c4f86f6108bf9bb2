# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Whether a service runs, without asking a service manager."""

from .root import Root


def runs(root: Root, name: str) -> bool:
    """By the link that systemd keeps while a unit runs (since 236), by OpenRC's own, or by the pid file that daemons write."""
    signs = ("/run/systemd/units/invocation:{}.service", "/run/openrc/started/{}", "/run/{}.pid", "/run/{0}/{0}.pid")
    return any(root.exists(sign.format(name)) for sign in signs)
