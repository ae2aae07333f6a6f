"""What stands on a page where there is little to say."""

from keras_senet.reporting.sections import page_of


def report(**changes):
    metrics = {
        "count": 4,
        "top1": 3,
        "top5": 4,
        "cross_entropy": 0.5,
        "top1_accuracy": 0.75,
        "top5_accuracy": 1.0,
        "calibration": {
            "expected_calibration_error": 0.125,
            "mean_confidence": 0.875,
            "bins": [
                {"from": 0.0, "to": 0.5, "count": 0, "accuracy": None}
                | {"confidence": None},
                {"from": 0.5, "to": 1.0, "count": 4, "accuracy": 0.75}
                | {"confidence": 0.875},
            ],
        },
        "classes": [
            {"output": 0, "name": "cat", "count": 4, "right": 3, "accuracy": 0.75}
            | {"predicted": 3},
            {"output": 1, "name": "dog", "count": 0, "right": 0, "accuracy": None}
            | {"predicted": 1},
        ],
    }
    numbers = {
        "title": "model.tflite",
        "model": {"name": "small", "parameters": None, "input": [8, None, 3]},
        "run": None,
        "evaluation": {
            "how": "pets, all",
            "data": {"name": "pets", "split": "all", "count": 4},
            "metrics": metrics,
            "bad_images": {},
        },
        "mistakes": [],
        "explanation": None,
        "exports": None,
        "versions": {"keras_senet": "1.2.3", "python": "3.11"},
    }
    return {**numbers, **changes}


def by_title(page):
    return {section.title: section for section in page.sections}


def test_a_file_has_neither_curves_nor_gates():
    page = page_of(report(), {}, [])
    assert list(by_title(page)) == ["Accuracy", "How it was made"]
    cards = {card.name: card.value for card in page.cards}
    assert cards["Top-1 accuracy"] == "75.00%"
    assert cards["Parameters"] == "-"
    classes, bins = by_title(page)["Accuracy"].tables
    assert classes.rows[1] == ("dog", "0", "0", "-", "1")
    assert [row[1] for row in bins.rows] == ["4"]


def test_images_that_were_left_out_are_named():
    numbers = report()
    numbers["evaluation"]["bad_images"] = {"a.png": "It is empty."}
    texts = by_title(page_of(numbers, {}, []))["Accuracy"].texts
    assert texts[1:] == ["Left out, since they cannot be read: a.png."]


def test_no_mistakes_are_called_so():
    numbers = report()
    numbers["evaluation"]["metrics"]["top1"] = 4
    page = page_of(numbers, {}, [])
    assert "all images are right" in by_title(page)["Worst mistakes"].texts[0]


def test_a_run_that_is_not_finished():
    run = {"status": "running", "history": [], "seconds": None}
    run["recipe"] = {"seed": 3, "augmentation": None}
    run["data"] = {"name": "pets", "augmentation": {"shift": 0.1}}
    sections = by_title(page_of(report(run=run), {}, []))
    assert sections["Training"].texts == ["0 epochs so far; the run is running."]
    assert sections["Training"].tables == []
    facts = dict(sections["How it was made"].facts)
    assert facts["seed"] == "3"
    assert facts["images: augmentation.shift"] == "0.1"
    assert "augmentation" not in facts
