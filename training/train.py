"""Train the built-in network.

    python -m training.train DATA RUN --steps 9000 --scale 0.5
    python -m training.train DATA RUN2 --scale 1.5 1 0.5 --rate 7e-4 --initial RUN/last.pt

Several processes share each step when started as
    OMP_NUM_THREADS=1 torchrun --nproc-per-node 2 -m training.train DATA RUN ...
which on a processor is faster than one process with as many threads.

RUN gets last.pt (network, its running average, optimiser, step), log.jsonl and curves.png. Calling
again with the same RUN goes on where it stopped.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor

from .augment import augment
from .data import Shards
from .losses import loss
from .make_dataset import KEPT_BACK
from .network import TorchNetwork, with_position

_AVERAGE = 0.998  # share of the running average that a step keeps
_WARM_UP = 300  # steps
_EVERY = 500  # steps between log lines, checkpoints and looks for new shards


class Trainer:
    """The network, its running average and the optimiser."""

    def __init__(self, rate: float) -> None:
        self.network = TorchNetwork().to(memory_format=torch.channels_last)
        self.average = TorchNetwork().requires_grad_(False)
        self.average.load_state_dict(self.network.state_dict())
        self.optimiser = torch.optim.AdamW(
            self.network.parameters(), lr=rate, weight_decay=0.02, betas=(0.9, 0.98), fused=True
        )
        self.step = 0
        self.minutes = 0.0  # spent on these steps, over all calls

    def update(self, photo: Tensor, inverse: Tensor, rate: float) -> float:
        """One step at this learning rate on (B, 3, H, W) and (B, H, W); returns the loss."""
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        image = with_position(photo).to(memory_format=torch.channels_last)
        with torch.autocast(photo.device.type, torch.bfloat16):
            prediction = self.network(image)
        value = loss(prediction.float(), inverse)
        self.optimiser.zero_grad(set_to_none=True)
        value.backward()
        _share_gradients(self.network)
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimiser.step()
        self.step += 1
        keep = min(_AVERAGE, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            new, old = self.network.state_dict(), self.average.state_dict()
            names = [name for name, tensor in old.items() if tensor.is_floating_point()]
            torch._foreach_lerp_([old[n] for n in names], [new[n] for n in names], 1 - keep)
        return float(value.detach())

    def save(self, path: Path) -> None:
        """Write a checkpoint; the old one stays until the new one is complete."""
        partial = path.with_suffix(".partial")
        torch.save(
            {
                "network": self.network.state_dict(),
                "average": self.average.state_dict(),
                "optimiser": self.optimiser.state_dict(),
                "step": self.step,
                "minutes": self.minutes,
            },
            partial,
        )
        partial.replace(path)

    def adopt(self, path: Path, photos: Tensor) -> None:
        """Start from exported weights (.npz) by way of some photos (B, 3, H, W)."""
        with np.load(path) as tensors:
            self.network.adopt(tensors, with_position(photos.to(torch.get_default_device())))
        self.average.load_state_dict(self.network.state_dict())

    def load(self, path: Path, weights_only: bool) -> None:
        """Go on from a checkpoint, or start anew from its averaged weights."""
        stored = torch.load(path, weights_only=True, map_location="cpu")
        self.average.load_state_dict(stored["average"])
        self.network.load_state_dict(stored["average" if weights_only else "network"])
        if not weights_only:
            self.optimiser.load_state_dict(stored["optimiser"])
            self.step, self.minutes = int(stored["step"]), float(stored["minutes"])


def _rank() -> int:
    """Number of this process among those that share the work."""
    return dist.get_rank() if dist.is_initialized() else 0


def _mean(tensor: Tensor) -> Tensor:
    """Mean over all processes, in place."""
    if dist.is_initialized():
        dist.all_reduce(tensor)
        tensor /= dist.get_world_size()
    return tensor


def _make_equal(trainer: Trainer) -> None:
    """Let every process start from what the first one has."""
    if dist.is_initialized():
        for network in (trainer.network, trainer.average):
            for tensor in network.state_dict().values():
                dist.broadcast(tensor, 0)


def _share_gradients(network: TorchNetwork) -> None:
    """Give every process the mean gradient."""
    if dist.is_initialized():
        gradients = [weight.grad for weight in network.parameters()]
        mean = _mean(torch.cat([gradient.reshape(-1) for gradient in gradients]))
        parts = mean.split([gradient.numel() for gradient in gradients])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view_as(gradient))


def learning_rate(peak: float, step: int, progress: float) -> float:
    """Linear warm-up over the first steps, then half a cosine down to 1 % of `peak`."""
    warm = min(1.0, (step + 1) / _WARM_UP)
    return peak * warm * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0))))


def validation(network: TorchNetwork, shards: Shards, scale: float, batches: int = 5) -> float:
    """Mean loss on kept-back scenes, the same ones every time."""
    rng, values, device = np.random.default_rng(1), [], torch.get_default_device()
    network.eval()
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(1)
        for _ in range(batches):
            photo, inverse = (tensor.to(device) for tensor in shards.batch(rng, 16))
            size = [int(side * scale) for side in photo.shape[2:]]
            photo = torch.nn.functional.interpolate(photo, size, mode="area")
            inverse = torch.nn.functional.interpolate(inverse[:, None], size)[:, 0]
            values.append(float(loss(network(with_position(photo)), inverse)))
    return float(np.mean(values))


def draw_curves(log: Path, picture: Path) -> None:
    """Training and validation loss over steps."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    rows = [json.loads(line) for line in log.read_text().splitlines()]
    figure, axis = plt.subplots(figsize=(6, 3.5))
    for key, label in (("loss", "training"), ("validation", "kept-back scenes, running average")):
        axis.plot([row["step"] for row in rows], [row[key] for row in rows], label=label)
    axis.set_xlabel("step")
    axis.set_ylabel("loss")
    axis.legend()
    figure.tight_layout()
    figure.savefig(picture, dpi=110)
    plt.close(figure)


