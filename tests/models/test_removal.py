import itertools

import keras
import numpy as np
import pytest
from constant_gates import answers, blocks, difference, make_constant
from conventions import CAFFE, claim
from keras import layers
from seeded import images, seed_weights

import keras_senet
from keras_senet.layers import ConstantGate, Provenance, SqueezeExcite
from keras_senet.models.constants import name_blocks
from keras_senet.models.copying import with_nested
from keras_senet.models.graph import Graph, leaves
from keras_senet.models.removal import Outcome, removal, remove_squeeze_excite


def network(**settings):
    model = keras_senet.SEResNet20(weights=None, **settings)
    seed_weights(model)
    return model


@pytest.fixture(scope="module")
def unchanged():
    """A network that no test changes."""
    return network()


def names(model):
    return [block.name for block in blocks(model)]


def nested_model():
    """A model of nested models, one of which is called twice, with shared blocks."""

    def inner(name, channels):
        inputs = keras.Input((None, None, channels))
        x = layers.Conv2D(4, 3, name="conv", padding="same")(inputs)
        x = SqueezeExcite(2, name="se")(layers.BatchNormalization(name="bn")(x))
        return keras.Model(inputs, layers.ReLU(name="relu")(x), name=name)

    inputs = keras.Input((8, 8, 3))
    twice = inner("twice", 4)
    x = twice(twice(keras.Sequential([inner("first", 3)], name="list")(inputs)))
    shared = SqueezeExcite(2, name="shared")
    x = shared(layers.Conv2D(4, 3, name="before")(x))
    x = shared(layers.Activation("tanh", name="tanh")(x))
    model = keras.Model(inputs, layers.Activation("tanh", name="end")(x), name="outer")
    seed_weights(model)
    return model


NESTED = ["list/first/se", "twice/se", "twice/se_1", "shared", "shared_1"]


def test_dropped_blocks_leave_the_network_without_se():
    model = network()
    plain = keras_senet.SEResNet20(weights=None, reduction=None)
    keras_senet.transfer_weights(model, plain)
    removed, outcomes = removal(model)
    x = images(model)
    np.testing.assert_array_equal(answers(removed, x), answers(plain, x))
    assert [x.name for x in removed.layers[1:]] == [x.name for x in plain.layers[1:]]
    assert removed.name == model.name
    assert remove_squeeze_excite(model, name="other").name == "other"
    assert list(outcomes) == list(keras_senet.gates(model).output)
    first = Outcome(how="dropped", after="stage2_block1_bn2")
    assert outcomes["stage2_block1_se"] == first


@pytest.mark.slow
def test_published_counts():
    model = keras_senet.SEResNet50(weights=None, input_shape=(32, 32, 3))
    # Of ResNet-50, and of SE-ResNet-50 without blocks in the last stage.
    published = {None: 25_557_032, "stage5": 26_508_632}
    for chosen, expected in published.items():
        removed = remove_squeeze_excite(model, chosen)
        assert sum(np.prod(x.shape) for x in removed.trainable_weights) == expected
    halves = dict.fromkeys(names(model), 0.5)
    folded = remove_squeeze_excite(model, gates=halves)
    assert folded.count_params() == 25_557_032 + 53_120


def test_folded_gates_cost_nothing():
    model = network()
    gates = make_constant(model)
    removed, outcomes = removal(model, gates=gates)
    assert difference(model, removed, images(model)) <= 1e-5
    plain = keras_senet.SEResNet20(weights=None, reduction=None)
    assert [x.name for x in removed.layers[1:]] == [x.name for x in plain.layers[1:]]
    assert removed.count_params() == plain.count_params()
    assert outcomes["stage3_block1_se"] == Outcome(
        how="folded", layers=("stage3_block1_bn2",), after="stage3_block1_bn2"
    )


def test_weights_are_computed_in_float64():
    model = network()
    gates = make_constant(model)
    removed = remove_squeeze_excite(model, gates=gates)
    for weight in ("gamma", "beta"):
        old, new = (
            keras.ops.convert_to_numpy(
                getattr(x.get_layer("stage2_block1_bn2"), weight)
            )
            for x in (model, removed)
        )
        expected = np.float32(np.float64(old) * gates["stage2_block1_se"])
        np.testing.assert_array_equal(new, expected)


