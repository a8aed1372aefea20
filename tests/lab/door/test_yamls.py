"""YAML without surprises: numbers that look like numbers are, words stay words, what is written reads back equal."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.door.yamls import dump_yaml, load_yaml, parse, peek
from lab.errors import UserError

LAUGHS = "\n".join(f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]" for a, b in pairwise("abcdefghijkl"))
"""Nine of nine of nine …: few bytes that stand for 9^12 values."""

KEYS = ", ".join(f"k{number}: 1" for number in range(2000))
MERGES = f"a: &a {{{KEYS}}}\nb: {{<<: [{', '.join(['*a'] * 60)}]}}"

words = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=12) | st.sampled_from(
    [
        "1e-3",
        "1_000",
        "yes",
        "off",
        "null",
        "~",
        "12:30",
        "0x1f",
        ".5",
        "1.",
        "true",
        "2020-01-01",
        "-",
        "<<",
        "=",
        "1e5",
        "08",
    ]
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(words, values, max_size=4))
def test_what_is_written_reads_back_equal(mapping: dict[str, Any]) -> None:
    assert repr(parse(dump_yaml(mapping))) == repr(mapping)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 1e-3),
        ("1E5", 1e5),
        ("-2.5e+3", -2500.0),
        ("50_000", 50000),
        ("0123", 123),
        (".5", 0.5),
        ("true", True),
        ("!!float 1e-3", 1e-3),
        ("!!float 5", 5),
        ("!!int 7", 7),
    ],
)
def test_numbers(text: str, value: object) -> None:
    read = parse(text)
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{<<: *a, x: 9}", {"x": 9, "y": 2}),
        ("{<<: [*b, *a]}", {"y": 3, "x": 1}),
        ("{q: {<<: *b}, r: {<<: *b}}", {"q": {"y": 3, "x": 1}, "r": {"y": 3, "x": 1}}),
        ("{'<<': 1}", {"<<": 1}),
    ],
)
def test_a_mapping_takes_what_it_does_not_say_from_another(text: str, value: object) -> None:
    assert parse("- &a {x: 1, y: 2}\n- &b {<<: *a, y: 3}\n- " + text)[2] == value


def test_merges_of_merges_stand_for_no_more_than_their_keys() -> None:
    nested = "\n".join(f"{b}: &{b} {{<<: [{', '.join([f'*{a}'] * 9)}]}}" for a, b in pairwise("abcdefghijkl"))
    assert parse("a: &a {x: 1}\n" + nested)["l"] == {"x": 1}


@pytest.mark.parametrize("text", ["off", "yes", "12:30", "2020-01-01", "1.2.3", "e5", "1e"])
def test_words(text: str) -> None:
    assert parse(text) == text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb: 2\na: 3", "line 3: the key 'a' stands twice"),
        ("voices: {x: 1, x: 2}", "line 1: the key 'x' stands twice"),
        ("1: a", "line 1: the key '1' is not a word"),
        ("? [1, 2]\n: a", "line 1: the key there is not a word"),
        ("x: 1\nn: " + "9" * 6000, "line 2: a number of 6000 digits is not accepted"),
        ("clock: &c {then: [*c]}", "an alias within what it stands for"),
        ("a: " + "[" * 3000, "nested too deeply"),
        ("a: &a [1, 2, 3, 4, 5, 6, 7, 8, 9]\n" + LAUGHS, "more than 100,000 values"),
        (MERGES, "more than 100,000 values"),
        ("x: &x {<<: *x}", "an alias within what it stands for"),
        ("a: &a [1]\nb:\n  <<: *a", "line 3: << names what is no mapping"),
        ("a: &a {x: 1, x: 2}\nb: {<<: *a}", "line 1: the key 'x' stands twice"),
        ("a: [1, 2", "line 1, column 9: not YAML"),
        ("!!python/object/apply:os.system [ls]", "line 1: the tag !!python/object/apply:os.system is not accepted"),
        ("a: !!float fast", "line 1: the tag !!float is not accepted"),
        ("- a", "holds no mapping"),
        ("", "holds nothing"),
    ],
)
def test_mistakes_in_a_file(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=r"x\.yaml: ") as caught:
        load_yaml(path)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("steps: 40\nclock: {steps: 3}", "40"),
        ("clock: {steps: 3}\nvoices: [steps, 5]\nsteps: 4", "4"),
        ("{a: &x 1, b: *x, steps: 2}", "2"),
        ("about: |\n  steps: 9\nsteps: 2", "2"),
        ("steps: {a: 1}", None),
        ("a: 1", None),
        ("", None),
    ],
)
def test_one_word_is_found_without_building_the_rest(tmp_path: Path, text: str, found: str | None) -> None:
    (tmp_path / "x.yaml").write_text(text)
    assert peek(tmp_path / "x.yaml", "steps") == found


def test_a_look_at_what_is_no_yaml_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("steps: 4\na: [1, 2")
    with pytest.raises(UserError, match=r"x\.yaml: not YAML: ") as caught:
        peek(tmp_path / "x.yaml", "steps")
    assert "\n" not in str(caught.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.yaml: cannot be read: No such file"):
        load_yaml(tmp_path / "none.yaml")
    with pytest.raises(UserError, match="Is a directory"):
        load_yaml(tmp_path)
    (tmp_path / "latin.yaml").write_bytes(b"a: \xe9")
    with pytest.raises(UserError, match="not a UTF-8 text"):
        load_yaml(tmp_path / "latin.yaml")
