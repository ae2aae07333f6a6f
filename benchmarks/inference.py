"""Answers of SE-ResNet-50 in every format, beside those of others.

python benchmarks/inference.py
python benchmarks/inference.py --groups cost --rounds 9 --files exported

Contenders are processes that take turns, at most four of them at a time; ratios are
medians over the rounds, each to the first of its group in the same round. All networks
normalize the images themselves, but for timm's, which gets them normalized. Images are
224 x 224, two threads; each call has one image, or eight.

Three groups: `runtimes`, SE-ResNet-50 in each runtime to our ONNX file in ONNX Runtime;
`cost`, in each runtime the networks without SE (ours, and keras.applications.ResNet50)
to the one with it; `int8`, the quantized files to those in float32. The files are made
and proven first, which takes minutes; `--files` keeps them for the next time.
"""

import argparse
import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from inference_contenders import Entry
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from taking_turns import OURS, in_turns

PROGRAM = str(Path(__file__).with_name("inference_contenders.py"))
FILES = str(Path(__file__).with_name("inference_files.py"))
# Kind and file of a network's format.
FORMATS = {
    "Keras predict": ("keras", "{}.keras"),
    "SavedModel": ("file", "{}/1"),
    "LiteRT": ("file", "{}-float32.tflite"),
    "LiteRT, int8": ("file", "{}-int8.tflite"),
    "ONNX Runtime": ("file", "{}-float32.onnx"),
    "ONNX Runtime, int8": ("file", "{}-int8.onnx"),
    "OpenVINO": ("openvino", "{}-float32.onnx"),
}
TIMM = {
    "timm seresnet50, torch's ONNX in ONNX Runtime": ("onnx_of_torch", "timm.onnx"),
    "timm seresnet50, torch's ONNX in OpenVINO": ("openvino", "timm.onnx"),
    "timm seresnet50, PyTorch eager": ("torch", ""),
    "timm seresnet50, PyTorch compiled": ("torch", "compiled"),
}
# At most as long with SE as without.
GOALS = {"LiteRT": 1.03, "ONNX Runtime": 1.05, "OpenVINO": 1.05}


def entry(kind: str, file: str, folder: Path, batch: int, options: object) -> Entry:
    """What one process does."""
    path = str(folder / file) if "." in file or "/" in file else file
    return Entry(
        kind=kind,
        path=path,
        batch_size=batch,
        threads=options.threads,
        image_size=options.image_size,
    )


def groups(
    wanted: list[str], runtimes: list[str]
) -> dict[str, tuple[tuple, dict[str, tuple]]]:
    """The first of each group, and the others by name."""

    def of(network: str, runtime: str) -> tuple:
        kind, file = FORMATS[runtime]
        return kind, file.format(network)

    found = {}
    if "runtimes" in wanted:
        others = {name: of("se", name) for name in FORMATS if name != "ONNX Runtime"}
        first = of("se", "ONNX Runtime")
        found["SE-ResNet-50, to our ONNX file"] = (first, {**others, **TIMM})
    if "cost" in wanted:
        for runtime in runtimes:
            found[f"{runtime}: without SE, to with SE"] = (
                of("se", runtime),
                {
                    "the same without SE": of("plain", runtime),
                    "keras.applications.ResNet50": of("applications", runtime),
                },
            )
    if "int8" in wanted:
        for runtime in ("LiteRT", "ONNX Runtime"):
            found[f"{runtime}: int8, to float32"] = (
                of("se", runtime),
                {"int8": of("se", f"{runtime}, int8")},
            )
    return found


def present(contender: tuple[str, str], folder: Path) -> bool:
    """Whether its file has been made, if it has one."""
    kind, file = contender
    return kind == "torch" or (folder / file).exists()


def measure(options: argparse.Namespace, folder: Path) -> dict:
    """Measures and prints one table for each group and batch size."""
    told = {}
    for title, (first, others) in groups(options.groups, options.runtimes).items():
        for batch in options.batch_sizes:
            there = {name: x for name, x in others.items() if present(x, folder)}
            rates, ratios, missing = in_turns(
                PROGRAM,
                entry(*first, folder, batch, options),
                {name: entry(*x, folder, batch, options) for name, x in there.items()},
                options.rounds,
                options.seconds,
            )
            missing.update((name, "no file") for name in others if name not in there)
            medians = {
                name: statistics.median(values)
                for name, values in ratios.items()
                if values
            }
            show(f"{title}, batch {batch}", rates, ratios, missing)
            runtime = title.partition(":")[0]
            if "the same without SE" in medians and runtime in GOALS:
                cost = medians["the same without SE"]
                print(
                    f"In {runtime}, SE makes a call {cost:.3f} times as long "
                    f"(goal: {GOALS[runtime]})."
                )
            told[f"{title}, batch {batch}"] = {
                "images_per_second": rates,
                "ratios": ratios,
                "missing": missing,
            }
    return told


def show(title: str, rates: dict, ratios: dict, missing: dict) -> None:
    """Prints a table of rates and ratios."""
    table = Table(title=title, box=SIMPLE, title_justify="left")
    table.add_column("")
    for column in ("images/s", "ratio", "least-most"):
        table.add_column(column, justify="right")
    for name, values in rates.items():
        found = ratios[name]
        table.add_row(
            "the first" if name == OURS else name,
            f"{statistics.median(values):.1f}",
            f"{statistics.median(found):.3f}",
            f"{min(found):.2f}-{max(found):.2f}",
        )
    for name, why in missing.items():
        table.add_row(name, why, "", "")
    Console(width=100).print(table)


def main() -> int:
    """Makes the files, measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="of a turn")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--groups",
        nargs="+",
        choices=("runtimes", "cost", "int8"),
        default=["runtimes", "cost", "int8"],
    )
    parser.add_argument(
        "--runtimes", nargs="+", choices=FORMATS, default=list(FORMATS), help="of cost"
    )
    parser.add_argument("--files", type=Path, metavar="DIR", help="keep the files")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all numbers")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.files or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        if not any(folder.iterdir()):
            command = [sys.executable, FILES, str(folder), str(options.image_size)]
            subprocess.run(command, check=True)
        found = measure(options, folder)
    command = shlex.join(["python", *sys.argv])
    print(f"Load before: {load:.1f} on {os.cpu_count()} cores (an idle machine has 0)")
    print(command)
    if options.json:
        told = {"command": command, "load": load, **found}
        options.json.write_text(json.dumps(told, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
