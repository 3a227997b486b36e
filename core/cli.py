"""The command line: `unflat PHOTO ... -o OUT` and `unflat doctor`; `cli_models` has the rest."""

from __future__ import annotations

import argparse
import io
import json
import logging
import signal
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from . import blend, cli_models, colormap, export, images, pipeline
from ._version import __version__
from .depth import catalog
from .depthmap import DepthKind
from .doctor import examine
from .errors import SettingsError, UnflatError, explain
from .mesh import surface
from .progressbar import ProgressBar
from .settings import PRECISIONS, Output, Settings, SurfaceMethod

OK, SOME_FAILED, WRONG_USAGE = 0, 1, 2

_NUMBERS = (
    ("tiles", "N", "look at N x N parts of the photo too, for more detail; takes longer"),
    ("near-far-ratio", "X", "farthest over nearest, where a model gives relative depth"),
    ("edge-ratio", "X", "cut the mesh where depth jumps by more than this"),
    ("max-error", "REL", "how far the mesh may be off the depth, as a share of it"),
    ("max-faces", "N", "triangles of the mesh at most"),
    ("print-width", "MM", "millimetres of the print from left to right"),
    ("print-height", "MM", "millimetres of its relief"),
    ("print-base", "MM", "millimetres of the plate below the relief"),
)

_MORE = ("background", "surface", "print")  # whose triangles the report counts apart

_RECONSTRUCTED = 0.6  # share of the bar; writing files takes the rest


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0 all done, 1 some failed, 2 wrong usage."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    # Ended by a render farm, clean up as after Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # file names may be any bytes
    command = {"models": cli_models.main, "doctor": _doctor}.get(arguments[0] if arguments else "")
    try:
        return command(arguments[1:]) if command else _photos(arguments)
    except KeyboardInterrupt:
        print("unflat: stopped", file=sys.stderr)
        return 130  # what shells expect of a program that Ctrl-C ended
    except BrokenPipeError:  # `unflat models | head`
        sys.stderr.close()
        return SOME_FAILED


def _parser() -> argparse.ArgumentParser:
    defaults = Settings()
    parser = argparse.ArgumentParser(
        prog="unflat",
        description="Turn photos into depth maps, point clouds, meshes and Blender scenes.",
        epilog="Also: unflat models, unflat doctor",
    )
    add = parser.add_argument
    add("photos", nargs="+", type=Path, metavar="PHOTO", help="picture file, or folder of them")
    add("-o", "--out", type=Path, required=True, help="each photo's files go to OUT/<its name>/")
    add("--model", default=defaults.model, metavar="ID", help="see: unflat models")
    add("--device", default=defaults.device, help="auto, cpu, cuda, cuda:1, mps or xpu")
    add(
        "--precision",
        choices=PRECISIONS,
        default=defaults.precision,
        help="full: float32; fast: less",
    )
    add("--depth", type=Path, metavar="FILE", help="your own depth map: PNG, TIFF, EXR, NPZ, NPY")
    add(
        "--depth-kind",
        choices=[kind.value for kind in DepthKind],
        help="what its numbers mean; else what the file says, or metres (integers: millimetres)",
    )
    camera = parser.add_mutually_exclusive_group()
    camera.add_argument("--camera", type=Path, metavar="FILE", help="known intrinsics: camera.json")
    camera.add_argument("--fov", type=float, metavar="DEG", help="horizontal field of view")
    add(
        "--outputs",
        type=_words,
        default="mesh,points",
        metavar="LIST",
        help="comma-separated: " + ",".join(output.value for output in Output),
    )
    for name, metavar, what in _NUMBERS:
        value = getattr(defaults, name.replace("-", "_"))
        text = f"{what} (default %(default)s)"
        add(f"--{name}", type=type(value), default=value, metavar=metavar, help=text)
    add(
        "--known-distance",
        type=_known_distance,
        metavar="X1,Y1,X2,Y2=METRES",
        help="two pixels of the photo and how far apart the surface is there; scales everything",
    )
    add("--level", action="store_true", help="find the floor and have the scene stand on it")
    add(
        "--surface",
        choices=[method.value for method in SurfaceMethod],
        default=defaults.surface.value,
        help="how to lay the surface through the points (default %(default)s)",
    )
    add(
        "--format",
        type=_words,
        default="glb",
        metavar="LIST",
        help="of mesh and surface, comma-separated: " + ",".join(export.FORMATS),
    )
    add("--colormap", default=colormap.DEFAULT, help="Matplotlib's name (default %(default)s)")
    add("--blend", action="store_true", help="also make scene.blend (needs Blender)")
    add("--json", action="store_true", help="print one JSON report per photo on stdout")
    add("--version", action="version", version=f"unflat {__version__}")
    return parser


