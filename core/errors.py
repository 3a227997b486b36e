"""Every failure a user can act on: one class each, with a stable code and one plain sentence.

The message names what is wrong and what to do about it, in one sentence, for an artist; the code
is for scripts and for the wire between the bridge and its worker. Anything else that is raised is
a bug.
"""

from __future__ import annotations


class UnflatError(Exception):
    """Base of all expected failures. `str(error)` is the sentence shown to the user."""

    code = "error"


class ImageError(UnflatError):
    """A picture that is missing, empty, damaged, too small, too large, or no picture at all."""

    code = "image"


class DepthError(UnflatError):
    """A depth map that can't be read, has the wrong size, or has no valid pixel."""

    code = "depth"


class CameraError(UnflatError):
    """A camera file that can't be read or intrinsics that no camera can have."""

    code = "camera"


class GeometryError(UnflatError):
    """Settings under which no geometry is left."""

    code = "geometry"


class ModelError(UnflatError):
    """A model that does not exist or can't run here."""

    code = "model"


class WeightsError(UnflatError):
    """A weights file that is missing, damaged, or for another network."""

    code = "weights"


class DownloadError(UnflatError):
    """A file that can't be fetched: no connection, a server that refuses, or other bytes."""

    code = "download"


class OfflineError(DownloadError):
    """A file that would have to be fetched, but the user asked to stay offline."""

    code = "offline"


class SettingsError(UnflatError):
    """A setting outside its range."""

    code = "settings"


class OutputError(UnflatError):
    """A place that can't be written to."""

    code = "output"


class MissingLibraryError(UnflatError):
    """An optional library that this job needs is not installed."""

    code = "library"


class BlenderError(UnflatError):
    """Blender is missing or could not build the scene."""

    code = "blender"


class CancelledError(UnflatError):
    """The user stopped the job; nothing was written."""

    code = "cancelled"

    def __init__(self, message: str = "The job was cancelled.") -> None:
        super().__init__(message)


def explain(error: BaseException) -> str:
    """One sentence for the user about any exception; what is not ours is a bug, and called so."""
    if isinstance(error, MemoryError):
        return "There is not enough memory for this photo, shrink it or close other programs."
    if isinstance(error, UnflatError):
        return str(error)
    return f"Unflat met an unexpected problem ({error!r}), please report it."
