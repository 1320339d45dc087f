"""A key changes with everything that determines a reply, and with nothing else."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debateqd.agents.models.base import Message, Request, Sampling
from debateqd.agents.models.journal.keys import RequestKeys

TEXT = st.text(st.characters(exclude_categories=()), max_size=12)  # lone surrogates, too
MESSAGES = st.lists(
    st.builds(Message, st.sampled_from(["system", "user", "assistant"]), TEXT), max_size=3
).map(tuple)
SAMPLING = st.builds(
    Sampling, st.integers(1, 9), st.sampled_from([0.0, 0.5, 1.0]), st.sampled_from([0.9, 1.0])
)
REQUESTS = st.builds(
    Request,
    MESSAGES,
    SAMPLING,
    st.integers(0, 2**64),
    st.none() | st.lists(TEXT, max_size=3).map(tuple),
    st.none() | TEXT,
    st.lists(TEXT, max_size=2).map(tuple),
)
KEYS = RequestKeys("a model")

PINNED = Request(
    (Message("system", "Rules.\n" + "A long passage. " * 400), Message("user", "Sp\u00e9ak\ud800")),
    Sampling(300, 0.8, 0.95),
    12345678901234567890,
    ("A", "B"),
    '{"type":"object"}',
)
PINNED_KEY = "82603ef98296fa34f3e0d0189c850cfd"


def same_reply(a: Request, b: Request) -> bool:
    """Whether two requests have to have the same reply."""
    if a.sampling.temperature == 0.0:
        a, b = a._replace(seed=0), b._replace(seed=0)
    return a == b


@given(REQUESTS, REQUESTS)
def test_keys_are_equal_exactly_if_the_reply_must_be(a, b):
    assert (KEYS.key(a) == KEYS.key(b)) == same_reply(a, b)


@given(REQUESTS, st.data())
def test_any_single_change_changes_the_key(request_, data):
    field = data.draw(st.sampled_from(Request._fields))
    changed = request_._replace(**{field: getattr(data.draw(REQUESTS), field)})
    assert (KEYS.key(request_) == KEYS.key(changed)) == same_reply(request_, changed)


@given(MESSAGES, st.lists(TEXT, max_size=3).map(tuple), TEXT)
def test_parts_do_not_run_together(messages, choices, text):
    """Text that moves from one part into its neighbour makes another request."""
    sampling = Sampling()
    variants = [
        Request((*messages, Message("user", text)), sampling, 0, choices),
        Request(messages, sampling, 0, (text, *choices)),
        Request(messages, sampling, 0, choices, text),
        Request(messages, sampling, 0, choices, stop=(text,)),
        Request(messages, sampling, 0, None, text, choices),
        Request(messages, sampling, 0, (text + "".join(choices),)),
        Request((*messages, Message("system", text)), sampling, 0, choices),
    ]
    for a in variants:
        for b in variants:
            assert (KEYS.key(a) == KEYS.key(b)) == (a == b)


@pytest.mark.parametrize("temperature", [0.0, 0.7])
@pytest.mark.parametrize("seeded", [False, True])
def test_the_seed_counts_only_where_it_changes_a_reply(temperature, seeded):
    keys = RequestKeys("m", seeded_when_greedy=seeded)
    one, two = (Request((Message("user", "x"),), Sampling(9, temperature), n) for n in (1, 2))
    assert (keys.key(one) != keys.key(two)) == (seeded or temperature > 0)


def test_the_fingerprint_is_part_of_the_key():
    assert RequestKeys("a").key(PINNED) != RequestKeys("b").key(PINNED)


def test_equal_numbers_give_equal_keys():
    one = Request((), Sampling(9, 0.0, 1.0), 0)
    for sampling in (Sampling(9, -0.0, 1.0), Sampling(9, 0, 1)):
        assert KEYS.key(one._replace(sampling=sampling)) == KEYS.key(one)


def test_a_long_text_is_hashed_once():
    keys = RequestKeys("m")
    for length, known in ((4096, (0, 1)), (4096, (1, 1)), (4096, (2, 1)), (4095, (2, 1))):
        keys.key(Request((Message("system", "x" * length), Message("user", "x")), Sampling(), 0))
        info = keys._long_digest.cache_info()
        assert (info.hits, info.misses) == known


def test_a_remembered_digest_is_that_of_the_text():
    """Also when texts are equal but not the same object, and after many others came between."""
    keys = RequestKeys("m")
    texts = [f"{n} " + "word " * 20_000 for n in range(100)]
    for text in (*texts, *texts[::-1], *(" ".join(text.split(" ")) for text in texts[:3])):
        request = Request((Message("system", text), Message("user", "x")), Sampling(), 0)
        assert keys.key(request) == RequestKeys("m").key(request)


@pytest.mark.parametrize(
    ("temperature", "rest", "key"),
    [
        (0.0, {}, "c7e3bdcfb091783da65601469f0649e5"),
        (0.7, {}, "d2db98b52957be6431e73a00c472b653"),
        (0.7, {"choices": ("A", "B")}, "5c70d62faee9ba4c81bbec5d7f3f7703"),
        (0.7, {"choices": ()}, "703482f338ccab438b6c2eb9522d058d"),
        (0.7, {"schema": "{}"}, "244fc1a3d70ffe084d9ab1c0c83c8a6f"),
        (0.7, {"stop": ("\n",)}, "b9643ce6006334d93673457bee204ba6"),
    ],
)
def test_keys_of_requests_without_choices_or_schema(temperature, rest, key):
    """Most requests have neither: their keys must not change any more than that of the others."""
    request = Request((Message("user", "Who is right?"),), Sampling(8, temperature, 1.0), 7, **rest)
    assert RequestKeys("engine/1 weights").key(request).hex() == key
    greedy = RequestKeys("engine/1 weights", seeded_when_greedy=True).key(request).hex()
    assert greedy == (key if temperature else "891fb4dd127cf22e100e130cf85923fc")


def test_keys_are_the_same_in_every_process_and_version():
    """A key that changed would make every journal worthless: raise the key's format instead."""
    assert RequestKeys("engine/1 weights").key(PINNED).hex() == PINNED_KEY
    code = (
        "from tests.agents.models.journal.test_keys import PINNED, RequestKeys\n"
        "print(RequestKeys('engine/1 weights').key(PINNED).hex())"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == PINNED_KEY
