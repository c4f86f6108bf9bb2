# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Network cards: driver and what they compute themselves, by the questions that ethtool asks."""

import array
import errno
import fcntl
import os
import socket
import struct
from typing import Any, Dict, List

from .root import Root

_SIOCETHTOOL = 0x8946
_GET_STRINGS, _GET_SET_INFO, _GET_FEATURES = 0x1B, 0x37, 0x3A
_FEATURES = 4  # ETH_SS_FEATURES
_NAME_LENGTH = 32
CONCERNED = ("tx-udp_tnl-segmentation", "tx-udp_tnl-csum-segmentation", "tx-checksum-ip-generic")


def cards(root: Root) -> List[Dict[str, Any]]:
    """Every link that is backed by a device."""
    found = []
    for name in root.list("/sys/class/net"):
        driver = root.at(f"/sys/class/net/{name}/device/driver")
        if os.path.islink(driver):
            found.append(
                {
                    "name": name,
                    "driver": os.path.basename(os.readlink(driver)),
                    "features": features(name),
                    "wireless": root.exists(f"/sys/class/net/{name}/wireless"),
                }
            )
    return found


def features(link: str) -> Dict[str, bool]:
    """Which of the concerned features are on; those that the kernel does not know are left out."""
    asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        size = _words(_ask(asking, link, struct.pack("=IIQI", _GET_SET_INFO, 0, 1 << _FEATURES, 0)), 4)[0]
        names = _ask(asking, link, struct.pack("=III", _GET_STRINGS, _FEATURES, size) + bytes(size * _NAME_LENGTH))[12:]
        blocks = (size + 31) // 32
        # Four words a block: available, requested, active, never changed.
        words = _words(_ask(asking, link, struct.pack("=II", _GET_FEATURES, blocks) + bytes(blocks * 16)), 2)
    except OSError as error:
        if error.errno in (errno.EOPNOTSUPP, errno.ENODEV, errno.EINVAL):
            return {}
        raise
    finally:
        asking.close()
    texts = [names[start : start + _NAME_LENGTH] for start in range(0, size * _NAME_LENGTH, _NAME_LENGTH)]
    known = {text.rstrip(b"\0").decode("ascii", "replace"): index for index, text in enumerate(texts)}
    return {
        name: bool(words[(known[name] // 32) * 4 + 2] & (1 << (known[name] % 32)))
        for name in CONCERNED
        if name in known
    }


def _ask(asking: socket.socket, link: str, question: bytes) -> bytes:
    buffer = array.array("B", question)
    request = struct.pack("16sP", link.encode("ascii"), buffer.buffer_info()[0]).ljust(40, b"\0")
    fcntl.ioctl(asking.fileno(), _SIOCETHTOOL, request)
    return buffer.tobytes()


def _words(data: bytes, skip: int) -> List[int]:
    return list(struct.unpack(f"={len(data) // 4}I", data[: len(data) // 4 * 4]))[skip:]
