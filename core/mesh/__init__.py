"""DepthMap + Pinhole -> TriangleMesh, what it hides, what it lacks, and a Solid for printing."""

from .detail import Detail, detail
from .layers import Background, background
from .solid import Solid
from .triangulate import TriangleMesh, from_depth

__all__ = ["Background", "Detail", "Solid", "TriangleMesh", "background", "detail", "from_depth"]
