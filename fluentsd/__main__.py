"""`fluentsd` and `python -m fluentsd`."""

from __future__ import annotations


def main() -> None:
    """Hand over to the shell."""
    from fluentsd.fronts.cli import main as shell

    shell()


if __name__ == "__main__":
    main()
