"""Files of weights, read as data: no code in them is ever run.

Imports torch and safetensors, in `read` alone.
"""

from __future__ import annotations

import json
import pickle
import zipfile
from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import WeightsError, needing, telling_memory

if TYPE_CHECKING:
    from torch import Tensor


class Format(StrEnum):
    """How the bytes of a file of weights are laid out."""

    ZIP = "PyTorch"
    LEGACY = "PyTorch before 1.6"
    SAFETENSORS = "safetensors"


_PURPOSE = "Reading weights needs"
_AGAIN = "remove it and download it again"
_LEGACY = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."  # torch's magic number, as a pickle
_WRAPPERS = "model", "state_dict"  # entries that may hold the weights, in place of the file itself
_LONGEST_HEADER = 100_000_000  # bytes; the limit of the safetensors library


def read(path: Path) -> dict[str, Tensor]:
    """{entry: tensor} of a file of weights, on the CPU, mapped into memory where its format allows.

    They may lie in the file itself or, as training programs write them, within one of its entries.
    Raises WeightsError, MemoryError, or MissingLibraryError without torch or safetensors.
    """
    layout = check(path)
    load = _safetensors() if layout == Format.SAFETENSORS else _torch(layout)
    try:
        with telling_memory():
            contents = load(str(path))
    except MemoryError:
        raise
    except OSError as error:
        raise unreadable(path, error) from None
    except pickle.UnpicklingError:
        raise _code(path) from None
    except Exception as error:  # whatever a damaged file makes the libraries stumble over
        raise WeightsError(f"{path} is damaged ({type(error).__name__}), {_AGAIN}.") from None
    return _table(contents, path)


def check(path: Path) -> Format:
    """What a file is, by its first and last bytes. Raises WeightsError. Imports no library."""
    try:
        with path.open("rb") as file:
            first = file.read(1024)
        if first.startswith(b"PK\x03\x04"):
            return _check_zip(path)
        if first.startswith(_LEGACY):
            return Format.LEGACY
        if first[8:9] == b"{":
            return _check_safetensors(path)
    except OSError as error:
        raise unreadable(path, error) from None
    raise _foreign(path, first)


def unreadable(path: Path, error: OSError) -> WeightsError:
    """For what the file system refused when the file was read."""
    if isinstance(error, FileNotFoundError):
        return WeightsError(f"There is no file {path}.")
    if path.is_dir():  # Windows calls this a lack of permission
        return WeightsError(f"{path} is a folder, name the file of weights in it.")
    return WeightsError(f"{path} can't be read ({error.strerror or error}).")


def _foreign(path: Path, first: bytes) -> WeightsError:
    """Says what else begins like that."""
    if not first:
        return WeightsError(f"{path} is empty, {_AGAIN}.")
    if first.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return WeightsError(f"{path} is a web page and no weights, {_AGAIN}.")
    if first.startswith(b"version https://git-lfs"):
        return WeightsError(
            f"{path} only points to the weights (Git LFS), download the file itself."
        )
    if first.startswith(b"\x80") and first[1] <= pickle.HIGHEST_PROTOCOL:
        return _code(path)
    return WeightsError(f"{path} is no file of weights of PyTorch or safetensors, choose another.")


def _code(path: Path) -> WeightsError:
    return WeightsError(
        f"{path} holds program code, which Unflat never runs: get the weights from their official "
        "page, or as safetensors."
    )


def _check_zip(path: Path) -> Format:
    try:
        with zipfile.ZipFile(path) as archive:
            records = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        raise WeightsError(f"{path} is cut off or damaged, {_AGAIN}.") from None
    names = {Path(record.filename).name for record in records}
    if "constants.pkl" in names:  # a TorchScript program
        raise _code(path)
    # PyTorch compresses nothing, so what is compressed was made to burst.
    if "data.pkl" not in names or any(record.compress_type for record in records):
        raise WeightsError(f"{path} is a ZIP file but not of PyTorch, choose another.")
    return Format.ZIP


def _check_safetensors(path: Path) -> Format:
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = file.read(length) if length <= min(_LONGEST_HEADER, size) else b""
    try:
        entries: dict[str, Any] = json.loads(header) if len(header) == length else {}
        ends = [e["data_offsets"][1] for name, e in entries.items() if name != "__metadata__"]
        whole = size == 8 + length + max(ends)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
        whole = False
    if not whole:
        raise WeightsError(f"{path} is cut off or damaged, {_AGAIN}.")
    return Format.SAFETENSORS


def _safetensors() -> Callable[[str], Any]:
    with needing("safetensors", _PURPOSE):
        from safetensors.torch import load_file
    return load_file


def _torch(layout: Format) -> Callable[[str], Any]:
    with needing("torch", _PURPOSE):
        import torch
    return partial(torch.load, map_location="cpu", weights_only=True, mmap=layout == Format.ZIP)


def _is_plain(value: Any) -> bool:
    """Whether something is numbers in memory, one after the other."""
    import torch

    return (
        isinstance(value, torch.Tensor)
        and value.layout == torch.strided
        and value.device.type == "cpu"
        and not (value.is_nested or value.is_quantized or value.is_complex())
    )


def _table(contents: Any, path: Path) -> dict[str, Tensor]:
    if isinstance(contents, Mapping):
        for wrapper in _WRAPPERS:
            if isinstance(contents.get(wrapper), Mapping):
                contents = contents[wrapper]
                break
        table = {k: v for k, v in contents.items() if isinstance(k, str) and _is_plain(v)}
        if len(table) == len(contents) > 0:
            return table
    raise WeightsError(f"{path} holds no table of weights, choose another file.")
