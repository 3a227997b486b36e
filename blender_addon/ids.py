"""Names that more than one module needs."""

from __future__ import annotations

ADDON = __package__.rpartition(".")[0]
"""The name that Blender knows the add-on by: "bl_ext.user_default.unflat", or "unflat"."""

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
INSTALL = "unflat.engine_install"
REMOVE = "unflat.engine_remove"
OPEN_LOG = "unflat.engine_log"
SHOW_PREFERENCES = "unflat.show_preferences"
MODEL_DOWNLOAD = "unflat.model_download"
MODEL_VERIFY = "unflat.model_verify"
MODEL_REMOVE = "unflat.model_remove"
CANCEL_CHORE = "unflat.cancel_chore"
