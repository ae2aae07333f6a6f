"""What TF Serving's loader makes of the file: XLA off, in a process of its own."""

import os
from pathlib import Path

import image_files
import numpy as np
import pytest
from cpp_loader import run_signatures
from served_network import NAMES, SIZE, network

pytestmark = [
    pytest.mark.slow,
    pytest.mark.export,
    pytest.mark.usefixtures("only_tensorflow"),
]
OLDEST = "KERAS_SENET_OLDEST_TENSORFLOW"


@pytest.fixture(params=["installed", "oldest"])
def tensorflow(request):
    """The folder of TensorFlow's libraries."""
    if request.param == "installed":
        import tensorflow as tf

        return Path(tf.__file__).parent
    if OLDEST not in os.environ:
        pytest.skip(f"{OLDEST} names no folder with the libraries of TensorFlow 2.12")
    return Path(os.environ[OLDEST])


def images(count, side=SIZE):
    rng = np.random.default_rng(0)
    return rng.uniform(0, 255, (count, side, side, 3)).astype("float32")


def by_pil(data):
    """What a person would do with PIL and torchvision's rules."""
    from PIL import Image

    image = Image.fromarray(image_files.by_pil(data))
    width, height = image.size
    scale = 36 / min(width, height)
    image = image.resize(
        (int(width * scale), int(height * scale)), Image.Resampling.BILINEAR
    )
    left, top = (round((side - SIZE) / 2) for side in image.size)
    return np.asarray(image.crop((left, top, left + SIZE, top + SIZE)), "float32")


def test_answers_are_those_of_keras(classifier, tensorflow, tmp_path):
    model, x = network(), images(3)
    photo = image_files.photo()
    good = image_files.encoded(photo, "JPEG", exif=image_files.exif(6), quality=95)
    files = np.array([b"", good, good[:-800]], object)
    requests = [
        ("serving_default", {"images": x}),
        ("serving_default", {"images": x[:1]}),
        ("features", {"images": x}),
        ("serve_bytes", {"image_bytes": files}),
    ]
    found = run_signatures(classifier / "1", requests, tmp_path, tensorflow)
    truth = model.predict(x, verbose=0)
    np.testing.assert_allclose(found[0]["probabilities"], truth, atol=1e-5)
    np.testing.assert_allclose(found[1]["probabilities"], truth[:1], atol=1e-5)
    kernel, bias = model.layers[-1].get_weights()
    scores = np.exp(found[2]["features"] @ kernel + bias)
    scores /= scores.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(scores, truth, atol=1e-4)
    answer = found[3]
    np.testing.assert_array_equal(answer["error"] == "", [False, True, False])
    pixels = by_pil(good)[np.newaxis]
    best = model.predict(pixels, verbose=0)[0]
    order = np.argsort(-best)[:3]
    assert answer["classes"][1].tolist() == [NAMES[index] for index in order]
    np.testing.assert_allclose(answer["probabilities"][1], best[order], atol=0.02)


def test_images_of_another_size_are_an_error(classifier, tmp_path):
    requests = [("serving_default", {"images": images(1, SIZE + 8)})]
    with pytest.raises(RuntimeError, match="is not compatible with expected shape"):
        run_signatures(classifier / "1", requests, tmp_path)


def test_functions_that_must_be_compiled_fail(tmp_path):
    """So that XLA is off here indeed."""
    import tensorflow as tf

    module = tf.Module()
    module.double = tf.function(
        lambda x: {"y": 2 * x},
        input_signature=[tf.TensorSpec((None,), tf.float32, name="x")],
        jit_compile=True,
    )
    path = tmp_path / "model"
    tf.saved_model.save(
        module, str(path), signatures={"serving_default": module.double}
    )
    requests = [("serving_default", {"x": np.ones(2, "float32")})]
    with pytest.raises(RuntimeError, match="XLA"):
        run_signatures(path, requests, tmp_path)
