"""The callables that the hooks get: each registers one factory under a name.

`factory(config, tools)` is called for each table of the configuration that names the plugin.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fluentsd.api.agent import AgentProvider
from fluentsd.api.channel import Channel, Tools
from fluentsd.api.source import Source

#: For `[channel.<kind>]`.
Register = Callable[[str, Callable[[Mapping[str, Any], Tools], Channel]], None]
#: For `[source.<name>]`.
RegisterSource = Callable[[str, Callable[[Mapping[str, Any], Tools], Source]], None]
#: For `[agents.<name>]`.
RegisterAgentProvider = Callable[[str, Callable[[Mapping[str, Any], Tools], AgentProvider]], None]
