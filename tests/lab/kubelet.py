# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for the kubelet of a lab host, as far as a Job needs one: it runs a pod's container on the host and serves its log.

kwok makes pods look as if they ran; what they would do is done here. The container has a root of its own with the machine's Python as
its image, and is on the host's network and among its processes, as its pod asks for. The log is served over HTTPS on the host's
address, where the API server looks for it.
"""

from __future__ import annotations

import base64
import ctypes
import json
import os
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import trustme

from tests.lab.api import Api
from tests.lab.hosts import Host
from tests.lab.lab import Lab

PORT = 10250
# Run in mount, network, UTS and PID namespaces that nsenter and unshare made; what it mounts ends with it.
CONTAINER = """
import json, os, subprocess, sys
order = json.load(sys.stdin)
def mount(*words):
    subprocess.run(["mount", *words], check=True)
mount("--make-rprivate", "/")
mount("-t", "tmpfs", "tmpfs", "/mnt")
for folder in ("usr", "proc", "dev", "tmp", "etc"):
    os.mkdir("/mnt/" + folder)
mount("--rbind", "/usr", "/mnt/usr")
mount("-t", "proc", "proc", "/mnt/proc")
mount("--rbind", "/dev", "/mnt/dev")
for name in ("bin", "sbin", "lib", "lib64"):
    os.symlink("usr/" + name, "/mnt/" + name)
for path, content in order["files"].items():
    os.makedirs(os.path.dirname("/mnt" + path), exist_ok=True)
    with open("/mnt" + path, "wb") as stream:
        stream.write(bytes.fromhex(content))
os.chroot("/mnt")
os.chdir("/")
os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
os.execve(order["command"][0], order["command"], {})
"""


class Kubelet:
    """Runs what is bound to one host's node."""

    def __init__(self, lab: Lab, host: Host, folder: Path) -> None:
        self.logs: dict[str, str] = {}
        self.serves_logs = True
        self._admin: Api = lab.admin
        self._host = host
        self._ended = threading.Event()
        self._server = _https(host, folder, self)
        self._threads = [
            threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True),
            threading.Thread(target=self._work, daemon=True),
        ]

    def start(self) -> None:
        endpoint = {"status": {"daemonEndpoints": {"kubeletEndpoint": {"Port": PORT}}}}
        self._admin.patch(f"/api/v1/nodes/{self._host.name}/status", endpoint)
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while not self._ended.wait(0.2):
            for pod in self._admin.list("/api/v1/pods", fieldSelector=f"spec.nodeName={self._host.name}"):
                if (
                    _is_of_a_job(pod)
                    and pod["status"]["phase"] == "Running"
                    and pod["metadata"]["name"] not in self.logs
                ):
                    self._run(pod)

    def _run(self, pod: dict[str, Any]) -> None:
        (container,) = pod["spec"]["containers"]
        done = subprocess.run(
            [
                *("nsenter", f"--target={self._host.pid}", "--net", "--uts", "--pid", "--"),
                *("unshare", "--mount", "/usr/bin/python3", "-c", CONTAINER),
            ],
            input=json.dumps(self._order(pod, container)),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        self.logs[pod["metadata"]["name"]] = done.stdout
        self._report(pod, container, done.returncode)

    def _order(self, pod: dict[str, Any], container: dict[str, Any]) -> dict[str, Any]:
        volumes = {volume["name"]: volume["configMap"]["name"] for volume in pod["spec"]["volumes"]}
        files: dict[str, str] = {}
        for mount in container["volumeMounts"]:
            path = f"/api/v1/namespaces/{pod['metadata']['namespace']}/configmaps/{volumes[mount['name']]}"
            content = self._admin.get(path)
            for name, text in content.get("data", {}).items():
                files[f"{mount['mountPath']}/{name}"] = text.encode().hex()
            for name, data in content.get("binaryData", {}).items():
                files[f"{mount['mountPath']}/{name}"] = base64.b64decode(data).hex()
        program, *arguments = container["command"]
        return {"files": files, "command": [f"/usr/bin/{program}", *arguments]}

    def _report(self, pod: dict[str, Any], container: dict[str, Any], code: int) -> None:
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        terminated = {"exitCode": code, "reason": "Error" if code else "Completed", "startedAt": now, "finishedAt": now}
        ended = {
            "name": container["name"],
            "image": container["image"],
            "imageID": "",
            "ready": False,
            "restartCount": 0,
            "state": {"terminated": terminated},
        }
        path = f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}/status"
        self._admin.patch(path, {"status": {"phase": "Failed" if code else "Succeeded", "containerStatuses": [ended]}})


@contextmanager
def kubelet(lab: Lab, host: Host, folder: Path) -> Iterator[Kubelet]:
    running = Kubelet(lab, host, folder)
    running.start()
    try:
        yield running
    finally:
        running.stop()


def _is_of_a_job(pod: dict[str, Any]) -> bool:
    return any(owner["kind"] == "Job" for owner in pod["metadata"].get("ownerReferences", ()))


def _https(host: Host, folder: Path, owner: Kubelet) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            pod = self.path.split("?")[0].split("/")[3]
            found = owner.logs.get(pod) if owner.serves_logs else None
            self.send_response(404 if found is None else 200)
            self.end_headers()
            self.wfile.write(("no such container" if found is None else found).encode())

        def log_message(self, *arguments: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler, bind_and_activate=False)
    server.socket.close()
    server.daemon_threads = True
    issued = trustme.CA().issue_cert(host.address)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    pair = folder / f"{host.name}.pem"
    pair.write_bytes(issued.private_key_and_cert_chain_pem.bytes())
    context.load_cert_chain(pair)
    server.socket = context.wrap_socket(_listening(host), server_side=True)
    return server


def _listening(host: Host) -> socket.socket:
    """A socket in the host's network namespace: it stays there, and so does only the thread that made it."""
    made: list[socket.socket] = []

    def make() -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        handle = os.open(f"/proc/{host.pid}/ns/net", os.O_RDONLY)
        if libc.setns(handle, 0) != 0:
            raise OSError(ctypes.get_errno(), "setns")
        os.close(handle)
        made.append(socket.create_server((host.address, PORT)))

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    return made[0]
