"""DepthMap + Pinhole -> TriangleMesh, and the Background that it hides; Solid for 3D printing."""

from .layers import Background, background
from .solid import Solid
from .triangulate import TriangleMesh, from_depth

__all__ = ["Background", "Solid", "TriangleMesh", "background", "from_depth"]