def test_without_folding_constants_stay():
    model = network()
    gates = make_constant(model)
    removed, outcomes = removal(model, gates=gates, fold=False)
    x = images(model)
    assert difference(model, removed, x) <= 1e-5
    for name, gate in gates.items():
        layer = removed.get_layer(name)
        assert type(layer) is ConstantGate
        np.testing.assert_array_equal(layer.gate, np.float32(gate))
        assert outcomes[name] == Outcome(how="kept", after=name)
    assert keras_senet.count_macs(removed) == keras_senet.count_macs(
        remove_squeeze_excite(model)
    )


def test_ones_are_dropped():
    model = network()
    gates = {**dict.fromkeys(names(model), 1), "stage4_block3_se": np.ones(64)}
    removed, outcomes = removal(model, gates=gates)
    assert {outcome.how for outcome in outcomes.values()} == {"dropped"}
    x = images(model)
    np.testing.assert_array_equal(
        answers(removed, x), answers(remove_squeeze_excite(model), x)
    )
    assert {x.how for x in removal(model, gates=gates, fold=False)[1].values()} == {
        "kept"
    }


@pytest.mark.parametrize(
    "chosen",
    [
        r"^stage4_block[12]",
        ["stage4_block1_se", "stage4_block2_se"],
        lambda layer: layer.name[:13] in ("stage4_block1", "stage4_block2"),
    ],
    ids=["pattern", "names", "function"],
)
def test_choices(unchanged, chosen):
    model = unchanged
    removed = remove_squeeze_excite(model, chosen)
    gone = ["stage4_block1_se", "stage4_block2_se"]
    assert names(removed) == [x for x in names(model) if x not in gone]
    one = remove_squeeze_excite(model, model.get_layer(gone[0]))
    assert names(one) == [x for x in names(model) if x != gone[0]]


def test_names_are_those_of_the_gates(unchanged):
    for model in (unchanged, nested_model()):
        graphs = {id(x): Graph(x) for x in with_nested(model)}
        assert list(name_blocks(model, graphs)) == list(keras_senet.gates(model).output)


def test_nested_models_and_shared_blocks():
    model = nested_model()
    assert list(keras_senet.gates(model).output) == NESTED
    make_constant(model)
    gate = keras_senet.gates(model).predict(images(model), verbose=0)
    gates = {name: gate[name][0] for name in NESTED}
    removed, outcomes = removal(model, gates=gates)
    assert difference(model, removed, images(model)) <= 1e-5
    assert not blocks(removed)
    assert outcomes == {
        "list/first/se": Outcome(how="folded", layers=("bn",), after="bn"),
        "twice/se": Outcome(how="folded", layers=("bn",), after="bn"),
        # One of its calls has no neighbor that could take the constants.
        "shared": Outcome(how="kept", layers=("before",)),
    }
    assert removed.get_layer("twice").get_layer("bn").gamma.shape == (4,)
    # The first of its names is enough.
    again = remove_squeeze_excite(model, gates={x: gates[x] for x in outcomes})
    np.testing.assert_array_equal(
        answers(again, images(model)), answers(removed, images(model))
    )
    for chosen in ("twice/se", ["twice/se"], ["twice/se_1"]):
        assert list(removal(model, chosen)[1]) == ["twice/se"]
    assert list(removal(model, ["se"])[1]) == NESTED[:2]


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ("stage9", r"match a `SqueezeExcite` layer.*Received: blocks='stage9'"),
        ("stage4_block1_sx", r"Did you mean stage4_block1_se"),
        (["stage4_block1_sx"], r"`blocks` should be a reg.*mean stage4_block1_se"),
        (["stem_conv"], r"`blocks` should be .*Known: .*Received: 'stem_conv'"),
        ([], r"should match .*Received: blocks=\[\]"),
        ("(", r"`blocks` should be a regular expression"),
        (3, r"`blocks` should be a regular expression.*Received: 3"),
    ],
)
def test_choices_that_are_refused(unchanged, chosen, message):
    with pytest.raises(ValueError, match=message):
        remove_squeeze_excite(unchanged, chosen)


