# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE. Sends a SYN every few milliseconds, and says of each whether it was answered. Run in a pod's network.

The first line says that the fate of the first SYN is known. When its standard input ends, so does it, with all that it saw
as JSON: the time of each SYN, and 1 when it was answered, 0 when not. An attempt is given up before the kernel would send its
SYN again, so that each stands for one moment.
"""

from __future__ import annotations

import errno
import json
import select
import socket
import sys
import time

EVERY = 0.005
PATIENCE = 0.3


def main() -> None:
    address, port = sys.argv[1], int(sys.argv[2])
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    seen: list[tuple[float, int]] = []
    waiting: dict[int, tuple[float, socket.socket]] = {}
    poll = select.poll()
    poll.register(0, select.POLLIN | select.POLLHUP)
    begun = ended = False
    following = time.time()
    while not ended or waiting:
        now = time.time()
        if not ended and now >= following:
            attempt = socket.socket(family, socket.SOCK_STREAM)
            attempt.setblocking(False)
            if attempt.connect_ex((address, port)) in (0, errno.EINPROGRESS):
                waiting[attempt.fileno()] = (now, attempt)
                poll.register(attempt, select.POLLOUT)
            else:
                attempt.close()
                seen.append((now, 0))
            following = max(following + EVERY, now)
        for handle, _event in poll.poll(1 if ended else max(0.0, following - time.time()) * 1000):
            if handle == 0:
                ended = True
                poll.unregister(0)
                continue
            at, attempt = waiting.pop(handle)
            poll.unregister(handle)
            seen.append((at, int(attempt.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0)))
            attempt.close()
        # By the clock of before the poll: what was answered while this program had to wait counts as answered.
        for handle, (at, attempt) in list(waiting.items()):
            if now - at > PATIENCE:
                poll.unregister(handle)
                attempt.close()
                del waiting[handle]
                seen.append((at, 0))
        if seen and not begun:
            begun = True
            print("begun", flush=True)
    print(json.dumps(sorted(seen)), flush=True)


if __name__ == "__main__":
    main()
