"""Finds the beginning of a prompt in a JSON request body: what a backend may have computed before.

Backends keep what they have computed for the beginning of a prompt (vLLM's prefix caching, SGLang's
RadixAttention, Ollama's slots), and need less time for a request that begins in the same way. So what matters
is what comes first: the system prompt and the first messages. It is taken from the body as it was written,
without being decoded; two ways to write the same text count as two texts.
"""

from typing import Any, Final

import msgspec

_INSTRUCTING: Final = frozenset({"system", "developer"})
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
    role: Any = None


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
        text, or a list of texts or tokens, the first 1024 bytes. None when there is no prompt, or it makes
        no sense; never raises.
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
    items = _lists.decode(talk) if _begins(talk, b"[") else []
    if not items or not _begins(items[0], b"{"):
        return [msgspec.Raw(bytes(memoryview(talk)[:_TEXT]))] if messages else []
    instructing = 0
    for each in items:
        if not _instructs(each):
            break
        instructing += 1
    return items[: instructing + messages]


def _begins(value: msgspec.Raw, with_: bytes) -> bool:
    return memoryview(value)[:1] == with_


def _instructs(message: msgspec.Raw) -> bool:
    if not _begins(message, b"{"):
        return False
    role = _messages.decode(message).role
    return isinstance(role, str) and role in _INSTRUCTING
