"""Where wheels come from: as pip is set up here, or as the user says. Told to pip and uv alike.

The user's environment and configuration may hold anything (a target folder, constraints, no
binaries); only what says how to get files is taken over from them. It is handed on as variables,
not as arguments, because addresses may hold passwords.
"""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

_FOREIGN = ("PIP_", "PYTHON", "UV_", "VIRTUAL_ENV", "CONDA_", "__PYVENV_LAUNCHER__")
_LISTS = ("extra-index-url", "find-links", "trusted-host")
_KEPT = ("index-url", *_LISTS, "cert", "client-cert", "proxy", "timeout", "retries",
         "keyring-provider")  # fmt: skip
_SECRET = re.compile(r"(?<=://)[^/@\s]+@")


@dataclass(frozen=True)
class Options:
    """How to install, where the usual way does not do.

    proxy: address of a proxy.
    index_url: the only index to ask, in place of pip's and PyTorch's, as of a mirror.
    wheels: a folder with all wheels; then nothing is fetched from anywhere.
    python: the interpreter to make the environment from.
    """

    proxy: str = ""
    index_url: str = ""
    wheels: Path | None = None
    python: Path | None = None


def clean_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment without what would change how Python, pip or uv work."""
    return {name: value for name, value in environ.items() if not name.upper().startswith(_FOREIGN)}


def configuration(listing: str) -> dict[str, str]:
    """What `pip config list` prints, as far as it says how to get files; lists are joined by " ".

    A file's [install] goes before its [global], and variables before both.
    """
    ranks = {"global": 0, "install": 1, ":env:": 2}
    found: dict[str, tuple[int, str]] = {}
    for line in listing.splitlines():
        key, _, value = line.partition("=")
        section, _, name = key.partition(".")
        if section not in ranks or name not in _KEPT:
            continue
        try:
            words = " ".join(str(ast.literal_eval(value)).split())
        except (ValueError, SyntaxError):
            continue
        if ranks[section] >= found.get(name, (0, ""))[0]:
            found[name] = ranks[section], words
    return {name: words for name, (_, words) in found.items()}


def resolved(
    configured: Mapping[str, str], indexes: Iterable[str], options: Options
) -> dict[str, str]:
    """The configuration to install with, of pip's own and the options.

    indexes: more addresses that the pinned set asks for.
    """
    settings = dict(configured)
    if options.wheels:
        for name in ("index-url", "extra-index-url"):
            settings.pop(name, None)
        settings["find-links"] = options.wheels.absolute().as_uri()
        settings["no-index"] = "1"
    elif options.index_url:
        settings["index-url"] = options.index_url
        settings.pop("extra-index-url", None)
    else:
        extra = [settings.get("extra-index-url", ""), *indexes]
        settings["extra-index-url"] = " ".join(filter(None, extra))
    if options.proxy:
        settings["proxy"] = options.proxy
    return {name: value for name, value in settings.items() if value}


def for_pip(settings: Mapping[str, str]) -> dict[str, str]:
    """The variables that tell pip."""
    told = {f"PIP_{name.upper().replace('-', '_')}": value for name, value in settings.items()}
    # Else the files are read again, with all that is in them.
    return told | {"PIP_CONFIG_FILE": os.devnull} | _proxies(settings)


def for_uv(settings: Mapping[str, str]) -> dict[str, str]:
    """The variables that tell uv."""
    names = {
        "index-url": "UV_DEFAULT_INDEX",
        "extra-index-url": "UV_INDEX",
        "find-links": "UV_FIND_LINKS",
        "trusted-host": "UV_INSECURE_HOST",
        "no-index": "UV_NO_INDEX",
        "cert": "SSL_CERT_FILE",
        "client-cert": "SSL_CLIENT_CERT",
        "timeout": "UV_HTTP_TIMEOUT",
        "retries": "UV_HTTP_RETRIES",
        "keyring-provider": "UV_KEYRING_PROVIDER",
    }
    told = {names[name]: value for name, value in settings.items() if name in names}
    return told | _proxies(settings)


def _proxies(settings: Mapping[str, str]) -> dict[str, str]:
    """Both spellings, because programs differ in which one goes before."""
    if not (proxy := settings.get("proxy")):
        return {}
    names = ("http_proxy", "https_proxy", "all_proxy")
    return {spelling: proxy for name in names for spelling in (name, name.upper())}


def masked(text: str) -> str:
    """A text without the passwords of the addresses in it."""
    return _SECRET.sub("", text)
