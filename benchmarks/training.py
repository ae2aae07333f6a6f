"""A training step of SE-ResNet-50 beside those of others.

python benchmarks/training.py
python benchmarks/training.py --gpus 8 --batch-size 128
python benchmarks/training.py --jax --batch-size 256 --peak-tflops 989

A step is forward, backward, and SGD with momentum, in images per second. Contenders are
processes that take turns, at most four of them at a time, with SE-ResNet-50 in each
round; ratios are medians over the rounds, each to SE-ResNet-50 in the same round. All
have all cores, or as many as `--cores` says. Keras' networks normalize the images, too.
Ctrl-C ends it with what has been measured by then.

`--gpus` trains on 1, 2, ... GPUs, with `--batch-size` images on each, one measurement
after the other. `--jax` trains by Keras' JAX backend on what JAX finds; the share of
the peak counts three forward passes for a step and two operations for a
multiply-accumulate.
"""

import argparse
import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from input_pipeline import write_images
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from taking_turns import OURS, alone, in_turns
from training_contenders import Entry

PROGRAM = str(Path(__file__).with_name("training_contenders.py"))
JPEGS = 256
GOAL = 1.05
# What differs from ours, by name.
CONTENDERS: dict[str, tuple[str, dict]] = {
    "plain": ("the same without SE", {"reduction": None}),
    "applications": ("keras.applications.ResNet50", {"kind": "applications"}),
    "timm": ("timm seresnet50", {"kind": "timm"}),
    "timm-last": (
        "timm seresnet50, channels last",
        {"kind": "timm", "channels_last": True},
    ),
    "replicas": ("two CPU replicas, same global batch", {"devices": 2}),
    "jpegs": ("trained on JPEGs", {"root": "JPEGs"}),
    "pipeline": ("the JPEGs alone", {"kind": "pipeline", "root": "JPEGs"}),
    "xla": ("with XLA", {"jit_compile": True}),
    "bfloat16": ("in mixed_bfloat16", {"precision": "mixed_bfloat16"}),
}


def show(columns: list[str], rows: list[list[str]]) -> None:
    """Prints a table of numbers."""
    table = Table(box=SIMPLE)
    table.add_column("")
    for column in columns:
        table.add_column(column, justify="right")
    for row in rows:
        table.add_row(*row)
    Console(width=100).print(table)


def side_by_side(options: argparse.Namespace, entry: Entry) -> dict:
    """Prints ratios to ours on this machine's CPU."""
    # On a busy machine ratios are noise; PyTorch's threads suffer most, which spin.
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        chosen = {key: CONTENDERS[key] for key in options.contenders}
        if {"jpegs", "pipeline"} & set(chosen):
            write_images(root, max(JPEGS, options.batch_size), (96, 99))
        others = {
            title: replace(
                entry, **{**changes, **({"root": folder} if "root" in changes else {})}
            )
            for title, changes in chosen.values()
        }
        found = in_turns(PROGRAM, entry, others, options.rounds, options.seconds)
    rates, ratios, missing = found
    rows = []
    for title, values in rates.items():
        if not values:
            continue
        ratio = ratios[title]
        rows.append(
            [
                options.network if title == OURS else title,
                f"{statistics.median(values):.2f}",
                f"{statistics.median(ratio):.3f}",
                f"{min(ratio):.2f}-{max(ratio):.2f}",
            ]
        )
    rows += [[title, why, "", ""] for title, why in missing.items()]
    print(f"Load before: {load:.1f} on {os.cpu_count()} cores (an idle machine has 0)")
    show(["images/s", f"of {options.network}", "least-most"], rows)
    medians = {title: statistics.median(ratio) for title, ratio in ratios.items()}
    conclude(medians)
    return {
        "images_per_second": rates,
        "ratios": ratios,
        "missing": missing,
        "load": load,
    }


def conclude(medians: dict[str, float]) -> None:
    """Says in words what the ratios mean."""
    title = {name: row[0] for name, row in CONTENDERS.items()}
    if title["plain"] in medians:
        ratio = medians[title["plain"]]
        print(f"SE makes a step {ratio:.3f} times as long (goal: {GOAL}).")
    timm = [x for name, x in medians.items() if name.startswith("timm")]
    if timm:
        print(f"We train {1 / max(timm):.2f} times as fast as timm's faster format.")
    if {title["jpegs"], title["pipeline"]} <= set(medians):
        supply = medians[title["pipeline"]] / medians[title["jpegs"]]
        print(f"The pipeline alone reads {supply:.0f} times what training on it takes.")