@pytest.mark.parametrize(
    ("gates", "message"),
    [
        ({"stage4_block1_sx": 1}, "Did you mean stage4_block1_se.*'stage4_block1_sx'"),
        ({"stage2_block1_se": 1}, "gates for block 'stage4_block1_se'"),
        ({"stage4_block1_se": np.ones(63)}, r"'stage4_block1_se'.* 64 .*\(63,\)"),
        ({"stage4_block1_se": np.ones((1, 64))}, r"'stage4_block1_se'.*\(1, 64\)"),
        ({"stage4_block1_se": np.nan}, "'stage4_block1_se' should be a finite.*nan"),
        ({"stage4_block1_se": [1.0] * 63 + [np.inf]}, "'stage4_block1_se'.*inf"),
        ({"stage4_block1_se": "half"}, "'stage4_block1_se'.*'half'"),
        ({"stage4_block1_se": None}, "'stage4_block1_se'.*None"),
        ([0.5], r"`gates` should be a mapping.*Received: gates=\[0.5\]"),
    ],
)
def test_gates_that_are_refused(unchanged, gates, message):
    with pytest.raises(ValueError, match=message):
        remove_squeeze_excite(unchanged, "stage4_block1_se", gates=gates)


def test_calls_of_a_shared_block_have_the_same_gates():
    model = nested_model()
    gates = {**dict.fromkeys(NESTED, 0.5), "shared_1": 0.25}
    with pytest.raises(ValueError, match=r"all calls of block 'shared'.*'shared_1'"):
        remove_squeeze_excite(model, gates=gates)
    # They do not matter where the block stays.
    remove_squeeze_excite(model, "^se$", gates=gates)


def test_models_that_are_refused():
    with pytest.raises(ValueError, match=r"at least one `SqueezeExcite`.*se_resnet20"):
        remove_squeeze_excite(network(reduction=None))
    with pytest.raises(ValueError, match="functional or sequential"):
        remove_squeeze_excite(keras.Sequential([SqueezeExcite()]))


def test_the_original_is_untouched_and_the_new_one_learns():
    model = network()
    make_constant(model)
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.get_layer("stage2_block1_conv1").trainable = False
    x, labels = images(model), np.array([1, 2])
    before = [weight.copy() for weight in model.get_weights()]
    config, expected = model.get_config(), answers(model, x)
    gates = dict.fromkeys(names(model), 0.5)
    removed = remove_squeeze_excite(model, gates=gates)
    assert not removed.compiled
    frozen = [layer.name for layer in removed.layers if not layer.trainable]
    assert frozen == ["stage2_block1_conv1"]
    start = removed.get_weights()
    removed.compile("sgd", "sparse_categorical_crossentropy")
    removed.fit(x, labels, verbose=0)
    moved = [np.any(a != b) for a, b in zip(start, removed.get_weights(), strict=True)]
    assert np.mean(moved) > 0.9
    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)
    np.testing.assert_array_equal(answers(model, x), expected)
    assert model.get_config() == config and model.compiled
    assert not {id(v) for v in removed.variables} & {id(v) for v in model.variables}


@pytest.mark.parametrize("fold", [True, False])
def test_files_keep_it_and_are_not_mixed_up(tmp_path, fold):
    model = network()
    (mark,) = (x for x in model.layers if isinstance(x, Provenance))
    mark.checkpoint = claim(CAFFE)
    had = mark.checkpoint
    gates = make_constant(model)
    removed = remove_squeeze_excite(model, gates=gates, fold=fold)
    x = images(model)
    removed.save(tmp_path / "removed.keras")
    loaded = keras.models.load_model(tmp_path / "removed.keras")
    np.testing.assert_array_equal(answers(loaded, x), answers(removed, x))
    (mark,) = (x for x in loaded.layers if isinstance(x, Provenance))
    how = "folded" if fold else "kept"
    assert [(x["name"], x["how"]) for x in mark.facts["removed"]] == [
        (name, how) for name in gates
    ]
    # No published weights, but images as those want them.
    assert mark.checkpoint == {**had, "tag": None}
    pixels = np.zeros((1, 32, 32, 3), "float32")
    np.testing.assert_allclose(
        keras_senet.preprocess_input(pixels, loaded)[0, 0, 0], [-123, -117, -104]
    )
    file = tmp_path / "removed.weights.h5"
    removed.save_weights(file)
    with pytest.raises(ValueError, match="removed is"):
        keras_senet.SEResNet20(weights=file, reduction=None)
    other = remove_squeeze_excite(network(), gates=gates, fold=fold)
    other.load_weights(file)
    np.testing.assert_array_equal(answers(other, x), answers(removed, x))


