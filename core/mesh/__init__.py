"""DepthMap + Pinhole -> TriangleMesh."""

from .triangulate import TriangleMesh, from_depth

__all__ = ["TriangleMesh", "from_depth"]
