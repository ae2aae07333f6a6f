"""What `import keras_senet` costs over `import keras`, backend by backend.

python benchmarks/import_cost.py --runs 7

Each import happens in a fresh process, the two in turn; prints the median seconds of
both and the median of the differences, run by run, for each backend that is installed.
"""

import argparse
import importlib.util
import os
import statistics
import subprocess
import sys

SCRIPT = (
    "import time; start = time.perf_counter(); import {module}; "
    "print(time.perf_counter() - start)"
)


def seconds(module: str, backend: str) -> float:
    """Imports a module in a fresh process."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(module=module)],
        env={**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)


def main() -> None:
    """Prints a row for each backend."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=7)
    runs = parser.parse_args().runs
    print("| backend | import keras | import keras_senet | difference |")
    print("|---|---|---|---|")
    for backend in ("tensorflow", "jax", "torch"):
        if importlib.util.find_spec(backend) is None:
            continue
        seconds("keras_senet", backend)
        pairs = [
            (seconds("keras", backend), seconds("keras_senet", backend))
            for _ in range(runs)
        ]
        keras, ours = (statistics.median(column) for column in zip(*pairs, strict=True))
        difference = statistics.median(b - a for a, b in pairs)
        print(f"| {backend} | {keras:.2f} s | {ours:.2f} s | {difference:+.3f} s |")


if __name__ == "__main__":
    main()
