"""TriangleMesh + photo -> binary glTF 2.0 (GLB)."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np

from . import frames
from ._version import __version__
from .arrays import AnyArray
from .images import EncodedImage
from .level import Pose
from .mesh import TriangleMesh

# Component types of the glTF 2.0 specification, section 3.6.2.2.
_FLOAT, _USHORT, _UINT = 5126, 5123, 5125
_MOST_USHORT = 65535  # vertices: the last index would mean "restart", section 3.7.2.1
_VERTICES, _INDICES = 34962, 34963  # buffer view targets, section 3.6.2.4


def encode(
    mesh: TriangleMesh, texture: EncodedImage, name: str, transparent: bool, pose: Pose | None
) -> list[bytes]:
    """The chunks of a .glb file, to be written one after the other.

    The photo is the base colour of an unlit material (KHR_materials_unlit), so viewers show its
    own colours. Frame: y up, the camera at the origin looking down -z; one unit is one metre. With
    a pose, the node puts that frame upright over the floor y = 0. Indices are 16 bits where they
    fit.
    """
    positions = frames.to_gltf(mesh.vertices)
    short = len(positions) <= _MOST_USHORT
    parts = [
        np.ascontiguousarray(mesh.triangles, "<u2" if short else "<u4"),
        np.ascontiguousarray(positions, "<f4"),
        np.ascontiguousarray(mesh.uv, "<f4"),  # some readers get 16-bit ones wrong
    ]
    blobs = [part.tobytes() for part in parts] + [texture.data]
    blobs = [blob + bytes(-len(blob) % 4) for blob in blobs]
    document = _document(parts, texture, name, transparent)
    if pose is not None:
        document["nodes"][0]["matrix"] = frames.stand_in_gltf(pose).T.ravel().tolist()
    document["bufferViews"] = _views(blobs, texture)
    document["buffers"] = [{"byteLength": sum(map(len, blobs))}]
    text = json.dumps(document, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    size = sum(map(len, blobs))
    header = struct.pack("<4sII", b"glTF", 2, 12 + 8 + len(text) + 8 + size)
    return [
        header,
        struct.pack("<I4s", len(text), b"JSON"),
        text,
        struct.pack("<I4s", size, b"BIN\0"),
        *blobs,
    ]


def _views(blobs: list[bytes], texture: EncodedImage) -> list[dict[str, int]]:
    views = []
    offset = 0
    for blob, target in zip(blobs, (_INDICES, _VERTICES, _VERTICES, None), strict=True):
        size = len(blob) if target else len(texture.data)
        view = {"buffer": 0, "byteOffset": offset, "byteLength": size}
        views.append(view | ({"target": target} if target else {}))
        offset += len(blob)
    return views


def _document(
    parts: list[AnyArray], texture: EncodedImage, name: str, transparent: bool
) -> dict[str, Any]:
    triangles, positions, uv = parts
    material = {
        "name": name,
        "doubleSided": True,
        "pbrMetallicRoughness": {
            "baseColorTexture": {"index": 0},
            "metallicFactor": 0,
            "roughnessFactor": 1,
        },
        "extensions": {"KHR_materials_unlit": {}},
    }
    if transparent:
        material |= {"alphaMode": "MASK", "alphaCutoff": 0.5}
    return {
        "asset": {"version": "2.0", "generator": f"Unflat {__version__}"},
        "extensionsUsed": ["KHR_materials_unlit"],
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "name": name}],
        "meshes": [
            {
                "name": name,
                "primitives": [
                    {"attributes": {"POSITION": 1, "TEXCOORD_0": 2}, "indices": 0, "material": 0}
                ],
            }
        ],
        "materials": [material],
        "textures": [{"source": 0, "sampler": 0}],
        "samplers": [{"magFilter": 9729, "minFilter": 9987, "wrapS": 33071, "wrapT": 33071}],
        "images": [{"bufferView": 3, "mimeType": texture.mime, "name": name}],
        "accessors": [
            {
                "bufferView": 0,
                "componentType": _USHORT if triangles.itemsize == 2 else _UINT,
                "count": triangles.size,
                "type": "SCALAR",
            },
            {
                "bufferView": 1,
                "componentType": _FLOAT,
                "count": len(positions),
                "type": "VEC3",
                "min": positions.min(axis=0).tolist(),
                "max": positions.max(axis=0).tolist(),
            },
            {"bufferView": 2, "componentType": _FLOAT, "count": len(uv), "type": "VEC2"},
        ],
    }
