"""Starting quickly: the garbage collector rests while modules are imported.

Next to nothing of what an import makes is garbage, and looking for it takes 5 to 10 % of a small run.
"""

from __future__ import annotations

import gc


def imports_begin() -> None:
    """Let the collector rest."""
    gc.disable()


def imports_done() -> None:
    """Let the collector work again, on what is made from here on."""
    gc.freeze()
    gc.enable()
