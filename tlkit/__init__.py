"""tlkit: a course on deep transfer learning, and the library it teaches with.

Names are looked up on first use, so that `import tlkit` costs nothing and pulls in neither torch nor numpy.
"""

import sys
from importlib import import_module

if sys.version_info < (3, 11):  # pip refuses an older one; who takes another Python for a kernel gets here
    raise ImportError(f"tlkit needs Python 3.11 or newer, and {sys.executable} is {sys.version.split()[0]}; choose another kernel")

__version__ = "0.1.0"

_HOME_OF = {
    "load_task": "tlkit.data",
    "load_backbone": "tlkit.backbones",
    "adapt": "tlkit.adaptation",
    "finetune": "tlkit.training",
    "load": "tlkit.artefact",
    "plans": "tlkit.plans",
    "check": "tlkit.grading.check",
    "quiz": "tlkit.grading.quiz",
}

__all__ = ["__version__", *_HOME_OF]


def __getattr__(name: str):
    if name not in _HOME_OF:
        raise AttributeError(f"tlkit has no name {name!r}; it offers {', '.join(_HOME_OF)}")
    module = import_module(_HOME_OF[name])
    return module if module.__name__ == f"tlkit.{name}" else getattr(module, name)


def __dir__() -> list[str]:
    return sorted(__all__)
