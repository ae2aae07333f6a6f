"""What is written, and what is refused."""

import image_files
import keras
import numpy as np
import pytest
from cpp_loader import meta_graph
from served_network import NAMES, SIZE, described, need_tensorflow

pytestmark = [pytest.mark.export, pytest.mark.usefixtures("only_tensorflow")]


def tiny(head=True, **changes):
    x = keras.Input((SIZE, SIZE, 3), **changes)
    y = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3)(x))
    return keras.Model(x, keras.layers.Dense(len(NAMES), "softmax")(y) if head else y)


def write(model, path, description=None, **options):
    from keras_senet.export.serving_files import write_saved_model

    write_saved_model(model, path, description or described(), **options)
    return path


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    need_tensorflow()
    return write(tiny(), tmp_path_factory.mktemp("tiny") / "1", top=9)


def run(path, signature, value):
    import tensorflow as tf

    loaded = tf.saved_model.load(str(path))
    ((name, spec),) = loaded.signatures[signature].structured_input_signature[1].items()
    answers = loaded.signatures[signature](**{name: tf.constant(value, spec.dtype)})
    return {name: answer.numpy() for name, answer in answers.items()}


def test_names_and_shapes(written):
    found = {
        name: (
            {
                key: [side.size for side in value.tensor_shape.dim]
                for key, value in {**definition.inputs, **definition.outputs}.items()
            }
        )
        for name, definition in meta_graph(written).signature_def.items()
        if not name.startswith("__")
    }
    top = [-1, len(NAMES)]
    images = [-1, SIZE, SIZE, 3]
    assert found == {
        "serving_default": {"images": images, "probabilities": top},
        "features": {"images": images, "features": [-1, 4]},
        "serve_bytes": {
            "image_bytes": [-1],
            "classes": top,
            "probabilities": top,
            "indices": top,
            "error": [-1],
        },
    }


def test_variables_are_stored_once(written):
    from tensorflow.train import list_variables

    names = [name for name, _ in list_variables(str(written / "variables/variables"))]
    assert len([name for name in names if "OBJECT_GRAPH" not in name]) == 4


def test_labels_and_description(written):
    text = (written / "assets" / "labels.txt").read_text(encoding="utf-8")
    assert text.split() == list(NAMES)
    (asset,) = meta_graph(written).asset_file_def
    assert asset.filename == "labels.txt"
    found = (written / "assets.extra" / "keras_senet.json").read_text()
    assert type(described()).from_json(found) == described()


def test_first_requests(written):
    pytest.importorskip("tensorflow_serving")
    import tensorflow as tf
    from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

    file = written / "assets.extra" / "tf_serving_warmup_requests"
    found = {}
    for record in tf.data.TFRecordDataset(str(file)).as_numpy_iterator():
        request = PredictionLog.FromString(record).predict_log.request
        assert request.model_spec.name == "classifier"
        found[request.model_spec.signature_name] = {
            name: tf.make_ndarray(tensor) for name, tensor in request.inputs.items()
        }
    np.testing.assert_array_equal(
        found["serving_default"]["images"], np.full((1, SIZE, SIZE, 3), 128)
    )
    (grey,) = found["serve_bytes"]["image_bytes"]
    assert (image_files.by_pil(grey) == 128).all()
    assert file.stat().st_size < 2000
    answer = run(written, "serve_bytes", [grey])
    assert answer["error"] == [b""]


KINDS = [
    *((name, make) for name, make in image_files.JPEGS.items()),
    *((name, make) for name, make in image_files.OTHERS.items() if "png" in name),
    *(
        (f"{kind} {k}", lambda kind=kind, k=k: image_files.encoded(
            image_files.photo(), kind, exif=image_files.exif(k)))
        for kind in ("JPEG", "PNG")
        for k in (3, 6, 7)
    ),
]  # fmt: skip


@pytest.mark.slow
def test_pixels_are_those_of_the_evaluation(tmp_path):
    from keras_senet.data.folder import folder
    from keras_senet.data.pipeline import evaluation_batches

    files = [make() for _, make in KINDS]
    for split in ("train", "validation"):
        for name in ("a", "b"):
            (tmp_path / split / name).mkdir(parents=True)
    (tmp_path / "train/a/0.png").write_bytes(files[0])
    (tmp_path / "train/b/0.png").write_bytes(files[0])
    for number, file in enumerate(files):
        (tmp_path / f"validation/a/{number:03}.jpg").write_bytes(file)
    images = folder(tmp_path).validation
    batches = evaluation_batches(images, size=SIZE, resize=36, batch_size=len(files))
    ((pixels, _, weights),) = batches.as_numpy_iterator()
    assert weights.all()
    # A model that gives back its input.
    x = keras.Input((SIZE, SIZE, 3))
    same = keras.Model(x, keras.layers.Identity()(x))
    path = write(same, tmp_path / "1", described(output="features", class_names=None))
    answer = run(path, "serve_bytes", files)
    assert set(answer["error"].tolist()) == {b""}
    np.testing.assert_array_equal(answer["features"], pixels)


