"""Images per second through the training transform of ImageNet, beside peers.

python benchmarks/input_pipeline.py --images 2000 --quality 96 99

JPEGs of 500x375 become batches of 64: a crop of 8 to 100 % of the area and an aspect
of 3/4 to 4/3, brought to 224x224 bilinearly, and half of them flipped. The limits do
less: they decode whole images by other packages, or the same crops by TensorFlow, and
nothing else. Each measurement is a process of its own, whose first batch does not
count; the contenders take turns, and rates are medians over the rounds. The files are
crops of the two photographs of scikit-learn. ImageNet's have 110 kB on average, which
qualities of 96 to 99 come close to; with smaller files, decoding matters less.
"""

import argparse
import importlib.metadata
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from input_pipeline_contenders import BATCH, CONTENDERS, CROPS, OURS, WHOLE, ours

CLASSES = 8
MEMORY = "memory"
PACKAGES = ("tensorflow", "tensorflow-cpu", "keras", "torch", "grain", "pillow")
PACKAGES += ("simplejpeg", "opencv-python", "opencv-python-headless", "imagecodecs")


def write_images(root: Path, count: int, quality: tuple[int, int]) -> float:
    """Makes the files, and returns their mean size in kilobytes."""
    import numpy as np
    from PIL import Image
    from sklearn.datasets import load_sample_images

    photographs = [Image.fromarray(image) for image in load_sample_images().images]
    random = np.random.default_rng(0)
    sizes = []
    # One more of each class, for the validation that a folder of splits has.
    for number in range(-CLASSES, count):
        photograph = photographs[number % len(photographs)]
        height = photograph.height * random.uniform(0.8, 1.0)
        left, top = random.uniform(size=2) * (
            photograph.width - height * 4 / 3,
            photograph.height - height,
        )
        box = (left, top, left + height * 4 / 3, top + height)
        image = photograph.resize((500, 375), Image.Resampling.BICUBIC, box)
        split = "validation" if number < 0 else "train"
        file = root / split / f"class{number % CLASSES}" / f"{number}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        image.save(file, quality=int(random.integers(quality[0], quality[1] + 1)))
        sizes.append(file.stat().st_size)
    return statistics.mean(sizes) / 1000


def rate(name: str, root: Path, workers: int, seconds: float) -> float:
    """Images per second of one contender, in this process."""
    batches = CONTENDERS[name](root, workers)
    next(batches)
    count, start = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - start) < seconds:
        count += next(batches)
    return count / elapsed


def growth(root: Path, workers: int) -> float:
    """Megabytes that this process grows by in an epoch of our pipeline."""
    epoch = ours(root, workers, epochs=1)
    next(epoch)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sum(epoch)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return grown / (1e6 if platform.system() == "Darwin" else 1e3)


def measured(name: str, options: argparse.Namespace, root: Path) -> float | None:
    """Measures in a fresh process; `None` if something is not installed."""
    command = [sys.executable, __file__, "--only", name, "--root", str(root)]
    command += ["--workers", str(options.workers), "--seconds", str(options.seconds)]
    environment = {"TF_CPP_MIN_LOG_LEVEL": "3", **os.environ}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise SystemExit(f"{name} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def installed() -> str:
    """The packages that took part, with their versions."""
    found = {d.metadata["Name"]: d.version for d in importlib.metadata.distributions()}
    versions = {name.lower().replace("_", "-"): found[name] for name in found}
    return ", ".join(
        f"{name} {versions[name]}" for name in PACKAGES if name in versions
    )


def show(rates: dict[str, list[float]], missing: list[str]) -> None:
    """Prints the table of the medians."""
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table

    medians = {name: statistics.median(column) for name, column in rates.items()}
    whole = [name for name in medians if name.startswith(WHOLE)]
    best = max(whole, key=medians.__getitem__, default=CROPS)
    table = Table(box=SIMPLE)
    table.add_column("")
    for title in ("images/s", f"of {CROPS.removeprefix('limit: ')}", "of whole images"):
        table.add_column(title, justify="right")
    for name, median in medians.items():
        shares = (f"{median / medians[limit]:.2f}" for limit in (CROPS, best))
        table.add_row(name, f"{median:.0f}", *shares)
    for name in missing:
        table.add_row(name, "not installed", "", "")
    Console(width=100).print(table)
    print(f"The fastest decoder of whole images: {best.removeprefix(WHOLE)}")


def main() -> None:
    """Makes the files, lets all contenders take turns, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--quality", type=int, nargs=2, default=(75, 95))
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--smoke", action="store_true", help="only see that all run")
    parser.add_argument("--only", choices=[*CONTENDERS, MEMORY], help="no table")
    parser.add_argument("--root", type=Path, help="files that --only reads")
    options = parser.parse_args()
    if options.only:
        measure_here(options)
        return
    if options.smoke:
        options.images, options.seconds, options.rounds = 2 * BATCH, 0.2, 1
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        size = write_images(root, options.images, options.quality)
        print(f"{options.images} JPEGs, {size:.0f} kB on average; {installed()}")
        print(f"Threads or processes: {options.workers}; rounds: {options.rounds}")
        rates: dict[str, list[float]] = {name: [] for name in CONTENDERS}
        for _ in range(options.rounds):
            for name, column in rates.items():
                found = measured(name, options, root)
                column += [] if found is None else [found]
        show(
            {name: column for name, column in rates.items() if column},
            [name for name, column in rates.items() if not column],
        )
        grown = measured(MEMORY, options, root)
        print(f"An epoch of {OURS} adds {grown:.0f} MB to the process's peak.")


def measure_here(options: argparse.Namespace) -> None:
    """Prints one number, or null if something is not installed."""
    try:
        if options.only == MEMORY:
            number = growth(options.root, options.workers)
        else:
            number = rate(options.only, options.root, options.workers, options.seconds)
    except ModuleNotFoundError:
        if options.only in (OURS, MEMORY):
            raise
        number = None
    print(json.dumps(number))


if __name__ == "__main__":
    main()
