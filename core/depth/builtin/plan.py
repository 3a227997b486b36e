"""The architecture of the built-in network, written once as a list of steps.

A step reads named arrays ("registers") and writes one. `network.py` runs the list with numpy,
`training/network.py` with torch, so the two cannot drift apart. The input register is "input":
red, green, blue in [-1, 1] and the position in the photo, x and y in [-1, 1], +y down. Position
matters: people hold cameras level, so low in the picture is usually near. The result is in
"inverse", one channel: relative inverse depth, larger = nearer.
"""

from __future__ import annotations

from dataclasses import dataclass

INPUT_CHANNELS = 5
WORKING_PIXELS = 256 * 192
STRIDE = 32  # width and height of the input are multiples of this
# Channels at 1/2, 1/4, ... 1/32 of the input size, and residual blocks there. Parameters are
# cheap in arithmetic where the picture is small, and that is where context is seen.
WIDTHS = (16, 32, 64, 128, 224)
BLOCKS = (0, 1, 3, 6, 7)


@dataclass(frozen=True)
class Conv:
    """target = relu?(conv(source) + add?); zero padding keeps the size, divided by the stride."""

    name: str
    source: str
    target: str
    inputs: int
    outputs: int
    size: int = 3
    stride: int = 1
    relu: bool = True
    add: str | None = None

    @property
    def weight_shape(self) -> tuple[int, int, int, int]:
        """(outputs, inputs, rows, columns)."""
        return self.outputs, self.inputs, self.size, self.size


@dataclass(frozen=True)
class Resize:
    """target = source, bilinearly resized to the height and width of `like`."""

    source: str
    like: str
    target: str


Step = Conv | Resize


def _encoder() -> list[Step]:
    steps: list[Step] = []
    source, inputs = "input", INPUT_CHANNELS
    for level, (width, blocks) in enumerate(zip(WIDTHS, BLOCKS, strict=True), start=1):
        name = f"down{level}"
        steps.append(Conv(name, source, name, inputs, width, stride=2))
        source, inputs = name, width
        for block in range(blocks):
            first, second = f"{name}.{block}a", f"{name}.{block}b"
            steps.append(Conv(first, source, first, width, width))
            steps.append(Conv(second, first, second, width, width, add=source))
            source = second
    return steps


def _decoder(encoder: list[Step]) -> list[Step]:
    """Climb from 1/32 to 1/2: narrow, enlarge, add what the encoder saw there, and smooth."""
    ends = {step.target.split(".")[0]: step.target for step in encoder}
    steps: list[Step] = []
    source, inputs = ends[f"down{len(WIDTHS)}"], WIDTHS[-1]
    for level in range(len(WIDTHS) - 1, 0, -1):
        width, skip, name = WIDTHS[level - 1], ends[f"down{level}"], f"up{level}"
        steps.append(Conv(f"{name}.narrow", source, f"{name}.narrow", inputs, width, 1, relu=False))
        steps.append(Resize(f"{name}.narrow", skip, f"{name}.large"))
        steps.append(
            Conv(f"{name}.join", skip, f"{name}.join", width, width, 1, add=f"{name}.large")
        )
        steps.append(Conv(name, f"{name}.join", name, width, width, add=f"{name}.join"))
        source, inputs = name, width
    steps.append(Conv("head", source, "head", inputs, 1, relu=False))
    steps.append(Resize("head", "input", "inverse"))
    return steps


def _plan() -> tuple[Step, ...]:
    encoder = _encoder()
    return (*encoder, *_decoder(encoder))


PLAN: tuple[Step, ...] = _plan()
CONVOLUTIONS: tuple[Conv, ...] = tuple(step for step in PLAN if isinstance(step, Conv))
