import json
import os

import keras
import numpy as np
import pytest
from image_files import encoded, exif, photo

pytestmark = pytest.mark.usefixtures("only_tensorflow")
if keras.backend.backend() == "tensorflow":
    from PIL import Image

    from keras_senet.data.checking import check
    from keras_senet.errors import InputError


@pytest.fixture(autouse=True)
def seeded():
    """Instead of the one for all tests: no Keras here, whose session is cleared.

    TensorFlow would optimize the graphs anew, seconds in each test.
    """


@pytest.fixture
def folder(tmp_path):
    """Good files of every kind that is noted, and bad ones."""
    image = photo()
    grey = np.zeros((8, 8), "uint16")
    files = {
        "a/plain.jpg": encoded(image, "JPEG"),
        "a/turned.jpg": encoded(image, "JPEG", exif=exif(6)),
        "a/upright.jpg": encoded(image, "JPEG", exif=exif(1)),
        "a/deep/grey.jpg": encoded(image.convert("L"), "JPEG"),
        "a/deep/cmyk.jpg": encoded(image.convert("CMYK"), "JPEG"),
        "b/alpha.png": encoded(image.convert("RGBA"), "PNG"),
        "b/16.png": encoded(Image.fromarray(grey), "PNG"),
        "b/moving.gif": encoded(
            image.quantize(), "GIF", save_all=True, append_images=[image.rotate(180)]
        ),
        "b/still.gif": encoded(image.quantize(), "GIF"),
        "a/cut.jpg": encoded(image, "JPEG")[:-500],
        "b/empty.png": b"",
        "b/text.jpg": b"not an image",
        "a/.hidden": b"",
        ".trash/x.jpg": b"",
        "b/Thumbs.db": b"",
        "b/desktop.ini": b"",
    }
    root = tmp_path / "images"
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root


@pytest.mark.parametrize("threads", [1, 3, None])
def test_report(folder, threads, capfd):
    report = check(folder, threads)
    assert report.checked == 12
    assert report.bad == (
        (f"{folder}/a/cut.jpg", "It is truncated; repair or remove it."),
        (f"{folder}/b/empty.png", "It is empty or cannot be read; remove it."),
        (f"{folder}/b/text.jpg", "It is no image; remove it."),
    )
    assert report.notes == {
        "16 bits, higher 8 kept": 1,
        "CMYK": 1,
        "alpha dropped": 1,
        "animated GIF, first frame": 1,
        "grey": 2,
        "rotated by EXIF": 1,
    }
    # No bar, since neither is a terminal.
    assert "Checking" not in "".join(capfd.readouterr())


def test_json(folder, tmp_path):
    report = check(folder)
    target = tmp_path / "reports" / "check.json"
    report.write(target)
    stored = json.loads(target.read_text())
    assert stored["folder"] == str(folder)
    assert stored["checked"] == 12
    assert stored["bad"][1] == [
        f"{folder}/b/empty.png",
        "It is empty or cannot be read; remove it.",
    ]
    assert stored["notes"] == report.notes
    assert [entry.name for entry in target.parent.iterdir()] == ["check.json"]


def test_names_links_and_pipes(folder):
    os.rename(folder / "a" / "plain.jpg", os.fsencode(folder / "a") + b"/\xff.jpg")
    # A link up would be followed for ever, a pipe be read for ever.
    (folder / "a" / "up").symlink_to(folder)
    (folder / "b" / "lost.jpg").symlink_to("nowhere")
    (folder.parent / "elsewhere").mkdir()
    (folder.parent / "elsewhere" / "x.jpg").write_bytes(b"")
    (folder / "c").symlink_to(folder.parent / "elsewhere")
    os.mkfifo(folder / "b" / "pipe.jpg")
    report = check(folder)
    assert report.checked == 14
    bad = dict(report.bad)
    assert bad[f"{folder}/a/\\xff.jpg"] == "Its name is not UTF-8; rename it."
    assert bad[f"{folder}/b/lost.jpg"].startswith("It cannot be read (No such file")
    assert bad[f"{folder}/c/x.jpg"] == "It is empty or cannot be read; remove it."
    json.loads(report.to_json().encode())


def test_bad_folders(tmp_path):
    with pytest.raises(InputError, match="There is no folder"):
        check(tmp_path / "none")
    (tmp_path / ".hidden").write_bytes(b"")
    with pytest.raises(InputError, match="There are no files in"):
        check(tmp_path)
