"""TriangleMesh -> Wavefront OBJ with its MTL, in glTF's frame: y up, looking down -z, metres."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from . import frames
from ._version import __version__
from .arrays import AnyArray
from .mesh import TriangleMesh

_ROWS = 50_000  # lines at a time: a few megabytes of text


def encode(mesh: TriangleMesh, name: str) -> Iterator[bytes]:
    """The chunks of NAME.obj, which takes the material NAME from NAME.mtl."""
    head = f"# made by Unflat {__version__}\nmtllib {name}.mtl\no {name}\nusemtl {name}\n"
    yield head.encode()
    yield from _lines("v %.7g %.7g %.7g\n", frames.to_gltf(mesh.vertices))
    yield from _lines("vt %.7g %.7g\n", frames.uv_to_blender(mesh.uv))  # v upwards
    corners = np.repeat(mesh.triangles + 1, 2, axis=1)  # position and texture have one number
    yield from _lines("f %d/%d %d/%d %d/%d\n", corners)


def encode_material(name: str, texture_file: str) -> bytes:
    """NAME.mtl, whose material NAME shows a picture by its own light."""
    return f"newmtl {name}\nKa 1 1 1\nKd 1 1 1\nillum 0\nmap_Kd {texture_file}\n".encode()


def _lines(form: str, rows: AnyArray) -> Iterator[bytes]:
    for begin in range(0, len(rows), _ROWS):
        part = rows[begin : begin + _ROWS]
        yield (form * len(part) % tuple(part.ravel().tolist())).encode()
