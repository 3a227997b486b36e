"""Reads the shards that make_dataset writes: batches of one photo size each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor


class Shards:
    """All shards in a folder; looks for new ones when asked, so that making them may go on."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: dict[Path, tuple[np.ndarray, np.ndarray]] = {}
        self.refresh()

    def refresh(self) -> None:
        """Open shards that were finished since the last time."""
        for path in sorted(self._folder.glob("*_rgb.npy")):
            if path not in self._open:
                inverse = path.with_name(path.name.replace("_rgb", "_inverse"))
                self._open[path] = (np.load(path, mmap_mode="r"), np.load(inverse, mmap_mode="r"))
        self._sizes: dict[tuple[int, ...], list[tuple[np.ndarray, np.ndarray]]] = {}
        for pair in self._open.values():
            self._sizes.setdefault(pair[0].shape[1:3], []).append(pair)

    def __len__(self) -> int:
        """Number of photos."""
        return sum(len(rgb) for rgb, _ in self._open.values())

    def batch(self, rng: np.random.Generator, count: int) -> tuple[Tensor, Tensor]:
        """`count` photos (B, 3, H, W) in [0, 1] and inverse depths (B, H, W), float32."""
        if not self._sizes:
            raise SystemExit(
                f"{self._folder} holds no shards; make some with training.make_dataset."
            )
        sizes = list(self._sizes)
        share = np.array([len(self._sizes[size]) for size in sizes], np.float64)
        pairs = self._sizes[sizes[rng.choice(len(sizes), p=share / share.sum())]]
        rgb, inverse = [], []
        for shard in rng.integers(len(pairs), size=count):
            photos, depths = pairs[shard]
            k = int(rng.integers(len(photos)))
            rgb.append(photos[k])
            inverse.append(depths[k])
        photo = torch.from_numpy(np.stack(rgb)).permute(0, 3, 1, 2).float() / 255
        return photo, torch.from_numpy(np.stack(inverse).astype(np.float32))