@pytest.mark.slow
def test_logits_become_probabilities(tmp_path):
    model = tiny()
    model.layers[-1].activation = keras.activations.linear
    description = described(output="logits", class_names=None)
    path = write(model, tmp_path / "1", description, top=2)
    file = image_files.encoded(image_files.photo(), "PNG")
    answer = run(path, "serve_bytes", [file, b"no image"])
    path = write(tiny_probabilities(model), tmp_path / "2", described(), top=6)
    truth = run(path, "serve_bytes", [file])
    np.testing.assert_allclose(
        answer["probabilities"][0], truth["probabilities"][0, :2], rtol=1e-5
    )
    numbers = [str(index).encode() for index in truth["indices"][0, :2]]
    assert answer["classes"].tolist() == [numbers, [b"", b""]]
    assert not (tmp_path / "1" / "assets" / "labels.txt").exists()


def tiny_probabilities(logits):
    return keras.Model(logits.input, keras.layers.Softmax()(logits.output))


def test_any_size_and_no_preparation(tmp_path):
    x = keras.Input((None, None, 3))
    model = keras.Model(x, keras.layers.GlobalMaxPooling2D()(x))
    description = described(
        shape=(None, None, 3), output="features", preparation=None, class_names=None
    )
    path = write(model, tmp_path / "1", description)
    names = {"serving_default", "__saved_model_init_op"}
    assert set(meta_graph(path).signature_def) == names
    for side in (5, 9):
        values = np.random.default_rng(0).uniform(size=(2, side, 7, 3))
        answer = run(path, "serving_default", values)
        np.testing.assert_allclose(answer["features"], values.max((1, 2)), rtol=1e-6)


@pytest.mark.slow
def test_webp_if_asked_for(tmp_path):
    file = image_files.encoded(image_files.photo(), "WEBP")
    path = write(tiny(), tmp_path / "1", webp=True)
    assert run(path, "serve_bytes", [file])["error"] == [b""]
    from keras_senet.errors import InputError
    from keras_senet.export.serving_operations import check_servable

    with pytest.raises(InputError, match=r"TF Serving 2\.12 has no .*DecodeWebP"):
        check_servable(path)


@pytest.mark.slow
def test_webp_is_no_image_otherwise(written):
    file = image_files.encoded(image_files.photo(), "WEBP")
    assert run(written, "serve_bytes", [file])["error"] == [b"It is no JPEG or PNG."]


@keras.saving.register_keras_serializable("tests")
class CallsPython(keras.layers.Layer):
    def call(self, x):
        import tensorflow as tf

        return tf.ensure_shape(tf.numpy_function(np.abs, [x], tf.float32), x.shape)


@keras.saving.register_keras_serializable("tests")
class OfNoUse(keras.layers.Layer):
    def call(self, x):
        raise NotImplementedError("no graph\nand more")

    def compute_output_shape(self, input_shape):
        return input_shape


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (CallsPython(), r"TF Serving 2\.12 has no operation PyFunc"),
        (keras.layers.Conv2D(6, 1, groups=3), "must be compiled"),
        (OfNoUse(), "SavedModel: NotImplementedError: .* no graph$"),
    ],
    ids=["python", "compiled", "error"],
)
def test_refused(tmp_path, layer, message, capfd):
    x = keras.Input((SIZE, SIZE, 3))
    y = keras.layers.GlobalAveragePooling2D()(layer(x))
    model = keras.Model(x, keras.layers.Dense(len(NAMES))(y))
    with pytest.raises(ValueError, match=message) as error:
        write(model, tmp_path / "1")
    assert "\n" not in str(error.value)
    assert capfd.readouterr().out == ""


def test_the_list_of_operations():
    from tensorflow.python.framework import op_def_registry

    from keras_senet.export.serving_operations import serving_operations

    found = serving_operations()
    assert {"Conv2D", "DecodeJpeg", "IgnoreErrorsDataset", "MatMul"} <= found
    # WebP's arrived after 2.12, JPEG XL's, too; Python is not there.
    assert not found & {"DecodeWebP", "DecodeJxl", "PyFunc", "EagerPyFunc", "XlaLaunch"}
    assert all(op_def_registry.get(name) is not None for name in found)


def test_top_is_checked(tmp_path):
    with pytest.raises(ValueError, match="`top` should be at least 1"):
        write(tiny(), tmp_path / "1", top=0)
    assert not list(tmp_path.iterdir())
