"""The command line's `unflat models`: what there is, and getting, checking and removing weights."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from .depth import catalog, weights
from .depth.catalog import ModelCard
from .depth.download import Progress
from .errors import UnflatError, explain
from .progressbar import ProgressBar

OK, FAILED, WRONG_USAGE = 0, 1, 2
_WIDEST = max(len(card.id) for card in catalog.MODELS)


def main(arguments: Sequence[str]) -> int:
    """Run `unflat models` and return its exit code: 0 done, 1 failed, 2 wrong usage."""
    options = _parser().parse_args(arguments)
    try:
        card = catalog.find(options.id) if options.id else None
    except UnflatError as error:
        print(f"unflat: error: {error}", file=sys.stderr)
        return WRONG_USAGE
    try:
        if options.action == "import":
            return _import(options.path, card)
        if card is None:
            _list(options.all)
        else:
            _ACTIONS[options.action](card)
    except BrokenPipeError:  # nobody reads on, and nothing is wrong
        raise
    except Exception as error:
        print(f"unflat: {explain(error)}", file=sys.stderr)
        return FAILED
    return OK


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="unflat models", description="List the depth models, and keep their weights."
    )
    parser.set_defaults(id=None, all=False)
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    listing = actions.add_parser("list", help="list them, as without an action")
    listing.add_argument(
        "--all", action="store_true", help="also those not cleared for commercial use"
    )
    for name, purpose in (
        ("info", "say more of one"),
        ("download", "get its weights, going on from where that broke off"),
        ("verify", "check that its weights are what was published, or what came at first"),
        ("remove", "remove its weights from this computer"),
    ):
        actions.add_parser(name, help=purpose).add_argument("id", metavar="ID")
    importing = actions.add_parser("import", help="take weights from a file or folder of yours")
    importing.add_argument("path", type=Path, metavar="FILE")
    importing.add_argument("--as", dest="id", metavar="ID", help="where a file fits several models")
    return parser


def _list(everything: bool) -> None:
    """What may be used commercially and what is here already, or everything."""
    shown = [card for card in catalog.MODELS if everything or card.commercial or _is_here(card)]
    for card in shown:
        print(_line(card))
    if left_out := len(catalog.MODELS) - len(shown):
        print(
            f"{left_out} more, not cleared for commercial use: unflat models list --all",
            file=sys.stderr,
        )


def _is_here(card: ModelCard) -> bool:
    return card.file is not None and weights.find(card) is not None


def _line(card: ModelCard) -> str:
    here = ", downloaded" if _is_here(card) else ""
    return f"{card.id:<{_WIDEST}} {card.title}: {card.predicts}, {card.terms}{here}"


def _info(card: ModelCard) -> None:
    print(_line(card))
    rows = {
        "input": f"{card.input_size} pixels",
        "parameters": f"{card.parameters / 1e6:,.1f} million",
        "memory": f"about {card.memory / 1e9:,.1f} GB on a CPU",
        "devices": ", ".join(card.devices),
        "source": card.source,
        "cite": card.citation,
    }
    if card.file:
        rows["download"] = f"about {card.download_size / 1e6:,.0f} MB from {card.file.url}"
        rows["weights"] = str(weights.find(card) or "not on this computer")
    for name, value in rows.items():
        print(f"  {name:<12}{value}")


def _download(card: ModelCard) -> None:
    print(f"{card.title}: {card.terms}, see {card.source}", file=sys.stderr)
    with _bar(card.id) as progress:
        path = weights.fetch(card, progress)
    print(path)


def _verify(card: ModelCard) -> None:
    with _bar(card.id) as progress:
        receipt = weights.verify(card, progress)
    print(f"{card.id}: {receipt.size / 1e6:,.1f} MB, SHA-256 {receipt.sha256}")


def _remove(card: ModelCard) -> None:
    freed = weights.remove(card)
    print(f"{card.id}: {freed / 1e6:,.1f} MB removed" if freed else f"{card.id}: was not here")


_ACTIONS = {"info": _info, "download": _download, "verify": _verify, "remove": _remove}


def _import(path: Path, card: ModelCard | None) -> int:
    """A file, or all of a folder that are known; fails if there is none."""
    files = weights.files_in(path) if path.is_dir() else [path]
    failed = 0
    for file in files:
        try:
            with _bar(file.name) as progress:
                model = weights.import_file(file, card.id if card else None, progress)
            print(f"{file}: imported as {model}")
        except Exception as error:  # whatever it is, the other files must not suffer
            failed += 1
            print(f"unflat: {explain(error)}", file=sys.stderr)
    if not files:
        print(f"unflat: {path} holds no file of weights, choose another folder.", file=sys.stderr)
    return OK if failed < len(files) else FAILED


@contextmanager
def _bar(name: str) -> Iterator[Progress]:
    bar = ProgressBar(name)
    try:
        yield lambda fraction, text: bar.update(text, fraction)
    finally:
        bar.clear()
