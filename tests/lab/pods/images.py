# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images of static programs, as OCI archives in the cache: made without a registry, imported into containerd."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.lab.nodes import go_architecture
from tests.lab.places import cache_root
from tests.lab.pods.names import AGNHOST, ENGINE, PAUSE

_OCI = "application/vnd.oci.image"


@dataclass(frozen=True)
class Image:
    name: str
    programs: Mapping[str, str]
    """By the place in the image; it starts the first, with the arguments of its pod."""

    @property
    def file(self) -> str:
        return self.name.rpartition("/")[2].replace(":", "-") + ".tar"


IMAGES = (
    Image(PAUSE, {"pause": "pause"}),
    # As in the official one, of whose programs the lab needs these two.
    Image(AGNHOST, {"agnhost": "agnhost", "bin/bash": "bash"}),
    Image(ENGINE, {name: name for name in ("kube-network-policies", "queue-rules")}),
)


def made(programs: Mapping[str, Path]) -> Path:
    """The folder that holds an archive of each image, of these programs."""
    used = [programs[program] for image in IMAGES for program in image.programs.values()]
    parts = [f"{path} {path.stat().st_size} {path.stat().st_mtime_ns}" for path in used]
    key = hashlib.sha256("\n".join([*parts, Path(__file__).read_text()]).encode()).hexdigest()[:16]
    folder = cache_root() / "images" / key
    if not folder.is_dir():
        unfinished = folder.with_name(f".{key}.{os.getpid()}")
        unfinished.mkdir(parents=True, exist_ok=True)
        for image in IMAGES:
            _write(unfinished / image.file, image, programs)
        try:
            unfinished.rename(folder)
        except OSError:
            if not folder.is_dir():  # else another process was quicker
                raise
    return folder


def _write(target: Path, image: Image, programs: Mapping[str, Path]) -> None:
    layer = _layer({place: programs[program] for place, program in image.programs.items()})
    config = _json(
        {
            "architecture": go_architecture(),
            "os": "linux",
            "config": {"Entrypoint": [f"/{next(iter(image.programs))}"], "Env": ["PATH=/:/bin"]},
            "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
        }
    )
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": f"{_OCI}.manifest.v1+json",
            "config": _described(f"{_OCI}.config.v1+json", config),
            "layers": [_described(f"{_OCI}.layer.v1.tar", layer)],
        }
    )
    entry = _described(f"{_OCI}.manifest.v1+json", manifest)
    entry["annotations"] = {"io.containerd.image.name": image.name}
    index = _json({"schemaVersion": 2, "manifests": [entry]})
    with tarfile.open(target, "w") as archive:
        _add(archive, "oci-layout", _json({"imageLayoutVersion": "1.0.0"}))
        _add(archive, "index.json", index)
        for blob in (manifest, config, layer):
            _add(archive, f"blobs/{_digest(blob).replace(':', '/')}", blob)


def _layer(programs: Mapping[str, Path]) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        temporary = tarfile.TarInfo("tmp")
        temporary.type, temporary.mode = tarfile.DIRTYPE, 0o1777
        archive.addfile(temporary)
        for place, program in programs.items():
            _add(archive, place, program.read_bytes(), 0o755)
    return content.getvalue()


def _add(archive: tarfile.TarFile, name: str, content: bytes, mode: int = 0o644) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), mode
    archive.addfile(entry, io.BytesIO(content))


def _described(kind: str, content: bytes) -> dict[str, Any]:
    return {"mediaType": kind, "digest": _digest(content), "size": len(content)}


def _json(document: dict[str, Any]) -> bytes:
    return json.dumps(document).encode()


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