def train(options: argparse.Namespace) -> None:
    """Run all steps that the options ask for and have not been made yet."""
    options.run.mkdir(parents=True, exist_ok=True)
    last, log = options.run / "last.pt", options.run / "log.jsonl"
    torch.set_default_device(options.device)
    torch.manual_seed(options.seed)
    trainer = Trainer(options.rate)
    if last.exists():
        trainer.load(last, weights_only=False)
    elif options.initial and options.initial.suffix != ".npz":
        trainer.load(options.initial, weights_only=True)
    rng = np.random.default_rng([options.seed, trainer.step, _rank()])
    torch.manual_seed(options.seed + trainer.step + 1000003 * _rank())
    shards, kept_back = Shards(options.data), Shards(options.data / KEPT_BACK)
    if options.initial and options.initial.suffix == ".npz" and not trainer.step:
        trainer.adopt(options.initial, shards.batch(np.random.default_rng(0), 64)[0])
    _make_equal(trainer)
    begun, recent = time.monotonic() - 60 * trainer.minutes, []
    while trainer.step < options.steps:
        trainer.minutes = (time.monotonic() - begun) / 60
        progress = trainer.step / options.steps
        if options.minutes:
            progress = max(progress, trainer.minutes / options.minutes)
        progress = float(_mean(torch.tensor(progress)))  # clocks differ, the rate must not
        if progress >= 1:
            break
        trainer.network.train()
        # The same draw in every process, so that none waits for another's larger photos.
        scale = np.random.default_rng([options.seed, trainer.step]).choice(options.scale)
        photo, inverse = shards.batch(rng, max(2, round(options.batch / scale**2)))
        height, width = (int(side * scale) for side in photo.shape[2:])
        photo, inverse = photo.to(options.device), inverse.to(options.device)
        photo, inverse = augment(photo, inverse, height, width)
        recent.append(
            trainer.update(photo, inverse, learning_rate(options.rate, trainer.step, progress))
        )
        if trainer.step % _EVERY == 0:
            _report(trainer, shards, kept_back, options, recent, log)
            recent.clear()
    if recent:
        _report(trainer, shards, kept_back, options, recent, log)


def _report(
    trainer: Trainer,
    shards: Shards,
    kept_back: Shards,
    options: argparse.Namespace,
    recent: list[float],
    log: Path,
) -> None:
    """Log, save, draw, and look for new shards; all but the last only in the first process."""
    shards.refresh()
    if _rank():
        return
    row = {
        "step": trainer.step,
        # The mean of a few steps says nothing.
        "loss": float(np.mean(recent)) if len(recent) >= _EVERY // 5 else None,
        "minutes": round(trainer.minutes, 2),
        "photos": len(shards),
    }
    kept_back.refresh()
    row["validation"] = (
        validation(trainer.average, kept_back, options.scale[0]) if len(kept_back) else None
    )
    with log.open("a") as stream:
        stream.write(json.dumps(row) + "\n")
    print(row, flush=True)
    trainer.save(options.run / "last.pt")
    draw_curves(log, options.run / "curves.png")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path, help="folder with shards")
    parser.add_argument("run", type=Path, help="folder for checkpoints and curves")
    parser.add_argument("--steps", type=int, default=9000)
    parser.add_argument("--minutes", type=float, help="finish the schedule early after this time")
    parser.add_argument(
        "--batch", type=int, default=8, help="photos of the stored size per step and process"
    )
    parser.add_argument(
        "--scale",
        type=float,
        nargs="+",
        default=[0.5],
        help="of the stored size; drawn each step, with as many photos as take the same time",
    )
    parser.add_argument("--rate", type=float, default=1.5e-3, help="highest learning rate")
    parser.add_argument(
        "--initial", type=Path, help="checkpoint or exported weights (.npz) to start from"
    )
    device = "cuda" if torch.cuda.is_available() else "cpu"
    parser.add_argument("--device", default=device)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if "WORLD_SIZE" in os.environ:  # set by torchrun
        dist.init_process_group("gloo")
    train(options)
    if dist.is_initialized():
        # The first process still draws; one that left before it has been seen to abort, as has one
        # that took its threads down the usual way. All is written, so none of that is needed.
        dist.barrier()
        dist.destroy_process_group()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


if __name__ == "__main__":
    main()
