from __future__ import annotations

import pytest

from debate_env.errors import InputError
from debateqd.agents.yaml_text import dump_yaml, parse_yaml


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(("1e-3", 0.001), ("1E-3", 0.001), ("1.5e3", 1500.0), (".5", 0.5), ("5.", 5.0)),
        *(("1e6", 1_000_000), ("2.0", 2.0), ("+7", 7), ("-7", -7), ("0", 0), ("-0.0", -0.0)),
        *(("true", True), ("FALSE", False), ("null", None), ("~", None), ("", None)),
        *(("y", "y"), ("n", "n"), ("inf", "inf"), ("1,5", "1,5"), ("2026-12-01", "2026-12-01")),
        *(("=", "="), ("'010'", "010"), ('"yes"', "yes"), ("12:3a", "12:3a"), ("1.2.3", "1.2.3")),
        *(("[1e-3, yess]", [0.001, "yess"]), ("a: {b: 1}", {"a": {"b": 1}})),
        ("on: 1\n010: 2\n1: 3\nnull: 4", {"on": 1, "010": 2, "1": 3, "null": 4}),
        ("a: &x {b: 1}\nc:\n  <<: *x\n  d: 2", {"a": {"b": 1}, "c": {"b": 1, "d": 2}}),
    ],
)
def test_what_is_plain_means_what_it_says(text, value):
    found = parse_yaml(text, "here")
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "spelling"),
    [
        *(("010", "write 10, or '010'"), ("-007", "write -7, or"), ("0x1F", "write 31, or")),
        *(("0o17", "write 15, or"), ("0b11", "write 3, or"), ("1_000", "write 1000, or")),
        *(("1_000.5", "write 1000.5, or"), ("12:30", "write a finite number, or '12:30'")),
        *(("1:30:00.5", "write a finite number, or"), (".inf", "write a finite number, or")),
        *(("-.INF", "write a finite number"), (".NaN", "write a finite number")),
        *(("yes", "write true, or 'yes' in quotation marks"), ("On", "write true, or 'On'")),
        *(("NO", "write false, or 'NO'"), ("off", "write false, or 'off'")),
        *(("1e999", "too large"), ("-1e999", "too large"), ("08", "write 8, or '08'")),
    ],
)
def test_what_can_be_read_in_two_ways_is_refused_with_the_right_spelling(text, spelling):
    for document, line in ((f"a: 1\nb: {text}\n", 2), (f"a:\n  - 1\n  - [{text}]", 3)):
        with pytest.raises(InputError) as caught:
            parse_yaml(document, "my.yaml")
        assert str(caught.value).startswith(f"my.yaml, line {line}: {text} ")
        assert spelling in str(caught.value)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\nb: 2\na: 3", r"^f, line 3: key 'a' is given twice$"),
        ("1: 1\n'1': 3", r"^f, line 2: key '1' is given twice$"),
        ("? [a]\n: 1", "^f, line 1: a key must be text"),
        ("{{a: 1}: 1}", "^f, line 1: a key must be text"),
        ("a: [1", "^f, line 1: not valid YAML"),
        ("a: *b", "^f, line 1: not valid YAML: found undefined alias 'b'"),
        ("a: !!python/object:x {}", "^f, line 1: could not determine a constructor"),
        ("a: &b [*b]", "^f, line 1: found unconstructable recursive node"),
        ("\x07", "^f: not valid YAML"),
        ("[" * 9000, "^f: is nested too deeply"),
    ],
)
def test_what_is_no_configuration_is_one_line(text, problem):
    with pytest.raises(InputError, match=problem) as caught:
        parse_yaml(text, "f")
    assert "\n" not in str(caught.value)


def test_what_is_written_reads_back():
    texts = "1e-3 1e6 .5 5. 010 0x10 0o17 1_000 12:30 .inf yes off null ~ true 2026-12-01 = << é"
    data = {text: text for text in ["", " x", "a: b", "# a", *texts.split()]}
    data |= {"numbers": [1e-5, 1e300, 1.0, 3, -0.25, True, None]}
    assert parse_yaml(dump_yaml(data), "f") == data


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: 1e23", "file, line 1: 1e23 is too large to be exact; write all of its digits"),
        ("a: !!int abc", "file: not valid YAML: invalid literal for int"),
        ("a: !!float .inf", "file: not valid YAML: could not convert"),
        ("a: !!timestamp x", "file: not valid YAML: "),
        ("a: " + "9" * 5000, "file: not valid YAML: Exceeds the limit"),
    ],
)
def test_what_no_number_holds_is_one_line(text: str, says: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_yaml(text, "file")
    assert str(caught.value).startswith(says)
    assert parse_yaml(f"a: {10**40}", "file") == {"a": 10**40}