def on_gpus(options: argparse.Namespace, entry: Entry) -> dict:
    """Prints how training scales over GPUs."""
    counts = sorted({*(2**n for n in range(10) if 2**n < options.gpus), options.gpus})
    rows, rates = [], {}
    for precision in ("float32", "mixed_bfloat16", "mixed_float16"):
        for jit in (False, True):
            # What training refuses on several is not measured on them.
            alone_only = jit or precision == "mixed_float16"
            for count in counts[:1] if alone_only else counts:
                key = f"{count} GPU, {precision}{', XLA' if jit else ''}"
                rates[key] = alone(
                    PROGRAM,
                    replace(
                        entry,
                        precision=precision,
                        jit_compile=jit,
                        devices=count,
                        batch_size=count * options.batch_size,
                    ),
                    options.rounds,
                    options.seconds,
                )
                single = rates[f"1 GPU, {precision}"]
                relative = rates[key] / single
                rows.append(
                    [
                        key,
                        f"{rates[key]:.0f}",
                        f"{relative:.2f}",
                        f"{relative / count:.1%}",
                    ]
                )
    show(["images/s", "of 1 GPU", "efficiency"], rows)
    return {"images_per_second": rates, "batch_per_gpu": options.batch_size}


def on_jax(options: argparse.Namespace, entry: Entry) -> dict:
    """Prints rates, the cost of SE and the use of the hardware on JAX."""
    import keras_senet

    entry = replace(entry, backend="jax")
    rows, rates = [], {}
    for precision in options.precisions:
        pair = [replace(entry, precision=precision, reduction=r) for r in (16, None)]
        titles = [
            f"{options.network}, {precision}",
            f"the same without SE, {precision}",
        ]
        found, ratios, _ = in_turns(
            PROGRAM, pair[0], {titles[1]: pair[1]}, options.rounds, options.seconds
        )
        for title, one, key in zip(titles, pair, (OURS, titles[1]), strict=True):
            rates[title] = statistics.median(found[key])
            network = getattr(keras_senet, entry.network)(
                weights=None,
                input_shape=(entry.image_size, entry.image_size, 3),
                reduction=one.reduction,
            )
            operations = 6 * keras_senet.count_macs(network) * rates[title]
            share = "-"
            if options.peak_tflops:
                share = f"{operations / options.peak_tflops / 1e12:.1%}"
            ratio = statistics.median(ratios[key])
            numbers = f"{rates[title]:.1f}", f"{ratio:.3f}", f"{operations / 1e12:.2f}"
            rows.append([title, *numbers, share])
    show(["images/s", f"of {options.network}", "TFLOP/s", "of the peak"], rows)
    return {"images_per_second": rates}


def gpus() -> int:
    """How many GPUs TensorFlow has, seen by a process that goes away again."""
    code = "import tensorflow as tf; print(len(tf.config.list_physical_devices('GPU')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    return int(done.stdout) if done.returncode == 0 else 0


def main() -> int:
    """Measures and prints one of three tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--network", default="SEResNet50", metavar="NAME")
    parser.add_argument("--batch-size", type=int, default=8, help="on each GPU")
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0, help="of a turn")
    parser.add_argument("--cores", type=int, help="all by default (Linux)")
    parser.add_argument(
        "--contenders", nargs="*", choices=CONTENDERS, default=list(CONTENDERS)
    )
    parser.add_argument(
        "--gpus", type=int, metavar="N", help="scaling over 1 to N GPUs"
    )
    parser.add_argument("--jax", action="store_true", help="on the JAX backend")
    parser.add_argument("--precisions", nargs="+", default=["float32"], help="on JAX")
    parser.add_argument("--peak-tflops", type=float, help="of the device, on JAX")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all numbers")
    options = parser.parse_args()
    entry = Entry(
        network=options.network,
        batch_size=options.batch_size,
        image_size=options.image_size,
        cores=options.cores,
    )
    command = shlex.join(["python", *sys.argv])
    if options.gpus is not None:
        present = gpus()
        if not 1 <= options.gpus <= present:
            print(f"TensorFlow finds {present} GPUs. Received: --gpus {options.gpus}")
            return 2
        measured = on_gpus(options, entry)
    elif options.jax:
        measured = on_jax(options, entry)
    else:
        measured = side_by_side(options, entry)
    print(command)
    if options.json:
        text = json.dumps({"command": command, **measured}, indent=1)
        options.json.write_text(text + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
