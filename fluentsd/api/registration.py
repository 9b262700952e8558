"""The callables that the hooks get: each registers one factory under a name.

`factory(config, tools)` is called for each table of the configuration that names the plugin.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from fluentsd.api.agent import AgentProvider
from fluentsd.api.channel import Channel, Tools
from fluentsd.api.source import Source

#: For `[channel.<kind>]`.
Register = Callable[[str, Callable[[Mapping[str, Any], Tools], Channel]], None]


@dataclass(frozen=True, slots=True)
class SignInKey:
    """One key that `fluentsd source connect` asks for; `name` is its name in the plugin's table, `help` says where a
    person finds it. A `secret` is not shown while it is typed; of a `file` its path is asked, and its text is the
    value."""

    name: str
    help: str
    secret: bool = False
    file: bool = False


@dataclass(frozen=True, slots=True)
class SignIn:
    """One way to sign in at the provider of a source, with the keys that it needs, all of them."""

    title: str
    keys: Sequence[SignInKey]


class RegisterSource(Protocol):
    """For `[source.<name>]`, and for `fluentsd source connect`, which offers the `sign_ins`."""

    def __call__(
        self, name: str, factory: Callable[[Mapping[str, Any], Tools], Source], sign_ins: Sequence[SignIn] = ()
    ) -> None: ...


#: For `[agents.<name>]`.
RegisterAgentProvider = Callable[[str, Callable[[Mapping[str, Any], Tools], AgentProvider]], None]