@pytest.mark.slow
@pytest.mark.parametrize("placement", ["standard", "post"])
def test_endpoints(placement):
    model = keras_senet.SEResNet18(
        weights=None, input_shape=(64, 64, 3), se_placement=placement, classes=3
    )
    seed_weights(model)
    gates = make_constant(model)
    x = images(model)
    expected = keras_senet.endpoints(model)
    without_last = {k: v for k, v in gates.items() if k != "stage5_block2_se"}
    for fold, chosen in itertools.product((True, False), (gates, without_last)):
        removed, outcomes = removal(model, list(chosen), gates=chosen, fold=fold)
        if placement == "post" and fold and chosen is gates:
            # The classifier has the last gates, so that no feature map has them.
            assert outcomes["stage5_block2_se"].layers == ("predictions",)
            with pytest.raises(ValueError, match="no layer 'stage5_block2_se'"):
                keras_senet.endpoints(removed)
        else:
            assert difference(expected, keras_senet.endpoints(removed), x) <= 1e-5
    dropped = keras_senet.endpoints(remove_squeeze_excite(model))
    plain = keras_senet.SEResNet18(
        weights=None, input_shape=(64, 64, 3), reduction=None, classes=3
    )
    keras_senet.transfer_weights(model, plain)
    assert difference(keras_senet.endpoints(plain), dropped, x) == 0


def test_weights_are_transferred_past_what_is_kept():
    model = network(se_placement="identity")
    gates = make_constant(model)
    removed = remove_squeeze_excite(model, gates=gates, fold=False)
    plain = keras_senet.SEResNet20(weights=None, reduction=None)
    keras_senet.transfer_weights(removed, plain)
    x = images(model)
    expected = answers(remove_squeeze_excite(model), x)
    np.testing.assert_array_equal(answers(plain, x), expected)


@pytest.mark.parametrize("fold", [True, False])
@pytest.mark.parametrize(
    ("dtype", "limit"),
    # Of eight bits, a few roundings.
    [("float32", 1e-5), ("mixed_bfloat16", 0.05), ("bfloat16", 0.05)],
)
def test_blocks_without_squeeze_in_any_precision(dtype, limit, fold):
    keras.config.set_dtype_policy(dtype)
    inputs = keras.Input((8, 8, 3))
    x = layers.BatchNormalization()(layers.Conv2D(6, 3)(inputs))
    x = SqueezeExcite(2, squeeze=None, name="block")(x)
    model = keras.Model(inputs, layers.Activation("tanh")(x))
    seed_weights(model)
    gates = make_constant(model)
    removed, outcomes = removal(model, gates=gates, fold=fold)
    assert outcomes["block"].how == ("folded" if fold else "kept")
    assert removed.output.dtype == model.output.dtype
    assert [x.dtype for x in removed.layers] == [
        x.dtype for x in model.layers if not fold or x.name != "block"
    ]
    assert difference(model, removed, images(model)) <= limit


def test_dropped_blocks_that_cast():
    inputs = keras.Input((4, 4, 6))
    x = SqueezeExcite(2, dtype="mixed_bfloat16", name="block")(inputs)
    model = keras.Model(inputs, x + x)
    removed, outcomes = removal(model)
    assert removed.output.dtype == model.output.dtype == "bfloat16"
    assert outcomes["block"] == Outcome(how="dropped", after="block")
    assert type(removed.get_layer("block")) is layers.Identity


def test_inserted_blocks_are_removed_again():
    plain = network(reduction=None)
    inserted = keras_senet.insert_squeeze_excite(plain, "residual_branches")
    removed = remove_squeeze_excite(inserted, name=plain.name)
    x = images(plain)
    np.testing.assert_array_equal(answers(removed, x), answers(plain, x))
    assert [x.name for x in leaves(removed)] == [x.name for x in leaves(plain)]


def test_sequential_models():
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(6, 3, name="conv"),
            SqueezeExcite(2, name="se"),
        ]
    )
    seed_weights(model)
    gates = make_constant(model)
    removed, outcomes = removal(model, gates=gates)
    assert outcomes["se"].layers == ("conv",)
    assert difference(model, removed, images(model)) <= 1e-5
