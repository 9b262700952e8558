"""pymap, in a process of its own."""

from __future__ import annotations

import sys
import warnings
from functools import partial
from typing import Any


def serve(*arguments: str) -> None:
    """Serve until killed."""
    from pymap import config
    from pymap.main import main
    from pysasl.hashing import BuiltinHash

    warnings.simplefilter("ignore")
    config.BuiltinHash = partial(BuiltinHash, rounds=1)  # not half a million rounds at each login
    _tell_at_once()
    sys.argv = ["pymap", *arguments]
    main()


def _tell_at_once() -> None:
    """As other servers, tell at the beginning of IDLE what has changed since the last command; pymap waits for the next
    change."""
    from pymap.backend.dict.mailbox import MailboxData

    wait = MailboxData.update_selected

    async def update(mailbox: Any, selected: Any, *, wait_on: Any = None) -> Any:
        has_changed = selected.mod_sequence is not None and selected.mod_sequence < mailbox._mod_sequences.highest
        return await wait(mailbox, selected, wait_on=None if has_changed else wait_on)

    MailboxData.update_selected = update
