"""The layers: imports only go down and never in a circle; a plugin imports nothing of ours but `fluentsd.api`."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "fluentsd"
PLUGINS = Path(__file__).parents[1] / "plugins"
#: From the ground up. What stands in one layer may import its own kind and everything below.
LAYERS = (
    {
        "hookspecs",
        "plugin_config",
        "validation",
        "urls",
        "clock",
        "log",
        "systemd",
        "optout",
        "unavailable",
        "text",
        "csv_output",
        "settings_file",
        "error_groups",
    },
    {"api"},
    {"domain"},
    {"store", "config", "plugins", "testing", "sealing"},
    {"engine"},
    {"configured_plugins", "connecting", "bootstrap"},
    {"verbs"},
    {"fronts"},
    {"daemon"},
    {"doctor", "demo"},
    {"preview"},
    {"cli"},
    {"__main__"},
)
LAYER = {name: height for height, names in enumerate(LAYERS) for name in names}
#: What a layer may not import although it lies below.
FORBIDDEN = {
    "engine": {"config", "plugins"},
    "verbs": {"config", "plugins", "configured_plugins", "connecting", "bootstrap"},
    "fronts": {"store", "domain.state_machines", "bootstrap", "configured_plugins", "plugins"},
    "store": {"config", "plugins", "testing"},
}
#: hookspecs names the plugin API in its signatures; urls and plugins build values of it.
GROUND_THAT_NAMES_THE_API = {"hookspecs", "urls"}


def modules() -> dict[str, Path]:
    """Every module of the package by its dotted name below `fluentsd`."""
    found = {}
    for file in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(file.relative_to(PACKAGE).with_suffix("").parts).removesuffix("__init__").rstrip(".")
        if name and "migrations" not in file.parts:
            found[name] = file
    return found


MODULES = modules()


@cache
def statements(file: Path) -> list[ast.Import | ast.ImportFrom]:
    """The imports of a file, anywhere in it."""
    tree = ast.parse(file.read_text("utf-8"))
    return [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]


def imports(file: Path, package: str = "fluentsd") -> set[str]:
    """The modules of `package` a file imports, anywhere in it, as dotted names below the package."""
    found = set()
    for node in statements(file):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == package:
            base = node.module.removeprefix(package).lstrip(".")
            for alias in node.names:
                full = f"{base}.{alias.name}".lstrip(".")
                found.add(full if full in MODULES else base)
        elif isinstance(node, ast.Import):
            found |= {a.name.removeprefix(package).lstrip(".") for a in node.names if a.name.split(".")[0] == package}
    return found - {""}


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_only_go_down(module: str) -> None:
    mine = module.split(".")[0]
    for other in imports(MODULES[module]):
        room = other.split(".")[0]
        if mine in GROUND_THAT_NAMES_THE_API and room == "api":
            continue
        assert LAYER[room] <= LAYER[mine], f"{module} imports {other}, which lies above it"
        for no in FORBIDDEN.get(mine, ()):
            assert f"{other}.".find(f"{no}.") != 0, f"{module} may not import {other}"


def test_no_circles() -> None:
    graph = {name: {other for other in imports(file) if other in MODULES} - {name} for name, file in MODULES.items()}
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, f"a circle of imports: {' → '.join((*path[path.index(name) :], name))}"
        if name not in done:
            for other in sorted(graph[name]):
                visit(other, (*path, name))
            done.add(name)

    for name in sorted(graph):
        visit(name, ())


def packages(file: Path) -> set[str]:
    """The top-level packages a file imports, ours and others'."""
    names = {a.name.split(".")[0] for n in statements(file) if isinstance(n, ast.Import) for a in n.names}
    return names | {n.module.split(".")[0] for n in statements(file) if isinstance(n, ast.ImportFrom) and n.module}


def test_the_domain_is_pure() -> None:
    for file in sorted((PACKAGE / "domain").rglob("*.py")):
        assert not packages(file) & {"trio", "asyncio", "sqlalchemy", "httpx", "time", "socket", "random"}, file


def test_sql_lives_in_the_store_alone() -> None:
    for name, file in MODULES.items():
        assert "sqlalchemy" not in packages(file) or name.split(".")[0] == "store", name


@pytest.mark.parametrize("plugin", sorted(p for p in PLUGINS.iterdir() if p.is_dir()), ids=lambda p: p.name)
def test_a_plugin_imports_only_the_api(plugin: Path) -> None:
    for file in sorted(plugin.rglob("*.py")):
        allowed = {"api", "testing"} if "tests" in file.parts else {"api"}
        strange = {other for other in imports(file) if other.split(".")[0] not in allowed or "." in other}
        assert not strange, f"{file}: {strange}"
