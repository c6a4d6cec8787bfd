"""Finds the beginning of a prompt in a JSON request body: what a backend may have computed before.

Backends keep what they have computed for the beginning of a prompt (vLLM's prefix caching, SGLang's
RadixAttention, Ollama's slots), and need less time for a request that begins in the same way. So what matters
is what comes first: the system prompt and the first messages. It is taken from the body as it was written,
without being decoded; two ways to write the same text count as two texts.
"""

import re
from typing import Final

import msgspec

_INSTRUCTING: Final = (b'"system"', b'"developer"')
_MOST_INSTRUCTING: Final = 64
# Of messages, not of tokens, of which there may be millions
_MESSAGES: Final = re.compile(rb"\[[ \t\n\r]*\{")
# In a conversation. A list cannot have more members than commas and one, and each takes some 50 bytes as an
# object: of ten megabytes somebody could else make hundreds, and half a second of work
_MOST_COMMAS: Final = 100_000
# Of a prompt that is one text, so that those share an instance that begin alike: about 250 tokens. An
# article to be summarised differs from the next one by then, and a template hardly ever ends before.
_TEXT: Final = 1024
_NOTHING: Final = msgspec.Raw()


class _Prompt(msgspec.Struct, gc=False):
    messages: msgspec.Raw = _NOTHING  # /chat/completions
    prompt: msgspec.Raw = _NOTHING  # /completions
    instructions: msgspec.Raw = _NOTHING  # /responses
    input: msgspec.Raw = _NOTHING  # /responses, /embeddings


class _Message(msgspec.Struct, gc=False):
    role: msgspec.Raw = _NOTHING


_prompts: Final = msgspec.json.Decoder(_Prompt)
_lists: Final = msgspec.json.Decoder(list[msgspec.Raw])
_messages: Final = msgspec.json.Decoder(_Message)


def prompt_prefix(body: bytes, messages: int) -> list[memoryview] | None:
    """Take the parts of a request body with which its prompt begins.

    Costs about as much as `jairouter.codec.json_peek.peek`: what is not needed is skipped.

    Args:
        body: The whole body, any size, perhaps no JSON at all.
        messages: How many messages behind the system prompt count.

    Returns:
        The instructions, the leading system and developer messages, and so many of the messages behind them,
        each as it is written, with all its parts (images too). Of a prompt that is no list of messages but a
        text, or a list of texts or tokens, or made of very many parts, the first 1024 bytes. None when there
        is no prompt, or it makes no sense; never raises.
    """
    try:
        found = _prompts.decode(body)
        parts = [found.instructions, *_talk(found.messages or found.input, messages)]
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    taken = [memoryview(each) for each in parts if each]
    if found.prompt:
        taken.append(memoryview(found.prompt)[:_TEXT])
    return taken if taken or found.messages or found.input else None


def _talk(talk: msgspec.Raw, messages: int) -> list[msgspec.Raw]:
    """Of a conversation, the instructing messages at its beginning, and so many more."""
    items = _lists.decode(talk) if _is_list_of_messages(talk) else []
    if not items:
        return [msgspec.Raw(bytes(memoryview(talk)[:_TEXT]))] if messages else []
    instructing = 0
    for each in items[:_MOST_INSTRUCTING]:
        if not _instructs(each):
            break
        instructing += 1
    return items[: instructing + messages]


def _is_list_of_messages(talk: msgspec.Raw) -> bool:
    return _MESSAGES.match(memoryview(talk)) is not None and bytes(talk).count(b",") <= _MOST_COMMAS


def _instructs(message: msgspec.Raw) -> bool:
    return bytes(memoryview(message)[:1]) == b"{" and bytes(_messages.decode(message).role) in _INSTRUCTING
