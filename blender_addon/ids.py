"""Names that more than one module needs."""

from __future__ import annotations

TAB = "Unflat"
SETTINGS = "unflat"
"""The attribute of a scene that holds `properties.UNFLAT_PG_settings`."""

GENERATE = "unflat.generate"
CANCEL = "unflat.cancel"
LOOK_THROUGH = "unflat.look_through"
SET_SCALE = "unflat.set_scale"
