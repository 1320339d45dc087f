"""What counts as a text, measured on what people say, on programs and on noise."""

from __future__ import annotations

import json
import sysconfig
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from debateqd.agents.garbage import is_garbage, is_noisy
from tests.repository import ROOT

SPEECH = 700  # characters, the median of the human speeches
MOST_WRONG = 0.001

SCRIPTS = {
    "Latin": "The keeper trimmed the wick every evening, so it was a lamp that stood on the sill.",
    "German": "Der Wärter stutzte jeden Abend den Docht; auf dem Sims stand also eine Lampe.",
    "Vietnamese": "Mỗi tối cô ấy cắt bấc và thắp lên trước khi thuyền về, vậy đó là một cái đèn.",
    "Cyrillic": "Каждый вечер она подрезала фитиль, значит, на подоконнике стояла лампа.",
    "Greek": "Κάθε βράδυ έκοβε το φιτίλι, άρα στο περβάζι υπήρχε ένα λυχνάρι.",
    "Arabic": "كانت الحارسة تقص الفتيل كل مساء، إذن كان على حافة النافذة مصباح لا حبل.",
    "Hebrew": "בכל ערב היא קיצצה את הפתיל, ולכן על אדן החלון עמדה מנורה ולא חבל.",
    "Devanagari": "वह हर शाम बत्ती काटती थी, इसलिए खिड़की पर रस्सी नहीं, एक दीपक रखा था।",
    "Tamil": "அவள் ஒவ்வொரு மாலையும் திரியை வெட்டினாள், எனவே சன்னலில் ஒரு விளக்கு இருந்தது.",
    "Thai": "เธอตัดไส้ตะเกียงทุกเย็นก่อนเรือจะกลับมา บนขอบหน้าต่างจึงเป็นตะเกียง ไม่ใช่เชือก",
    "Chinese": "她每天晚上船回来之前都修剪灯芯，所以窗台上放的是一盏灯，而不是绳子。",
    "Japanese": "彼女は毎晩、船が戻る前に芯を切りそろえた。だから窓辺にあったのはランプです。",
    "Korean": "그녀는 매일 저녁 심지를 다듬었으니 창가에 있던 것은 밧줄이 아니라 등불이다.",
    "Georgian": "ყოველ საღამოს ის პატრუქს ასწორებდა, ესე იგი რაფაზე ლამპა იდგა.",
    "Amharic": "በየምሽቱ ጀልባዎቹ ከመመለሳቸው በፊት ክሩን ትቆርጥ ነበር፤ ስለዚህ መብራት ነበር።",
}


@pytest.mark.parametrize("text", SCRIPTS.values(), ids=SCRIPTS)
def test_every_script_is_language(text: str) -> None:
    assert not is_garbage(text)
    assert not is_garbage(f"“{text}” — 1/2: {text[:20]} 🙂")
    assert is_garbage(f"{text[:8]} " * 8)  # and a loop in any of them


@pytest.mark.parametrize(
    "text",
    [
        *("", " \n", "A", "B.", "**A**", "(C)", "7", "100", "No.", "lol", "No, no, no!", "I am."),
        "<quote></quote>",
        "It was a lamp: <quote>trimmed the wick</quote>. Not (a) a rope, (b) a net -- a LAMP!!!",
        "x = [f(a, b) for a, b in zip(xs, ys) if a != b]\nreturn {'x': x[0][1:], **kw}\n",
        "| side | won |\n|------|-----|\n| lamp | 12  |\n| rope | 9   |\n",
        "A line\r\nand another\x0c\tin the next\u2028part.",
    ],
)
def test_what_people_and_programs_write_is_kept(text: str) -> None:
    assert not is_garbage(text)


@pytest.mark.parametrize(
    "text",
    [
        *("the the the the", "ababab", "=-=-=-", "aaaaaaaaaa", "- - - - - -", "哈哈哈哈哈哈"),
        *("...", "???", "!!!! ???? !!!!", "=" * 80, "(){}[];:", "90 87 12 44 91 30 22"),
        "~^&#@ qv *%$ zx+= }{ w?>< !r| \\/ k`",
        "It was a lamp, for " + "it was the lamp that it was and " * 30,
        "\n".join(["I stand by my case."] * 12),
    ],
)
def test_what_is_no_language_is_found(text: str) -> None:
    assert is_garbage(text)


@pytest.mark.parametrize("character", "\x00\x08\x1b\x1f\x7f\x80\x9f\ufffd\ud83d")
def test_one_character_that_belongs_into_no_text_is_enough(character: str) -> None:
    text = f"{SCRIPTS['Latin']}{character} {SCRIPTS['German']}"
    assert is_noisy(text)
    assert is_garbage(text)


@pytest.mark.parametrize(
    ("alphabet", "least"),
    [("#&*~@^%$+ zxqk", 0.99), ("".join(map(chr, range(33, 127))) + " " * 8, 0.6)],
    ids=["signs", "everything"],
)
def test_most_noise_is_found(alphabet: str, least: float) -> None:
    random = Random(4)
    noise = ["".join(random.choices(alphabet, k=500)) for _ in range(200)]
    assert sum(map(is_garbage, noise)) >= least * len(noise)


def pieces(text: str) -> list[str]:
    """Cut a text in pieces as long as a speech; what is left over is too short to say anything."""
    return [text[start : start + SPEECH] for start in range(0, len(text) - SPEECH + 1, SPEECH)]


def programs() -> list[str]:
    """Every tenth piece of this project and of the standard library."""
    found = []
    for root in (ROOT, Path(sysconfig.get_path("stdlib"))):
        for path in sorted(root.rglob("*.py")):
            if not {"site-packages", ".venv"} & set(path.parts):
                found += pieces(path.read_text(encoding="utf-8", errors="ignore"))
    return found[::10]


def test_programs_are_no_garbage() -> None:
    texts = programs()
    assert len(texts) > 2000
    assert sum(map(is_garbage, texts)) <= MOST_WRONG * len(texts)


def test_human_speeches_are_no_garbage(data_dir: Path) -> None:
    with (data_dir / "nyu_transcripts_sample.jsonl").open(encoding="utf-8") as lines:
        turns = [turn for line in lines for turn in json.loads(line)["turns"]]
    said = [turn["text"] for turn in turns if turn.get("text")]
    assert len(said) > 1500
    assert sum(map(is_garbage, said)) <= MOST_WRONG * len(said)


HOSTILE: dict[str, Callable[[int], str]] = {
    "one letter": lambda n: "a" * n,
    "one at the end": lambda n: "a" * (n - 1) + "b",
    "one in the middle": lambda n: "a" * (n // 2) + "b" + "a" * (n // 2),
    "capitals": lambda n: "A" * n,
    "capitals and digits": lambda n: "AAAA1" * (n // 5),
    "signs": lambda n: "#" * n,
    "signs and letters": lambda n: "#a" * (n // 2),
    "halves": lambda n: ("ab" * (n // 4)) + ("ba" * (n // 4)),
    "marks": lambda n: "e" + "\u0301" * n,
    "blanks": lambda n: " " * n + "a",
    "drawn": lambda n: "".join(Random(1).choices("abcdefgh #", k=n)),
}


@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE)
def test_time_grows_with_the_length_and_no_faster(make: Callable[[int], str]) -> None:
    def took(text: str) -> float:
        times = []
        for _ in range(3):
            begun = time.process_time()
            is_garbage(text)
            times.append(time.process_time() - begun)
        return min(times)

    # Sixteen times the length: 256 times as long where time grows with the square.
    assert took(make(160_000)) < 64 * max(took(make(10_000)), 1e-4)
