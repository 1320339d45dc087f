"""Chat messages to tokens: fast, and without letting any text forge a turn.

The tokenizer's own template writes the conversation. Special tokens cut a text before anything else
happens to it, so what lies between two of them can be encoded apart and remembered: a passage of
27,000 characters comes in hundreds of prompts and is encoded once. Whether that gives the same
tokens is tried out for every tokenizer.

Special tokens count only where the template wrote them. ``<|im_end|>`` in a passage, a strategy or
a speech is encoded as the characters that it consists of, so no text can end its turn and begin one
of another role, or close a block of thinking.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import product
from typing import Any, Protocol

from debateqd.agents.models.base import Message
from debateqd.agents.models.vllm.stages import Prompt, Thinking

# At 36 bytes a token either takes about 120 MB where passages are long.
_REMEMBERED_LINES, _REMEMBERED_SEGMENTS = 1 << 15, 1 << 9
_TAIL_TOKENS = 16
# What may stand around a line break.
_ENDINGS = ("", "a", "A ", "1", ".", '!"', ">", " >", ")\t", "é", "你", "😀", "'s", "\r", "  \n")
_ACCENT = "\u0301"  # to be put on the character before it
_BEGINNINGS = ("a", "the", "A", "I'm", "1", "<", "</", '"', "(", "-", "'", "é", "你", "😀", "‹")
_LINE_BREAK = re.compile(r"\n(?=\S)")
_BREAK = "\u200b"  # a space of no width
# Code points that Unicode keeps free of characters. One that stands in a text anyway is replaced.
_MARK = "\ufdd0"
_REPLACEMENT = "\ufffd"

_SAMPLES: tuple[tuple[Message, ...], ...] = (
    (Message("system", "You judge."), Message("user", "Is it so?\n\nA: yes\n  B: no\n")),
    (
        Message("system", "Rules.\n<passage>\n “Nein,” said Ann; 3 ≠ 4.\n</passage>"),
        Message("user", " \tWhy?  \r\n  \u00e9t\u00e9 1,234 don't\u00a0"),
    ),
    (
        Message("system", " a"),
        Message("user", "b "),
        Message("assistant", "C"),
        Message("user", "\u4f60\u597d \U0001f600\n\n\nReply with A or B."),
    ),
)


class ChatTokenizer(Protocol):
    """What is needed of a tokenizer of the transformers library."""

    def apply_chat_template(self, conversation: Any, **kwargs: Any) -> Any:
        """Write a conversation, as text or as tokens."""

    def encode(self, text: str, **kwargs: Any) -> list[int]:
        """Encode a text, special tokens in it included."""

    def decode(self, token_ids: Any, **kwargs: Any) -> str:
        """Decode tokens."""

    def get_vocab(self) -> Mapping[str, int]:
        """Return the number of every token."""


def segment_encoder(
    specials: Mapping[str, int], encode: Callable[[str], list[int]]
) -> Callable[[str], list[int]]:
    """Make an encoder of texts whose special tokens are meant; :data:`_MARK` is dropped from them.

    What lies between special tokens is encoded line by line and remembered. Most tokenizers cut a
    text after a line break that something visible follows, so that a speech which returns in the
    prompts of its debate is encoded once; where this one does not (:func:`cuts_at_lines` tries it),
    it is encoded and remembered as a whole.
    """
    pattern = pattern_of(specials)
    by_line = cuts_at_lines(encode)
    most = _REMEMBERED_LINES if by_line else _REMEMBERED_SEGMENTS
    remembered = lru_cache(maxsize=most)(encode)

    def encode_segments(text: str) -> list[int]:
        ids: list[int] = []
        for part in pattern.split(text):
            if part in specials:
                ids.append(specials[part])
                continue
            plain = part.replace(_MARK, "")
            for line in lines_of(plain) if by_line else [plain]:
                if line:
                    ids += remembered(line)
        return ids

    return encode_segments


def lines_of(text: str) -> list[str]:
    """Cut a text after the line breaks that something visible follows."""
    *lines, last = _LINE_BREAK.split(text)
    return [*(f"{line}\n" for line in lines), last]


def cuts_at_lines(encode: Callable[[str], Sequence[int]]) -> bool:
    """Whether a tokenizer always cuts a text between a line break and something visible.

    What it does there depends on what stands around: all pairs of endings and beginnings are tried.
    """
    pairs = product(_ENDINGS, (*_BEGINNINGS, _ACCENT))
    text = "".join(f"{start}{end}\n" for end, start in pairs)
    return list(encode(text)) == [token for line in lines_of(text) for token in encode(line)]


def pattern_of(specials: Mapping[str, int]) -> re.Pattern[str]:
    """A pattern that finds special tokens, the longest first; it finds nothing without any."""
    ordered = sorted(specials, key=len, reverse=True)
    return re.compile(f"({'|'.join(map(re.escape, ordered))})" if ordered else r"(?!)")


def defuse(text: str, specials: re.Pattern[str], mark: str) -> str:
    """Break everything in a text that reads like a special token, with a mark after its start."""
    while specials.search(text):  # what is left of one may form another one
        text = specials.sub(lambda match: match[0][0] + mark + match[0][1:], text)
    return text


def plain_encoder(serialized: str, specials: Mapping[str, int]) -> Callable[[str], list[int]]:
    """Make an encoder for which none of ``specials`` is special.

    Raises:
        Exception: The library cannot read the tokenizer without them.
    """
    from tokenizers import Tokenizer

    settings = json.loads(serialized)
    settings["added_tokens"] = [
        token for token in settings.get("added_tokens") or () if token["content"] not in specials
    ]
    settings |= {"post_processor": None, "truncation": None, "padding": None}
    tokenizer = Tokenizer.from_str(json.dumps(settings))

    def encode(text: str) -> list[int]:
        ids: list[int] = tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    return encode


def special_tokens(tokenizer: Any) -> dict[str, int]:
    """Find the tokens that mark turns, thinking and the like.

    Some vocabularies also add runs of white space or whole words; those are no marks.
    """
    added = getattr(tokenizer, "added_tokens_decoder", None) or {}
    found = {str(token): number for number, token in added.items() if _is_mark(token)}
    for text in getattr(tokenizer, "all_special_tokens", ()):
        if text not in found and len(text) > 1:
            number = tokenizer.convert_tokens_to_ids(text)
            if isinstance(number, int):
                found[text] = number
    return found


def _is_mark(token: Any) -> bool:
    text = str(token)
    return len(text) > 1 and (
        bool(getattr(token, "special", True)) or (text[0] in "<[" and text[-1] in ">]")
    )


class PromptWriter:
    """Writes the prompts of one model.

    Attributes:
        split: Whether texts are encoded in segments; otherwise each prompt is encoded as a whole,
            because this tokenizer gives other tokens in segments.
        merged: Whether the system message goes into the first user message, because the template
            refuses system messages.
        opening: The token that is the opening tag, where it is a single one.
        closing: The token that is the closing tag, where it is a single one.
        encode: Encodes a text of a reply; nothing in it is special.

    Raises:
        Exception: The template refuses a plain conversation.
    """

    def __init__(
        self,
        tokenizer: ChatTokenizer,
        *,
        template: str | None = None,
        variables: Mapping[str, Any] | None = None,
        tags: tuple[str, str] = ("", ""),
    ) -> None:
        self._tokenizer = tokenizer
        self._options: dict[str, Any] = {**(variables or {}), "add_generation_prompt": True}
        if template is not None:
            self._options["chat_template"] = template
        self._tags = tags
        specials = special_tokens(tokenizer)
        self.opening, self.closing = specials.get(tags[0]), specials.get(tags[1])
        self._pattern = pattern_of(specials)
        self._segments: Callable[[str], list[int]] | None = None
        self.encode: Callable[[str], list[int]] = self._encode_plain
        self.merged = self._refuses_system()
        self._try_splitting(specials)
        self.split = self._segments is not None

    def prompt(self, messages: Sequence[Message]) -> Prompt:
        """Write a conversation up to where the reply begins."""
        if self._segments is None:
            ids = self._whole(messages)
            tail = self._tokenizer.decode(ids[-_TAIL_TOKENS:], skip_special_tokens=False)
            return Prompt(ids, self._thinking(tail))
        text = self._text([(role, self._defused(text)) for role, text in messages])
        return Prompt(self._segments(text), self._thinking(text))

    def token(self, text: str) -> int | None:
        """Return the token that is exactly this text, if there is one."""
        return self._tokenizer.get_vocab().get(text)

    def closed(self) -> tuple[int, ...]:
        """The tokens that end thinking which goes on too long."""
        tag = self._tags[1]
        if not tag:
            return ()
        closing = self.encode(tag) if self.closing is None else [self.closing]
        return (*self.encode("\n"), *closing, *self.encode("\n\n"))

    def _encode_plain(self, text: str) -> list[int]:
        return list(
            self._tokenizer.encode(
                defuse(text, self._pattern, _BREAK) if text.strip() else text,
                add_special_tokens=False,
            )
        )

    def _defused(self, text: str) -> str:
        if _MARK in text:
            text = text.replace(_MARK, _REPLACEMENT)
        return defuse(text, self._pattern, _MARK)

    def _thinking(self, written: str) -> Thinking:
        opening, closing = self._tags
        end = written[-200:].rstrip()
        if opening and end.endswith(opening):
            return "open"
        if (closing and end.endswith(closing)) or self.opening is None or self.closing is None:
            return "no"
        return "maybe"

    def _text(self, messages: Sequence[tuple[str, str]]) -> str:
        written: str = self._tokenizer.apply_chat_template(
            self._conversation(messages), tokenize=False, **self._options
        )
        return written

    def _whole(self, messages: Sequence[tuple[str, str]]) -> list[int]:
        safe = [(role, defuse(text, self._pattern, _BREAK)) for role, text in messages]
        return list(
            self._tokenizer.apply_chat_template(
                self._conversation(safe), tokenize=True, return_dict=False, **self._options
            )
        )

    def _conversation(self, messages: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
        found = [{"role": role, "content": content} for role, content in messages]
        if self.merged and len(found) > 1 and found[0]["role"] == "system":
            rules = found.pop(0)["content"]
            found[0]["content"] = f"{rules}\n\n{found[0]['content']}"
        return found

    def _refuses_system(self) -> bool:
        """Whether the template refuses a system message, or leaves it out."""
        trouble: Exception = ValueError("it leaves out messages")
        for merged in (False, True):
            self.merged = merged
            try:
                if self._says_everything(_SAMPLES[0]):
                    return merged
            except Exception as error:  # noqa: BLE001  (a template may raise anything)
                trouble = error
        raise trouble

    def _says_everything(self, sample: Sequence[Message]) -> bool:
        """Whether it makes a difference what each message says."""
        whole = self._whole(sample)
        for place, message in enumerate(sample):
            other = list(sample)
            other[place] = message._replace(content="a b a b a")
            if self._whole(other) == whole:
                return False
        return True

    def _try_splitting(self, specials: Mapping[str, int]) -> None:
        backend = getattr(self._tokenizer, "backend_tokenizer", None)
        if backend is None or not specials:
            return
        try:
            plain = plain_encoder(backend.to_str(), specials)
            segments = segment_encoder(specials, plain)
            if any(segments(self._text(sample)) != self._whole(sample) for sample in _SAMPLES):
                return
        except Exception:  # noqa: BLE001  (then this tokenizer is not of the kind that can be split)
            return
        self._segments, self.encode = segments, plain
