"""The engine's environment: a Python of its own, outside the add-on, that holds torch and the like.

    place         what lies in the folder: `State`, `Receipt`, `used`
    usage         who runs from an environment
    upkeep        of one that is there: `check`, `size`, `remove`
    installer     makes it, also anew: `install`
    meter         how far that is
    accelerator   `Accelerator` (CPU, CUDA, ...) and which one fits: `suggest`
    pins          the exact versions, from `bridge/requirements`
    pythons       finds a Python to start from
    sources       where wheels come from: pip's configuration, a mirror, a proxy, a folder
    program       a program with a log that can be cancelled, with all that it started
    kept          downloads that are not lost when an installation breaks off
    failures      what pip and uv say, in one sentence
    trial         the test that a new environment has to pass

Our own code is never in it: it holds libraries alone and runs the files of the add-on.

There is one way to make, update, change and repair it: `install` builds a new environment beside
the present one, tries it, and only then names it in the receipt, in one atomic step. Until then
the present one works on; whatever fails or is cancelled changes nothing. A folder that holds an
engine looks like this:

    engine.json             the receipt: which environment counts, and what is in it
    engine-3f9c12ab/        an environment; one that the receipt does not name goes by and by
    engine.incomplete       there while an installation is not finished
    engine-cache/, -tmp/    what has been downloaded; gone when it is
    engine.log              what was done and said
    engine.lock             there while one Blender works on the folder

Nothing here is quick but `state`, `receipt`, `python` and `default_folder`: run the rest on a
thread. Nothing here asks for consent either: `install` goes to the network at once, unless
`online` is False.
"""

from .accelerator import Accelerator, suggest
from .installer import install
from .place import Receipt, State, default_folder, log, python, receipt, state, used
from .sources import Options
from .upkeep import check, remove, size

__all__ = [
    "Accelerator",
    "Options",
    "Receipt",
    "State",
    "check",
    "default_folder",
    "install",
    "log",
    "python",
    "receipt",
    "remove",
    "size",
    "state",
    "suggest",
    "used",
]
