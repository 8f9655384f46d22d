from facegender.decision.classes import label_name


def test_numbers_get_a_noun_and_words_do_not():
    assert [label_name(label) for label in ("0", "-1", "female")] == ["class 0", "class -1", "female"]
