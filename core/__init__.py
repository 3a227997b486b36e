"""Unflat's core: one photo in; depth, camera, points and surfaces out. No Blender, no network.

The way of one picture, in the order of `pipeline.reconstruct`:

    images.load         file -> Photo (pixels, alpha, EXIF focal length)
    depth.estimator     Photo -> Prediction (DepthMap; some models know the focal length too)
    camera.choose       user > EXIF > model > default -> Pinhole, which remembers its source
    depthmap, scale     inverse depth -> distances, in metres if one of them is known
    level               DepthMap -> Pose of the camera over the floor, if asked for
    points, mesh        DepthMap + Pinhole -> PointCloud, TriangleMesh, Background, Detail, Solid
    export              the files of `Result.save`

Frames and units: x right, y down, z forward, metres; pixel centres at +0.5; depth is z, not the
length of the ray. `frames.py` holds the only sign flips.

Importing this package loads nothing but the standard library; names below load on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from .camera import Pinhole
    from .depthmap import DepthKind, DepthMap
    from .errors import UnflatError
    from .images import Photo
    from .mesh import TriangleMesh
    from .pipeline import Result, reconstruct
    from .points import PointCloud
    from .settings import Settings

__all__ = [
    "DepthKind",
    "DepthMap",
    "Photo",
    "Pinhole",
    "PointCloud",
    "Result",
    "Settings",
    "TriangleMesh",
    "UnflatError",
    "__version__",
    "reconstruct",
]

_HOME = {
    "DepthKind": "depthmap",
    "DepthMap": "depthmap",
    "Photo": "images",
    "Pinhole": "camera",
    "PointCloud": "points",
    "Result": "pipeline",
    "Settings": "settings",
    "TriangleMesh": "mesh",
    "UnflatError": "errors",
    "reconstruct": "pipeline",
}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOME[name]}", __name__), name)
