"""All or nothing: datablocks made by a block of code vanish if the block fails."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import bpy

_KINDS = (
    "collections",
    "objects",
    "cameras",
    "meshes",
    "pointclouds",
    "materials",
    "images",
    "node_groups",
)


@contextmanager
def rollback() -> Iterator[None]:
    """Remove every datablock that the block made if it raises."""
    before = {kind: set(getattr(bpy.data, kind)) for kind in _KINDS}
    try:
        yield
    except BaseException:
        new = [
            block
            for kind in _KINDS
            for block in getattr(bpy.data, kind)
            if block not in before[kind]
        ]
        bpy.data.batch_remove(new)
        raise
