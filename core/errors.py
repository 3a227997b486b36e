"""Every failure a user can act on: one class each, with a stable code and one plain sentence.

The message names what is wrong and what to do about it, in one sentence, for an artist; the code
is for scripts and for the wire between the bridge and its worker. Anything else that is raised is
a bug.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

# What torch says, in lower case, in a RuntimeError: of CUDA, XPU and MPS; of the CPU on Linux and
# macOS, and on Windows; of mapping a file; of cuBLAS and cuDNN.
_SHORT_OF_MEMORY = ("out of memory", "allocate memory", "not enough memory", "alloc_failed")


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
    """An optional library that this job needs is not installed, or does not load."""

    code = "library"


class InstallError(UnflatError):
    """The engine can't be installed: no Python, no room, no set for this system, a failed test."""

    code = "install"


class BlenderError(UnflatError):
    """Blender is missing or could not build the scene."""

    code = "blender"


class WorkerError(UnflatError):
    """The worker process can't be started, or ended in the middle of a job.

    details: the end of what it wrote to stderr, for the log.
    """

    code = "worker"

    def __init__(self, message: str, details: str = "") -> None:
        super().__init__(message)
        self.details = details


class CancelledError(UnflatError):
    """The user stopped the job; nothing was written."""

    code = "cancelled"

    def __init__(self, message: str = "The job was cancelled.") -> None:
        super().__init__(message)


@contextmanager
def needing(library: str, purpose: str) -> Iterator[None]:
    """Around the import of an optional library: MissingLibraryError where that fails.

    purpose: how the sentence begins, as "Surfaces need". What is to be installed is the library
    itself, or one that it needs in turn and that is missing.
    """
    try:
        yield
    # OSError where a library of the system is missing, RuntimeError where two libraries don't fit.
    except (ImportError, OSError, RuntimeError) as error:
        name = getattr(error, "name", None) or "."
        if isinstance(error, ModuleNotFoundError) and "." not in name:
            raise MissingLibraryError(
                f"{purpose} the library {name}, run: pip install {name}"
            ) from None
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise MissingLibraryError(
            f"{purpose} the library {library}, which does not load ({reason}), run: "
            f"pip install --force-reinstall {library}"
        ) from None


@contextmanager
def telling_memory() -> Iterator[None]:
    """Around what runs torch: MemoryError where memory is short, in whatever words torch has."""
    try:
        yield
    except RuntimeError as error:
        if any(words in str(error).lower() for words in _SHORT_OF_MEMORY):
            raise MemoryError(str(error)) from None
        raise


def explain(error: BaseException) -> str:
    """One sentence for the user about any exception; what is not ours is a bug, and called so."""
    if isinstance(error, MemoryError):
        return "There is not enough memory for this, shrink the photo or close other programs."
    if isinstance(error, UnflatError):
        return str(error)
    return f"Unflat met an unexpected problem ({error!r}), please report it."
