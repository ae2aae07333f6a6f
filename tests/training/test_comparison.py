import argparse
import json

import pytest
from matplotlib.image import imread

from keras_senet.cli import compare
from keras_senet.cli.commands import Commands
from keras_senet.errors import InputError
from keras_senet.training.run import Run


def write(path, *, rows=(), data="digits", **record):
    recipe = {
        "model": {"name": "se_resnet20", "reduction": None},
        "data": {"name": data},
        "schedule": {"epochs": 20},
    }
    run = Run(path)
    run.write_record({"status": "running", "recipe": recipe, **record})
    if rows:
        run.write_history(list(rows))


def row(epoch, accuracy, **more):
    return {
        "epoch": epoch,
        "accuracy": 0.5,
        "cross_entropy": 1.0,
        "val_accuracy": accuracy,
        "val_cross_entropy": 2.0 - accuracy,
        **more,
    }


@pytest.fixture
def runs(tmp_path):
    """A finished run, one that has just begun, and ones that are damaged."""
    root = tmp_path / "runs"
    speeds = enumerate((100.0, 300.0, 200.0), start=1)
    write(
        root / "finished",
        rows=[
            row(epoch, 0.9 if epoch > 1 else 0.4, images_per_second=speed)
            for epoch, speed in speeds
        ],
        status="finished",
        metrics={"test": {"accuracy": 0.8125}},
        model={"parameters": 276458},
        seconds=3725.4,
    )
    write(root / "nested" / "running")
    (root / "broken").mkdir()
    (root / "broken" / "record.json").write_text('{"status": "fin')
    (root / "list").mkdir()
    (root / "list" / "record.json").write_text("[1]")
    write(root / "old", recipe={"model": "se_resnet20", "epochs": 20})
    (root / "old" / "history.csv").write_text("epoch,accuracy\n1,high\n")
    write(root / "finished" / "export" / "not-a-run")
    write(root / ".nested-abc" / "half-written")
    return root


def run(*arguments):
    """What `keras-senet runs` does."""
    top = argparse.ArgumentParser()
    compare.add(Commands(top.add_subparsers()))
    parsed = top.parse_args(["runs", *map(str, arguments)])
    return parsed.command(parsed)


def test_json_has_every_run_and_what_is_known_of_it(runs, capsys):
    run(runs, "--json")
    found = {x.pop("path"): x for x in json.loads(capsys.readouterr().out)}
    names = ("broken", "finished", "list", "nested/running", "old")
    assert list(found) == [str(runs / name) for name in names]
    assert found[str(runs / "finished")] == {
        "status": "finished",
        "problem": None,
        "network": "se_resnet20",
        "reduction": "none",
        "data": "digits",
        "epochs_done": 3,
        "epochs": 20,
        "best_epoch": 3,
        "val_accuracy": 0.9,
        "test_accuracy": 0.8125,
        "parameters": 276458,
        "images_per_second": 200.0,
        "seconds": 3725.4,
    }
    running = found[str(runs / "nested/running")]
    assert (running["status"], running["epochs_done"]) == ("running", 0)
    assert running["best_epoch"] is running["seconds"] is None
    broken = found[str(runs / "broken")]
    assert broken["status"] == "broken"
    assert "record.json cannot be read" in broken["problem"]
    assert found[str(runs / "list")]["status"] == "broken"
    old = found[str(runs / "old")]
    assert (old["status"], old["network"], old["reduction"]) == ("running", None, None)
    assert "history.csv cannot be read" in old["problem"]


@pytest.mark.parametrize("width", [80, 200])
def test_table_fits_the_terminal(runs, capsys, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    write(runs / "imagenet", data="/data/imagenet", rows=[row(1, 0.25)])
    run(runs)
    lines = capsys.readouterr().out.splitlines()
    table = [line for line in lines if not line.startswith(("broken: ", "old: "))]
    assert all(len(line.rstrip()) <= width for line in table)
    rows = {line.split()[0]: line.split()[1:] for line in table if line.strip()}
    if width == 80:
        shown = ["se_resnet20", "none", "digits", "finished", "3/20", "0.9000"]
        assert rows["finished"] == [*shown, "0.8125"]
        assert any("see --json" in line for line in table)
        return
    assert rows["finished"] == [
        "se_resnet20",
        "none",
        "digits",
        "finished",
        "3/20",
        "3",
        "0.9000",
        "0.8125",
        "276",
        "k",
        "200",
        "1:02:05",
    ]
    assert rows["imagenet"][2:7] == ["imagenet", "running", "1/20", "1", "0.2500"]
    assert rows["broken"] == ["-"] * 3 + ["broken", "-/-"] + ["-"] * 6
    assert any(line.startswith("old: history.csv cannot be read") for line in lines)


def test_what_is_the_same_of_all_runs_is_said_once(tmp_path, capsys):
    for name in ("a", "b"):
        write(tmp_path / name, rows=[row(1, 0.5)])
    run(tmp_path)
    printed = capsys.readouterr().out
    assert "All runs: network se_resnet20, r none, data digits" in printed
    assert printed.count("se_resnet20") == 1
    run(tmp_path / "a")
    printed = capsys.readouterr().out
    assert "All runs" not in printed
    assert "se_resnet20  none  digits  running" in printed


def test_sorting_puts_the_best_first_and_the_unknown_last(tmp_path, capsys):
    for name, accuracy in (("a", 0.2), ("b", None), ("c", 0.7)):
        write(tmp_path / name, rows=[] if accuracy is None else [row(1, accuracy)])

    def order(*options):
        run(tmp_path, "--json", *options)
        return [x["path"][-1] for x in json.loads(capsys.readouterr().out)]

    assert order("--sort", "val_accuracy") == ["c", "a", "b"]
    assert order() == order("--sort", "status") == ["a", "b", "c"]
    with pytest.raises(InputError, match="Did you mean val_accuracy"):
        run(tmp_path, "--sort", "valaccuracy")


def test_folders_overlap_and_are_checked(runs, tmp_path, capsys):
    run(runs / "finished", runs, "--json")
    found = [x["path"] for x in json.loads(capsys.readouterr().out)]
    assert len(found) == 5
    with pytest.raises(InputError, match="nowhere is no folder"):
        run(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    run(tmp_path / "empty")
    assert capsys.readouterr().out.startswith("There are no runs in")


def test_plot_draws_all_runs(runs, tmp_path, capsys):
    for index in range(12):
        rows = [row(1, 0.1), row(2, index / 12)]
        write(runs / f"[{index}]", rows=rows)
    target = tmp_path / "plots" / "runs.png"
    run(runs, "--plot", target)
    assert f"Drawn in {target}" in capsys.readouterr().out
    image = imread(target)
    assert image.shape[1] == 1200
    # Tall enough for a legend of 13 entries below panels of 4 inches.
    assert image.shape[0] > 600
    assert len({tuple(pixel) for pixel in image[:, :, :3].reshape(-1, 3)}) > 50
    with pytest.raises(InputError, match="nothing to plot"):
        run(runs / "nested", "--plot", target)
