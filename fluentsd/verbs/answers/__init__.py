"""The answers of verbs: frozen dataclasses, one module per noun, and their JSON form (`codec`).

Every field has a default, because an old daemon may meet a new shell, and stored answers outlive versions. What must
not live here: any import of fluentsd from outside this package, so that a thin shell can read answers.
"""

from __future__ import annotations

#: The version of the control socket's messages, in every reply. It changes when an older shell cannot read them.
PROTOCOL = 1