def _photos(arguments: list[str]) -> int:
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        settings = _settings(options)
        formats = export.check_formats(options.format)
        colormap.table(options.colormap)
        if options.blend:
            blend.command()
    except UnflatError as error:
        print(f"unflat: error: {error}", file=sys.stderr)
        return WRONG_USAGE
    sources = images.find(options.photos)
    for name in ("depth", "known_distance"):
        if getattr(options, name) and len(sources) > 1:
            parser.error(f"--{name.replace('_', '-')} goes with one photo")
    failed = 0
    for source, folder in zip(sources, _folders(sources, options.out), strict=True):
        failed += not _one(source, folder, settings, formats, options)
    if len(sources) > 1:
        done = len(sources) - failed
        print(f"unflat: {done} of {len(sources)} photos done", file=sys.stderr)
    return SOME_FAILED if failed else OK


def _settings(options: argparse.Namespace) -> Settings:
    settings = Settings(
        model=options.model,
        device=options.device,
        precision=options.precision,
        tiles=options.tiles,
        fov=options.fov,
        near_far_ratio=options.near_far_ratio,
        edge_ratio=options.edge_ratio,
        max_error=options.max_error,
        max_faces=options.max_faces,
        known_distance=options.known_distance,
        level=options.level,
        surface=options.surface,
        print_width=options.print_width,
        print_height=options.print_height,
        print_base=options.print_base,
        outputs=frozenset(options.outputs),
    )
    if Output.RELIEF in settings.outputs and not options.blend:
        raise SettingsError("The relief lives in a Blender scene, add --blend.")
    if Output.SURFACE in settings.outputs:
        surface.library()
    catalog.check_device(catalog.find(settings.model), settings.device)
    return settings


def _words(text: str) -> list[str]:
    """The parts of a comma-separated list."""
    return [part.strip() for part in text.split(",")]


def _known_distance(text: str) -> tuple[float, ...]:
    """X1,Y1,X2,Y2=METRES as numbers."""
    try:
        places, metres = text.split("=")
        return *map(float, places.split(",")), float(metres)
    except ValueError:
        raise argparse.ArgumentTypeError(f"write X1,Y1,X2,Y2=METRES, not '{text}'") from None


def _folders(sources: list[Path], out: Path) -> list[Path]:
    """OUT/<stem> for each photo; a stem that comes again gets a number."""
    taken: set[str] = set()
    folders = []
    for source in sources:
        stem = source.stem.strip(". ") or "photo"  # "...jpg" must not mean the folder above
        name, n = stem, 1
        while name.casefold() in taken:  # file systems may ignore case
            n += 1
            name = f"{stem}_{n}"
        taken.add(name.casefold())
        folders.append(out / name)
    return folders


def _one(
    source: Path,
    folder: Path,
    settings: Settings,
    formats: Collection[str],
    options: argparse.Namespace,
) -> bool:
    """Do one photo; False if an error stopped it, which the user has been told."""
    bar = ProgressBar(source.name)
    log = _Log(bar)
    logging.getLogger().addHandler(log)
    try:
        for given in filter(None, (source, options.depth, options.camera)):
            export.check_kept(given, folder)
        result = pipeline.reconstruct(
            source,
            settings,
            depth=options.depth,
            depth_kind=options.depth_kind,
            camera=options.camera,
            progress=lambda stage, fraction: bar.update(stage, _RECONSTRUCTED * fraction),
        )
        bar.update("files", _RECONSTRUCTED)
        report = export.save(result, folder, options.colormap, formats, options.blend)
    except Exception as error:  # whatever it is, the other photos must not suffer
        bar.clear()
        print(f"unflat: {source}: {explain(error)}", file=sys.stderr)
        return False
    finally:
        logging.getLogger().removeHandler(log)
    bar.clear()
    _tell(report, folder, options.json)
    return True


class _Log(logging.Handler):
    """Warnings of the work, as it goes on, in place of the bar."""

    def __init__(self, bar: ProgressBar) -> None:
        super().__init__(logging.WARNING)
        self._bar = bar

    def emit(self, record: logging.LogRecord) -> None:
        self._bar.clear()
        print(f"unflat: {record.getMessage()}", file=sys.stderr)


def _tell(report: dict[str, Any], folder: Path, as_json: bool) -> None:
    if as_json:
        print(json.dumps(report | {"folder": str(folder)}), flush=True)
        return
    total = sum(report["seconds"].values())
    counts = [
        (report["triangles"], "triangles"),
        (report["points"], "points"),
        *((report[f"{what}_triangles"], f"triangles of {what}") for what in _MORE),
    ]
    said = [f"{total:.1f} s", *(f"{count:,} {what}" for count, what in counts if count)]
    print(f"{folder}  ({', '.join(said)})")
    for name, size in report["bytes"].items():
        print(f"  {name:<16} {size / 1e6:8.2f} MB")
    for warning in report["warnings"]:
        print(f"  note: {warning}")
    sys.stdout.flush()


def _doctor(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="unflat doctor", description="Say what is installed.")
    parser.parse_args(arguments)
    for name, state in examine():
        print(f"{name:<14} {state}")
    return OK


if __name__ == "__main__":
    sys.exit(main())
