"""Tiny wheels for tests of installing, and a package index on this machine that serves them."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from zipfile import ZipFile


def make_wheel(folder: Path, name: str, version: str, code: str = "", needs: str = "") -> Path:
    """A wheel with one module; `needs` is another library that it requires."""
    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    files = {
        f"{name}/__init__.py": f"__version__ = {version!r}\n{code}",
        f"{name}/data.py": "# " + "x" * 300_000,
        f"{info}/METADATA": metadata + (f"Requires-Dist: {needs}\n" if needs else ""),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\n"
        "Tag: py3-none-any\n",
    }
    record = "".join(f"{path},,{len(text)}\n" for path, text in files.items())
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with ZipFile(path, "w") as archive:
        for inside, text in (files | {f"{info}/RECORD": f"{record}{info}/RECORD,,\n"}).items():
            archive.writestr(inside, text)
    return path


class Index(ThreadingHTTPServer):
    """A simple package index of a folder of wheels.

    asked: paths of the requests so far.
    stalled: name of a wheel of which only the first bytes come, until `release` is set.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder = folder
        self.asked: list[str] = []
        self.stalled = ""
        self.reached = threading.Event()
        self.release = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_address[1]}/simple/"
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are part of the tests."""

    def fetched(self) -> list[str]:
        """The wheels that were asked for."""
        return [path.rsplit("/", 1)[1] for path in self.asked if path.endswith(".whl")]


class _Handler(BaseHTTPRequestHandler):
    server: Index

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        name = self.path.strip("/").split("/")[-1]
        if name.endswith(".whl"):
            self._send_wheel(self.server.folder / name)
            return
        wheels = sorted(self.server.folder.glob(f"{name.replace('-', '_')}-*.whl"))
        links = "".join(f'<a href="/files/{wheel.name}">{wheel.name}</a>' for wheel in wheels)
        self._send(200 if wheels else 404, f"<!DOCTYPE html><html>{links}</html>".encode())

    def do_HEAD(self) -> None:
        """uv asks before it fetches."""
        path = self.server.folder / self.path.rsplit("/", 1)[1]
        self._head(200, path.stat().st_size, "application/octet-stream")

    def _send_wheel(self, path: Path) -> None:
        data = path.read_bytes()
        if path.name != self.server.stalled:
            self._send(200, data, "application/octet-stream")
            return
        self._head(200, len(data), "application/octet-stream")
        self.wfile.write(data[:100])
        self.wfile.flush()
        self.server.reached.set()
        self.server.release.wait(30)

    def _send(self, status: int, data: bytes, kind: str = "text/html") -> None:
        self._head(status, len(data), kind)
        self.wfile.write(data)

    def _head(self, status: int, length: int, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        return
