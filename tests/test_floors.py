"""The floors: imports only go down, and a plugin knows nothing of the house but `fluentsd.api`."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "fluentsd"
PLUGINS = Path(__file__).parents[1] / "plugins"
#: Lower may not know higher. Side rooms near the ground: problems, clock, config, plugins, hookspecs, layers, testing.
FLOORS = {"tables": 0, "problems": 0, "api": 1, "links": 2, "domain": 2, "clock": 2, "log": 2, "supervisor": 2,
          "hookspecs": 2, "plugins": 3, "testing": 3, "layers": 3, "store": 4, "config": 4, "engine": 5, "fronts": 6,
          "opening": 7, "daemon": 8, "doctor": 8, "demo": 9, "__main__": 10}  # fmt: skip
#: A front runs the roof when somebody types `run`, `check` or `demo`: the one way up, taken inside those commands.
#: And a plugin reads a reply by the same pure rule as the house (`api.asks_to_stop`).
UPWARDS = {("api", "domain"), ("fronts", "opening"), ("fronts", "daemon"), ("fronts", "doctor"), ("fronts", "demo")}


def imports(file: Path) -> set[str]:
    """The `fluentsd` modules a file imports."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("fluentsd"):
            names = [f"fluentsd.{alias.name}" for alias in node.names] if node.module == "fluentsd" else [node.module]
            found |= set(names)
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.startswith("fluentsd")}
    return found


def room(module: str) -> str:
    return module.split(".")[1]


@pytest.mark.parametrize("file", sorted(PACKAGE.rglob("*.py")), ids=lambda f: str(f.relative_to(PACKAGE)))
def test_imports_only_go_down(file: Path) -> None:
    mine = file.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if mine == "__init__":
        return
    for module in imports(file):
        if "." in module:
            assert FLOORS[room(module)] <= FLOORS[mine] or (mine, room(module)) in UPWARDS, f"{mine} → {module}"


def test_the_domain_is_pure() -> None:
    for file in sorted((PACKAGE / "domain").rglob("*.py")):
        tree = ast.parse(file.read_text("utf-8"))
        names = {a.name.split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
        names |= {n.module.split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.module}
        assert not names & {"trio", "asyncio", "sqlalchemy", "httpx", "time", "socket", "random"}, file


@pytest.mark.parametrize("plugin", sorted(p for p in PLUGINS.iterdir() if p.is_dir()), ids=lambda p: p.name)
def test_a_plugin_stands_beside_the_house(plugin: Path) -> None:
    for file in sorted(plugin.rglob("*.py")):
        allowed = {"fluentsd.api", "fluentsd.testing"} if "tests" in file.parts else {"fluentsd.api"}
        strange = {m for m in imports(file) if m not in allowed and not m.startswith("fluentsd_")}
        assert not strange, f"{file}: {strange}"
