"""A tiny real language model, made on the spot: random weights, a real tokenizer, a chat template.

vLLM and transformers load it like any other model. Making one takes a few seconds, so callers keep
it in a folder of their own (a session fixture, a benchmark's cache).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Literal

from debate_env.questions import builtin_questions

CHAT_TEMPLATE = (
    "{%- for message in messages -%}"
    "{{ '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}"
    "{{ '<|im_start|>assistant\\n' }}"
    "{%- if enable_thinking is defined -%}"
    "{{ '<think>\\n' if enable_thinking else '<think>\\n\\n</think>\\n\\n' }}"
    "{%- endif -%}"
    "{%- endif -%}"
)
"""ChatML; the variable ``enable_thinking`` opens a thinking block, or closes it at once."""

ADAPTER = "adapter"
"""Folder of the LoRA adapter inside the model's."""

_PAD, _START, _END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
_THINKING = ("<think>", "</think>")
# One hidden dimension is the same for every token, so that a column of the output layer is a bias:
# this is how a model of random weights can be made to favour a token.
_CONSTANT = 2.0
_SEEN = 0.4  # what the output layer sees of it, between 0.33 and 0.47
_NEVER = -60.0
_HIDDEN, _LAYERS, _HEADS, _KEY_VALUE_HEADS, _INNER = 64, 2, 2, 1, 128


def make_tiny_model(
    folder: Path,
    *,
    kind: Literal["qwen2", "llama"] = "qwen2",
    positions: int = 16384,
    vocabulary: int = 4096,
    seed: int = 0,
    corpus: Iterable[str] | None = None,
    chat_template: bool = True,
    lora: bool = False,
    thinking: bool = False,
    favour: Mapping[str, float] | None = None,
) -> Path:
    """Make a model with a tokenizer trained on English text; the same arguments, the same bytes.

    It writes words and marks at random, on one line, and no parts of characters.

    Args:
        folder: Where to put it; made if need be.
        kind: Architecture.
        positions: Longest context in tokens.
        vocabulary: Size of the vocabulary, special tokens included.
        seed: Of the weights.
        corpus: Texts to train the tokenizer on, besides the built-in passages.
        chat_template: Whether the tokenizer has one.
        lora: Whether to add an adapter, in the folder :data:`ADAPTER` inside.
        thinking: Whether the tags of thinking are tokens of their own, as those of a reasoning
            model are.
        favour: Tokens (as they stand in the vocabulary) that the model likes (or, below 0,
            dislikes), with what is added to their logits, roughly; ``" "`` is written ``"Ġ"``.

    Returns:
        The folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = _train_tokenizer(corpus or (), vocabulary, _THINKING if thinking else ())
    _save_tokenizer(folder, tokenizer, chat_template)
    _save_weights(folder, tokenizer, kind, positions, vocabulary, seed, favour or {})
    if lora:
        _save_adapter(folder / ADAPTER, seed)
    return folder


def _train_tokenizer(corpus: Iterable[str], vocabulary: int, tags: Sequence[str]) -> Any:
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary - len(tags),
        special_tokens=[_PAD, _START, _END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    # Alone in its document, a letter is a word: " A" and "A" both become tokens.
    letters = [f" {chr(code)}" for code in range(ord("A"), ord("Z") + 1)] * 50
    passages = sorted({question.passage for question in builtin_questions()})
    tokenizer.train_from_iterator(chain(passages, letters, corpus), trainer)
    tokenizer.add_tokens([AddedToken(tag, special=False, normalized=False) for tag in tags])
    return tokenizer


def _save_tokenizer(folder: Path, tokenizer: Any, chat_template: bool) -> None:
    from transformers import PreTrainedTokenizerFast

    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=None,
        eos_token=_END,
        pad_token=_PAD,
        clean_up_tokenization_spaces=False,
    )
    if chat_template:
        wrapped.chat_template = CHAT_TEMPLATE
    wrapped.save_pretrained(folder)


def _save_weights(
    folder: Path,
    tokenizer: Any,
    kind: str,
    positions: int,
    vocabulary: int,
    seed: int,
    favour: Mapping[str, float],
) -> None:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM

    config_class, model_class = {
        "qwen2": (Qwen2Config, Qwen2ForCausalLM),
        "llama": (LlamaConfig, LlamaForCausalLM),
    }[kind]
    end = tokenizer.token_to_id(_END)
    config = config_class(
        vocab_size=vocabulary,
        hidden_size=_HIDDEN,
        intermediate_size=_INNER,
        num_hidden_layers=_LAYERS,
        num_attention_heads=_HEADS,
        num_key_value_heads=_KEY_VALUE_HEADS,
        max_position_embeddings=positions,
        tie_word_embeddings=False,
        bos_token_id=None,
        eos_token_id=end,
        pad_token_id=tokenizer.token_to_id(_PAD),
        initializer_range=0.2,
        dtype="float32",
    )
    # The generator of the process is put back as it was.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = model_class(config).to(torch.float32)
    model.generation_config.eos_token_id = end
    _favour(model, tokenizer, dict.fromkeys(_unclean(tokenizer), _NEVER) | dict(favour))
    model.save_pretrained(folder)


def _favour(model: Any, tokenizer: Any, favour: Mapping[str, float]) -> None:
    import torch

    with torch.no_grad():
        model.model.embed_tokens.weight[:, 0] = _CONSTANT
        model.lm_head.weight[:, 0] = 0.0
        for layer in model.model.layers:  # nothing else is written to that dimension
            layer.self_attn.o_proj.weight[0, :] = 0.0
            layer.mlp.down_proj.weight[0, :] = 0.0
        for token, weight in favour.items():
            number = tokenizer.token_to_id(token)
            if number is None:
                raise ValueError(f"{token!r} is no token of the tiny model")
            model.lm_head.weight[number, 0] = weight / _SEEN


def _unclean(tokenizer: Any) -> list[str]:
    """Tokens that are no text: parts of characters, control characters, and mere white space.

    Without the last, a model of random weights hardly finds out of the white space between the
    parts of a JSON text.
    """
    found = []
    for token, number in sorted(tokenizer.get_vocab().items()):
        text = tokenizer.decode([number], skip_special_tokens=False)
        if "\ufffd" in text or not text.isprintable() or not text.strip():
            found.append(token)
    return found


def _save_adapter(folder: Path, seed: int) -> None:
    import torch
    from safetensors.torch import save_file

    rank, width = 4, _HIDDEN // _HEADS * _KEY_VALUE_HEADS
    generator = torch.Generator().manual_seed(seed)
    weights = {}
    for layer in range(_LAYERS):
        for name, outputs in (("q_proj", _HIDDEN), ("v_proj", width)):
            stem = f"base_model.model.model.layers.{layer}.self_attn.{name}"
            weights[f"{stem}.lora_A.weight"] = torch.randn(rank, _HIDDEN, generator=generator)
            weights[f"{stem}.lora_B.weight"] = torch.randn(outputs, rank, generator=generator)
    folder.mkdir(parents=True, exist_ok=True)
    save_file(weights, folder / "adapter_model.safetensors")
    settings = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": "tiny",
        "r": rank,
        "lora_alpha": rank,
        "target_modules": ["q_proj", "v_proj"],
        "bias": "none",
    }
    (folder / "adapter_config.json").write_text(json.dumps(settings, indent=2), encoding="utf-8")
