"""pymap, in a process of its own."""

from __future__ import annotations

import sys
import warnings


def serve(*arguments: str) -> None:
    from pymap.main import main

    warnings.simplefilter("ignore")
    sys.argv = ["pymap", *arguments]
    main()
