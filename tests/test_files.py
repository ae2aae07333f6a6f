import pytest

from keras_senet.files import written_whole


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    target = tmp_path / "deep" / "file.txt"
    with written_whole(target) as path:
        path.write_text("new")
        assert not target.exists()
    assert target.read_text() == "new"
    with pytest.raises(RuntimeError), written_whole(target) as path:
        path.write_text("half")
        raise RuntimeError
    assert target.read_text() == "new"
    assert [entry.name for entry in target.parent.iterdir()] == ["file.txt"]


def test_a_folder_never_replaces_another(tmp_path):
    target = tmp_path / "folder"
    with written_whole(target) as path:
        path.mkdir()
        (path / "inside").write_text("1")
    with pytest.raises(FileExistsError), written_whole(target) as path:
        path.mkdir()
    assert (target / "inside").read_text() == "1"
    assert [entry.name for entry in tmp_path.iterdir()] == ["folder"]


def test_no_folder_stays_that_was_made_for_nothing(tmp_path):
    with pytest.raises(RuntimeError), written_whole(tmp_path / "a" / "b" / "file"):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []
