"""Recipes: what the papers say, and how they are written and overridden."""

import json
from dataclasses import asdict, replace

import pytest

from keras_senet.data.augmentation import RELEASE as RELEASE_AUGMENTATION
from keras_senet.errors import InputError
from keras_senet.training.checks import changed_fields
from keras_senet.training.recipe import Recipe
from keras_senet.training.recipe_text import (
    load_recipe,
    option_lines,
    recipe_from,
    recipe_yaml,
)
from keras_senet.training.recipes import MODERN, PAPER, RECIPES, RELEASE, SENET154


def test_the_paper_says_so():
    assert PAPER.optimizer.rate(1024) == 0.6
    assert PAPER.optimizer.rate(256) == pytest.approx(0.15)
    assert (PAPER.optimizer.momentum, PAPER.optimizer.nesterov) == (0.9, False)
    assert PAPER.schedule.drop_epochs == (30, 60, 90)
    assert (PAPER.schedule.factor, PAPER.schedule.epochs) == (0.1, 100)
    assert PAPER.regularization.weight_decay == 1e-4
    assert PAPER.data.balanced
    assert PAPER.data.normalization == "mean"
    assert PAPER.augmentation.crop_area == (0.08, 1.0)
    assert PAPER.model.reduction == 16


def test_the_release_says_so():
    assert RELEASE.optimizer.rate(256) == 0.1
    assert RELEASE.schedule.name == "plateau"
    assert RELEASE.augmentation is RELEASE_AUGMENTATION
    assert (RELEASE.augmentation.rotation, RELEASE.augmentation.jitter) == (10, 20)


def test_the_appendix_says_so():
    assert SENET154.optimizer.rate(2048) == 1.0
    assert SENET154.augmentation.label_smoothing == 0.1
    assert SENET154.regularization.dropout == 0.2
    assert SENET154.regularization.frozen_batch_norm > 0


def test_square_root_rule():
    assert MODERN.optimizer.rate(2048) == 5e-3
    assert MODERN.optimizer.rate(512) == pytest.approx(2.5e-3)


@pytest.mark.parametrize("name", RECIPES)
def test_there_and_back(name, tmp_path):
    recipe = RECIPES[name]
    assert recipe_from(json.loads(json.dumps(asdict(recipe)))) == recipe
    path = tmp_path / "recipe.yaml"
    path.write_text(recipe_yaml(recipe))
    assert load_recipe(str(path)) == recipe
    assert load_recipe(name) == recipe


def test_overrides():
    recipe = recipe_from(
        asdict(PAPER),
        [
            "--optimizer.learning-rate",
            "0.3",
            "--model.reduction=null",
            "--augmentation.mixup",
            "0.2",
            "--finetuning.freeze_until",
            "head",
            "--finetuning.unfreeze",
            "[[3,stage4]]",
            "--data.balanced",
            "false",
        ],
    )
    assert recipe.optimizer == replace(PAPER.optimizer, learning_rate=0.3)
    assert recipe.model.reduction is None
    assert recipe.finetuning.unfreeze == ((3, "stage4"),)
    assert recipe.augmentation == replace(PAPER.augmentation, mixup=0.2)
    assert not recipe.data.balanced
    assert recipe.schedule == PAPER.schedule


LONG_WARMUP = "--schedule.warmup_epochs=2"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--optimizer.momentm", "1"], "no option --optimizer.momentm. Did you mean"),
        (["--optimizer.momentum", "high"], "optimizer.momentum.*float.*high"),
        (["--data.batch_size", "1.5"], "data.batch_size.*int.*1.5"),
        (["--optimizer.name", "adam"], "optimizer.name.*adam"),
        (["--augmentation.mixup", "0.2"], "--augmentation paper"),
        (["--model.name", "se_resnet5"], "Did you mean .*se_resnet50"),
        (["--model.name", "SEResNet50"], "Did you mean se_resnet50"),
        (["--model.name", "zzz"], "Known: se_bn_inception"),
        (["--schedule.epochs", "0"], "epochs should be at least 1"),
        (["--data.batch_size", "-1"], "batch_size should be at least 1"),
        (["--data.image_size", "0"], "image_size should be at least 1"),
        (["--model.reduction", "0"], "reduction should be at least 1"),
        (["--optimizer.learning_rate", "0"], "learning_rate should be above 0"),
        (["--optimizer.learning_rate", ".nan"], "learning_rate should be above 0"),
        (["--seed", "-1"], "seed should be at least 0"),
        (["--schedule.name", "step"], "drop_epochs are for the schedule `step`"),
        (["--schedule.drop_epochs", "[3,2]"], "rising numbers"),
        (["--schedule.name", "plateau"], "no warm-up"),
        (["--finetuning.unfreeze", "[[3,head]]"], "set freeze_until"),
        (["--schedule.warmup_epochs", "30"], "at most the 20 epochs"),
        (
            [
                "--schedule.name=step",
                "--schedule.drop_epochs=[1]",
                "--schedule.warmup_epochs=2",
            ],
            "not be within the warm-up",
        ),
    ],
)
def test_bad_overrides(words, message):
    with pytest.raises(InputError, match=message):
        recipe_from({}, words)


def test_drops_after_the_end_are_refused():
    with pytest.raises(InputError, match=r"drop_epochs.*10 epochs.*\[30, 60, 90\]"):
        recipe_from(asdict(PAPER), ["--schedule.epochs", "10"])


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.yaml", "base: paper\noptimizer: {learning_rat: 1}", "a.yaml: .*rat"),
        ("a.yaml", "base: papr", "Did you mean paper"),
        ("a.yaml", "- 1", "should have sections"),
        ("a.yaml", "a: [", "no YAML"),
        ("a.py", "1/0", "ZeroDivisionError"),
        ("a.py", "RECIPE = 3", "Recipe called RECIPE.*3"),
        ("a.py", "raise SystemExit(3)", "cannot be run: SystemExit"),
        ("a.yaml", "model:", "model should have fields. Received: None"),
        ("a.yaml", "augmentation: 3", "augmentation should be a name. Received: 3"),
    ],
)
def test_bad_files(name, text, message, tmp_path):
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=message):
        load_recipe(str(tmp_path / name))


def test_a_file_that_changes_a_ready_recipe(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("base: paper\ndata:\n  batch_size: 64\naugmentation: release\n")
    wanted = replace(
        PAPER,
        data=replace(PAPER.data, batch_size=64),
        augmentation=RELEASE_AUGMENTATION,
    )
    assert load_recipe(str(path)) == wanted
    path = tmp_path / "mine.py"
    path.write_text(
        "from dataclasses import replace\n"
        "from keras_senet.training.recipes import PAPER\n"
        "RECIPE = replace(PAPER, seed=3)\n"
    )
    assert load_recipe(str(path)) == replace(PAPER, seed=3)
    with pytest.raises(InputError, match="There is no file"):
        load_recipe(str(tmp_path / "none.yaml"))


def test_every_field_is_described():
    assert all(text for _, _, text in option_lines())
    assert ("--optimizer.momentum", "0.9") in [line[:2] for line in option_lines()]


def test_what_may_change_when_a_run_goes_on():
    recipe = Recipe()
    elsewhere = replace(recipe, checkpoints=replace(recipe.checkpoints, minutes=1.0))
    assert changed_fields(recipe, elsewhere) == ""
    other = replace(recipe, schedule=replace(recipe.schedule, epochs=21))
    assert changed_fields(recipe, other) == "schedule.epochs=20"
