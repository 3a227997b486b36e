"""DepthMap + Pinhole -> TriangleMesh, and the Background that it hides."""

from .layers import Background, background
from .triangulate import TriangleMesh, from_depth

__all__ = ["Background", "TriangleMesh", "background", "from_depth"]
