# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Relays in front of the lab's API server: on 127.0.0.1 of every host with a kubelet, one for it and one for its policy engine.

The API server listens on the machine's own loopback, where no host can reach it. What it says to an engine can be made late,
or be kept back altogether, host by host: then the engine runs on, ready as before, with what it knew.

Run as `python -m tests.lab.pods.relay` with its orders as JSON: the control socket's path, the API server's port, and the
pid of each host's init. Ends on SIGTERM.
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import socket
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.lab.pods.names import ENGINE_PORT, KUBELET_PORT

CLONE_NEWNET = 0x40000000
_CHUNK = 65536


@dataclass
class Pace:
    """How one host's engine hears the API server."""

    delay: float = 0.0
    flowing: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.flowing.set()

    def set(self, delay: float, hold: bool) -> None:
        self.delay = delay
        self.flowing.clear() if hold else self.flowing.set()


async def _relay(port: int, pace: Pace, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    tasks: list[asyncio.Task[None]] = []
    try:
        upstream_reader, upstream_writer = await asyncio.open_connection("127.0.0.1", port)
        tasks = [
            asyncio.create_task(_pass_on(reader, upstream_writer)),
            asyncio.create_task(_say_late(upstream_reader, writer, pace)),
        ]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        upstream_writer.close()
    except OSError:
        return  # the API server is gone: so is its connection
    finally:
        for task in tasks:
            task.cancel()
        writer.close()


async def _pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while chunk := await source.read(_CHUNK):
        target.write(chunk)
        await target.drain()


async def _say_late(source: asyncio.StreamReader, target: asyncio.StreamWriter, pace: Pace) -> None:
    """Each chunk keeps its distance to the one before."""
    loop = asyncio.get_running_loop()
    heard: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(256)

    async def listen() -> None:
        while chunk := await source.read(_CHUNK):
            await heard.put((loop.time(), chunk))
        await heard.put((loop.time(), b""))

    listening = asyncio.create_task(listen())
    try:
        while True:
            at, chunk = await heard.get()
            await pace.flowing.wait()
            await asyncio.sleep(max(0.0, at + pace.delay - loop.time()))
            if not chunk:
                return
            target.write(chunk)
            await target.drain()
    finally:
        listening.cancel()


async def _serve(orders: dict[str, Any]) -> None:
    port: int = orders["apiserver"]
    paces = {host: Pace() for host in orders["hosts"]}

    async def control(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        order = json.loads(await reader.readline())
        paces[order["host"]].set(order["delay"], order["hold"])
        writer.write(b"done\n")
        writer.close()

    for host, pid in orders["hosts"].items():
        for inside, pace in ((KUBELET_PORT, Pace()), (ENGINE_PORT, paces[host])):

            async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pace: Pace = pace) -> None:
                await _relay(port, pace, reader, writer)

            await asyncio.start_server(connected, sock=_listening(pid, inside))
    await asyncio.start_unix_server(control, orders["control"])
    await asyncio.Event().wait()


def _listening(pid: int, port: int) -> socket.socket:
    """A socket in the network namespace of that process: it stays there, and so does only the thread that made it."""
    made: list[socket.socket] = []

    def make() -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        handle = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)
        if libc.setns(handle, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")
        os.close(handle)
        made.append(socket.create_server(("127.0.0.1", port)))

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    return made[0]


def control_socket(directory: Path) -> Path:
    return directory / "relay.sock"


def tell(directory: Path, host: str, delay: float = 0.0, hold: bool = False) -> None:
    """From now on that host's engine hears the API server so many seconds late, or not at all; at once by default."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(control_socket(directory)))
        connection.sendall(json.dumps({"host": host, "delay": delay, "hold": hold}).encode() + b"\n")
        answer = connection.recv(16)
    assert answer == b"done\n", f"the relay did not answer: {answer!r}"


if __name__ == "__main__":
    asyncio.run(_serve(json.loads(sys.argv[1])))
