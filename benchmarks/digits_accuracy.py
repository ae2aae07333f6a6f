"""Test accuracy on the digits with and without SE, over several seeds.

python benchmarks/digits_accuracy.py --seeds 5

Every run is a `keras-senet train` of its own with the default recipe. Prints the
table of the README: mean and standard deviation over the seeds of the test
accuracy of each network, and its parameters. On two CPU cores a run takes some
minutes.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path


def run(seed: int, reduction: str, folder: Path) -> dict:
    """Trains once and returns the record."""
    out = folder / f"{reduction}-{seed}"
    options = ["--seed", str(seed), "--reduction", reduction, "--out", str(out)]
    command = [sys.executable, "-m", "keras_senet.cli", "train", "--no-export"]
    subprocess.run([*command, *options], check=True, stdout=subprocess.DEVNULL)
    return json.loads((out / "record.json").read_text())


def main() -> None:
    """Runs all seeds and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=5)
    seeds = range(parser.parse_args().seeds)
    with tempfile.TemporaryDirectory() as folder:
        print("| network | parameters | test accuracy | correct of 359, by seed |")
        print("|---|---|---|---|")
        for name, reduction in (("SE-ResNet-20", "16"), ("ResNet-20", "none")):
            records = [run(seed, reduction, Path(folder)) for seed in seeds]
            tests = [record["metrics"]["test"] for record in records]
            accuracies = [test["accuracy"] for test in tests]
            deviation = statistics.stdev(accuracies) if len(tests) > 1 else 0.0
            print(
                f"| {name} | {records[0]['model']['parameters']:,} "
                f"| {statistics.mean(accuracies):.4f} ± {deviation:.4f} "
                f"| {', '.join(str(test['top1']) for test in tests)} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
