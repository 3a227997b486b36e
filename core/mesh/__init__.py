"""DepthMap + Pinhole -> TriangleMesh, the Background that it hides, the Detail that it lacks."""

from .detail import Detail, detail
from .layers import Background, background
from .triangulate import TriangleMesh, from_depth

__all__ = ["Background", "Detail", "TriangleMesh", "background", "detail", "from_depth"]
