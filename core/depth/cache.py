"""Predictions kept in memory: another setting of the same photo never runs a network again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from hashlib import blake2b
from threading import Lock

import numpy as np

from ..images import Photo
from .prediction import Prediction

MOST_BYTES = 300_000_000
"""In all, unless the last alone takes more.

The two last photos of 24 megapixels, or many smaller ones; with MoGe-2's normals only the last.
"""

_Key = tuple[bytes, tuple[int, ...], object]


class PredictionCache:
    """The last prediction, and those before it that fit. May be used from any thread."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most = most_bytes
        self._kept: OrderedDict[_Key, Prediction] = OrderedDict()
        self._lock = Lock()

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()

    def get(self, photo: Photo, maker: object, make: Callable[[], Prediction]) -> Prediction:
        """What `make` says of the photo's pixels, or has said before.

        maker: hashable; all that the prediction depends on besides the pixels.
        """
        digest = blake2b(np.ascontiguousarray(photo.rgb).data).digest()
        key = (digest, photo.rgb.shape, maker)
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
                return found
        found = make()
        with self._lock:
            self._kept[key] = found
            while len(self._kept) > 1 and sum(map(_size, self._kept.values())) > self._most:
                self._kept.popitem(last=False)
        return found


def _size(prediction: Prediction) -> int:
    arrays = (prediction.depth.depth, prediction.depth.valid, prediction.normals)
    return sum(array.nbytes for array in arrays if array is not None)
