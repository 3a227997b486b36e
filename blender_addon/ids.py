"""Names that more than one module needs."""

from __future__ import annotations

TAB = "Unflat"
SETTINGS = "unflat"
"""The attribute of a scene that holds `properties.UNFLAT_PG_settings`, and of a photo's collection
that holds `properties.UNFLAT_PG_shape`."""

LIVE = ("near_far_ratio", "edge_ratio", "max_error", "max_faces")
"""Settings of a photo that can be changed after it has been built."""

GENERATE = "unflat.generate"
CANCEL = "unflat.cancel"
REBUILD = "unflat.rebuild"
LOOK_THROUGH = "unflat.look_through"
SET_SCALE = "unflat.set_scale"
