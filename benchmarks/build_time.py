"""How long a network takes to build, beside Keras' own of the same depth.

python benchmarks/build_time.py --runs 5

Each run builds both networks in a process of its own, first one and then the other,
and the other way round in the next run. Printed are the medians' ratios.
"""

import argparse
import json
import statistics
import subprocess
import sys

PAIRS = {
    "SEResNet50": "ResNet50",
    "SEInceptionV3": "InceptionV3",
    "SEInceptionResNetV2": "InceptionResNetV2",
    "SEMobileNet": "MobileNet",
}

PROGRAM = """
import json, sys, time
import keras
import keras_senet

keras.applications.VGG16(weights=None, include_top=False)  # what is lazy gets loaded
seconds = {}
for name in sys.argv[1:]:
    where = keras_senet if name.startswith("SE") else keras.applications
    start = time.perf_counter()
    getattr(where, name)(weights=None)
    seconds[name] = time.perf_counter() - start
print(json.dumps(seconds))
"""


def measure(names: list[str]) -> dict[str, float]:
    """Builds networks in a fresh process.

    Args:
        names: Functions of keras_senet and `keras.applications`, in their order.

    Returns:
        Seconds by name.
    """
    command = [sys.executable, "-c", PROGRAM, *names]
    finished = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(finished.stdout.splitlines()[-1])


def main() -> None:
    """Measures every pair and prints the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    for ours, theirs in PAIRS.items():
        results = [
            measure([ours, theirs] if run % 2 else [theirs, ours])
            for run in range(runs)
        ]
        medians = {
            name: statistics.median(result[name] for result in results)
            for name in (ours, theirs)
        }
        print(f"{ours} / {theirs}: {medians[ours] / medians[theirs]:.2f}")


if __name__ == "__main__":
    main()
