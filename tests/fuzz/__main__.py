"""`make fuzz MINUTES=60`: the fuzz tests again and again with new random inputs, until the time is over or one fails.

A failure prints the input and `@reproduce_failure(…)`. Add the input to the test as an `@example`, so that it stays.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import time
from pathlib import Path

#: How many times more inputs a round tries than the suite does.
TIMES = 10


def main() -> int:
    """Exit status 1 as soon as a round fails."""
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    ends_at, rounds = time.monotonic() + minutes * 60, 0
    environment = os.environ | {"FLUENTSD_FUZZ_TIMES": str(TIMES)}
    while time.monotonic() < ends_at:
        seed = secrets.randbelow(2**32)
        command = [sys.executable, "-m", "pytest", "-q", "-x", "--timeout=1800", f"--hypothesis-seed={seed}", "-n", "2"]
        done = subprocess.run([*command, str(Path(__file__).parent)], env=environment, check=False)
        if done.returncode:
            print(f"a fault was found in round {rounds + 1}, seed {seed}")
            return 1
        rounds += 1
    print(f"{rounds} rounds of fuzzing in {minutes:g} minutes without a fault")
    return 0


if __name__ == "__main__":
    sys.exit(main())
