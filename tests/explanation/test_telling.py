"""What a person is told, from numbers made by hand."""

from keras_senet.explanation.telling import advice_texts, block_rows, gates_texts


def change(right=96, lost=3, won=1):
    return {
        "count": 100,
        "right": right,
        "lost": lost,
        "won": won,
        "p_value": 0.625,
        "cross_entropy": 0.01,
    }


def cost(low=0.8, high=0.95, scales=()):
    return {
        "blocks": ["one", "two"],
        "change": change(),
        "parameters": 1234,
        "share": 0.0123,
        "scales": scales,
        "ratio": {"median": 0.9, "low": low, "high": high, "rounds": 9, "batch": 1},
    }


def told(together=None, held_out=None, closed=()):
    block = {
        "block": "one",
        "channels": 2048,
        "mean": 0.5,
        "lowest": 0.1,
        "highest": 0.9,
        "near_zero": 0.25,
        "near_one": 0.125,
        "between": 0.0,
        "within": 0.0,
        "share_between": 0.0,
    }
    return {
        "images": "digits, validation",
        "held_out": "digits, test" if held_out else None,
        "count": 100,
        "near_zero": 0.05,
        "near_one": 0.95,
        "blocks": [block],
        "closed_channels": {"one": list(closed)},
        "advice": {
            "count": 100,
            "right": 98,
            "may_lose": 2.0,
            "constant": {"one": None, "two": None},
            "together": together,
            "held_out": held_out,
        },
    }


def test_advice_with_all_there_is():
    lines = advice_texts(told(cost(scales=["two"]), change(right=90, lost=4, won=2)))
    text = " ".join(lines)
    assert "98 of 100 images right (digits, validation)" in text
    assert "2 of 2 blocks can be constant: one, two. That leaves 96 of 100" in text
    assert "no more than 2 points, which are 2 images" in text
    assert "One image is 1 points" in text
    assert "does not hold" not in text
    assert "(3 lost, 1 won, p = 0.62), saves 1,234 parameters (1.23%)" in text
    assert "a call takes 0.90 of the time (0.80 to 0.95)" in text
    assert "(digits, test): 90 instead of 92 of 100 right (4 lost, 2 won" in text
    assert "nothing can take in: two." in lines[-1]


def test_noise_is_called_noise():
    text = " ".join(advice_texts(told(cost(low=0.7, high=1.2))))
    assert "noise: 0.90 of the time (0.70 to 1.20)" in text
    assert "a call takes" not in text


def test_no_advice_is_said_so():
    lines = advice_texts(told())
    assert len(lines) == 3
    assert lines[-1] == "No block can be made constant so."


def test_a_choice_that_does_not_hold_is_called_so():
    lines = advice_texts(told(cost(), change(right=90, lost=9, won=1)))
    assert lines[-1].startswith("These lose 8.0 points, more than 2: the choice does")


def test_points_are_counted_in_images_as_the_choice_does():
    numbers = told(cost())
    numbers["advice"].update(count=1000, may_lose=0.7)
    assert "0.7 points, which are 7 images" in " ".join(advice_texts(numbers))


def test_what_is_remarkable_of_gates():
    lines = gates_texts(told(closed=range(30)))
    assert lines[1] == "The same gates for all images: one."
    assert lines[2].endswith("18, 19 and 10 more.")
    assert "Channels of one that can be pruned: 0, 1, 2," in lines[2]
    (row,) = block_rows(told(closed=[5]))
    cells = ("one", "2,048", "0.500", "0.100", "0.900", "25.0%", "12.5%", "0.0%", "1")
    assert row == cells
