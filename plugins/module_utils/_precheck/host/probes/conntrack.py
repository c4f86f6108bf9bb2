# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The connection tracker's netlink side, which Felix uses to end flows of deleted endpoints."""

import socket
import struct

from .netlink import NLM_F_ACK, Connection

SUBSYSTEM = 1
_GET_STATS = 5


def statistics(connection: Connection, subsystem: int = SUBSYSTEM) -> None:
    connection.request(
        (subsystem << 8) | _GET_STATS, NLM_F_ACK, struct.pack("=BBH", socket.AF_INET, 0, 0), "statistics"
    )
