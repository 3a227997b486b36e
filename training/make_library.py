"""Make the folder of models and photo textures that scenes are furnished from.

    python -m training.make_library LIBRARY

fetches free packages (about 3 GB; needs apt-get of Debian or Ubuntu, where `apt-get update` was
run, and npm) into LIBRARY/packages, unless they are there already, and converts what is in them.
On other systems unpack the packages named in PACKAGES yourself (`dpkg -x`) and name that folder
with --packages. Whatever is missing is left out. Nothing of it belongs in this repository;
LIBRARY/packages can be deleted afterwards.
"""

from __future__ import annotations

import argparse
import subprocess
from pathlib import Path

from .library import sweethome, zeroad
from .library.panoramas import save_panoramas
from .library.posters import save_posters
from .library.store import save_models
from .library.tiles import save_tiles

# Debian's names; the licences are in training/README.md.
PACKAGES = (
    "sweethome3d-furniture",
    "0ad-data",
    "ufoai-textures",
    "nexuiz-textures",
    "torcs-data",
    "plasma-workspace-wallpapers",
    "gnome-backgrounds",
    "lomiri-wallpapers",
    "lomiri-wallpapers-16.04",
    "lomiri-wallpapers-20.04",
    "ukui-wallpapers",
)
PANORAMAS = "@pmndrs/assets@1.7.0"  # on npm


def _run(command: list[str], folder: Path) -> bool:
    """Run a command in a folder; a failure is told, not raised."""
    try:
        done = subprocess.run(command, cwd=folder, check=False).returncode == 0
    except OSError:
        done = False
    if not done:
        print(f"left out: {' '.join(command)} did not work")
    return done


def fetch(folder: Path) -> None:
    """Download all packages and unpack them below `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in PACKAGES:
        if (folder / "usr" / "share" / "doc" / name).exists():
            continue
        if _run(["apt-get", "download", name], folder):
            for archive in folder.glob(f"{name}_*.deb"):
                _run(["dpkg-deb", "-x", str(archive), "."], folder)
                archive.unlink()
    if not (folder / "package").exists() and _run(["npm", "pack", PANORAMAS], folder):
        for archive in folder.glob("pmndrs-assets-*.tgz"):
            _run(["tar", "xzf", str(archive)], folder)
            archive.unlink()


def convert(packages: Path, target: Path) -> None:
    """Write the library from unpacked packages; of those that are missing, nothing."""
    save_models(target / "models_sweethome.npz", sweethome.models(packages))
    save_models(target / "models_zeroad.npz", zeroad.models(packages))
    save_tiles(packages, target / "tiles.npz")
    save_posters(packages, target / "posters.npz")
    save_panoramas(packages, target / "panoramas.npz")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("library", type=Path, help="folder to write")
    parser.add_argument("--packages", type=Path, help="folder with unpacked packages")
    options = parser.parse_args()
    packages = options.packages or options.library / "packages"
    if options.packages is None:
        fetch(packages)
    convert(packages, options.library)


if __name__ == "__main__":
    main()
