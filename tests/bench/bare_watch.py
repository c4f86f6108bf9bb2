# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The least that can know of a pod's readiness: one list, one watch, no memory. A program of its own.

Prints "node time-of-transition monotonic-seconds" for each event, until it is killed.
"""

from __future__ import annotations

import base64
import json
import ssl
import sys
import time
from typing import Any

import urllib3
import yaml

PODS = "/api/v1/namespaces/calico-system/pods?labelSelector=k8s-app%3Dcalico-node"


def main() -> None:
    with open(sys.argv[1]) as file:
        config = yaml.safe_load(file)
    server = config["clusters"][0]["cluster"]
    context = ssl.create_default_context(cadata=base64.b64decode(server["certificate-authority-data"]).decode())
    pool = urllib3.PoolManager(ssl_context=context, retries=False)
    headers = {"Authorization": "Bearer " + config["users"][0]["user"]["token"]}
    listed = pool.request("GET", server["server"] + PODS, headers=headers).json()
    url = server["server"] + PODS + "&watch=1&resourceVersion=" + listed["metadata"]["resourceVersion"]
    response = pool.request("GET", url, headers=headers, preload_content=False, timeout=None)
    print("watching", flush=True)
    rest = b""
    for chunk in response.stream(65536):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            pod = json.loads(line)["object"]
            now = time.monotonic()
            print(pod["spec"]["nodeName"], transition(pod), repr(now), flush=True)


def transition(pod: dict[str, Any]) -> str:
    return next(str(one["lastTransitionTime"]) for one in pod["status"]["conditions"] if one["type"] == "Ready")


if __name__ == "__main__":
    main()
