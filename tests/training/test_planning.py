"""Which runs a table takes, and how they are shared out."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recipe_networks import built

from keras_senet.errors import InputError
from keras_senet.training.planning import make_plan
from keras_senet.training.recipe_changes import Changes, stretched
from keras_senet.training.recipes import PAPER, SENET154
from keras_senet.training.reproduction import parsed_part, part_of
from keras_senet.training.tables import TABLES

pytestmark = pytest.mark.usefixtures("only_tensorflow")


def plan(name, out="out", scale="small", seeds=1, **changes):
    return make_plan(
        TABLES[name],
        changes=Changes(**changes),
        scale=scale,
        seeds=seeds,
        out=Path(out),
    )


def folders(jobs):
    return [f"{job.variant.folder}/{job.path.name}" for job in jobs]


@given(st.integers(0, 50), st.integers(1, 9))
def test_parts_have_every_run_once(runs, parts):
    jobs = list(range(runs))
    found = [part_of(jobs, (number + 1, parts)) for number in range(parts)]
    assert sorted(x for part in found for x in part) == jobs
    assert max(map(len, found)) - min(map(len, found)) <= 1


def test_parts_begin_with_their_own_number():
    assert part_of("abcdefgh", (2, 4)) == ["b", "f"]
    assert parsed_part("2/4") == (2, 4)
    for text in ("2", "a/b", "-1/2", "1/2/3"):
        with pytest.raises(InputError, match="should be K/N"):
            parsed_part(text)
    for part in ((0, 2), (3, 2), (1, 0)):
        with pytest.raises(InputError, match="K from 1 to N"):
            part_of("ab", part)


def test_the_shared_baseline_is_run_once():
    names = folders(plan("J10", seeds=2).jobs)
    ratios = [f"ratio-{x}" for x in (2, 4, 8, 16, 32)]
    for seed in (0, 1):
        part = [x.partition("/")[0] for x in names if x.endswith(f"seed{seed}")]
        assert sorted(part) == sorted(["none", *ratios])


def test_another_test_is_not_another_training():
    full, small = plan("C3", scale="full"), plan("C3")
    assert len(full.jobs) == len(small.jobs) == 1
    assert full.jobs[0].variant.tested_at == (320,)
    assert small.jobs[0].variant.tested_at == (24,)


def test_small_networks_get_the_same_change_of_se():
    recipes = {x.path.parent.name: x.recipe for x in plan("J14").jobs}
    assert {x.model.name for x in recipes.values()} == {"se_resnet20"}
    assert recipes["post"].model.se_placement == "post"
    assert not recipes["post"].model.use_bias
    assert recipes["none"].model.reduction is None
    assert plan("J15").jobs[-1].recipe.model.name == "se_resnet164"
    assert folders(plan("J4").jobs) == ["resnet-110/seed0", "se-resnet-110/seed0"]
    assert set(plan("C2").left_out) == {"ResNeXt-101", "VGG-16", "Inception-ResNet-v2"}


def test_schedules_are_stretched():
    short = stretched(PAPER, 10).schedule
    assert (short.epochs, short.drop_epochs) == (10, (3, 6, 9))
    assert stretched(PAPER, 2).schedule.drop_epochs == (1,)
    assert stretched(PAPER, 1).schedule.name == "constant"
    assert stretched(SENET154, 20).regularization.frozen_batch_norm == 1
    with pytest.raises(InputError, match="epochs should be at least 1"):
        stretched(PAPER, 0)


@pytest.mark.slow
@pytest.mark.parametrize("name", TABLES)
def test_every_stand_in_can_be_built(name):
    for job in plan(name).jobs:
        assert built(job.recipe, classes=10).output_shape == (None, 10)
