"""The OpenAI dialect's numbers: embeddings, rerank and moderations."""

from __future__ import annotations

import base64
import re
import struct
from typing import Any

from jairouter.simulator.answer import Answer, json_answer
from jairouter.simulator.call import Call, Unreadable, content_text, count_tokens
from jairouter.simulator.text import vector

_DIMENSIONS = 64

# What a text must contain for the moderation to flag it.
FLAG = "[flag]"

_CATEGORIES = (
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/instructions",
    "self-harm/intent",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
)


def texts_of(value: object) -> list[str]:
    """Return the texts in an `input`: a string, a list of them, or token ids in either form.

    Token ids become their numbers, separated by spaces.

    Raises:
        Unreadable: If there is none.
    """
    if isinstance(value, str):
        return [value]
    if isinstance(value, list) and value:
        if all(isinstance(item, int) for item in value):
            return [" ".join(map(str, value))]
        return [texts_of(item)[0] for item in value]
    raise Unreadable("'input' must be a text, token ids, or a list of either")


def embeddings(call: Call) -> Answer:
    """Answer `POST /v1/embeddings`."""
    texts = texts_of(call.json.get("input"))
    dimensions = dimensions_of(call)
    packed = call.json.get("encoding_format") == "base64"
    items = []
    for index, text in enumerate(texts):
        numbers = vector(text, dimensions)
        embedding: object = _base64(numbers) if packed else numbers
        items.append({"object": "embedding", "index": index, "embedding": embedding})
    count = count_tokens(texts)
    usage = {"prompt_tokens": count, "total_tokens": count}
    return json_answer({"object": "list", "data": items, "model": call.model, "usage": usage})


def dimensions_of(call: Call) -> int:
    """Return how many numbers the request's vectors have.

    Raises:
        Unreadable: If the request asks for an impossible number.
    """
    dimensions = call.json.get("dimensions") or _DIMENSIONS
    if not isinstance(dimensions, int) or not 1 <= dimensions <= 16384:
        raise Unreadable("'dimensions' must be a number from 1 to 16384")
    return dimensions


def _base64(numbers: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode("ascii")


def rerank(call: Call) -> Answer:
    """Answer `POST /v1/rerank`, in the form of Jina, Cohere and vLLM.

    The score of a document is the share of the query's words it contains.
    """
    query, documents = str(call.json["query"]), call.json["documents"]
    wanted = _words(query)
    scored = []
    for index, document in enumerate(documents):
        text = document["text"] if isinstance(document, dict) else document
        score = len(wanted & _words(text)) / max(1, len(wanted))
        result: dict[str, Any] = {"index": index, "relevance_score": score}
        if call.json.get("return_documents", True):
            result["document"] = {"text": text}
        scored.append(result)
    scored.sort(key=lambda result: -result["relevance_score"])
    return json_answer(
        {
            "id": f"rerank-{call.ident}",
            "model": call.model,
            "usage": {"total_tokens": count_tokens([query, documents])},
            "results": scored[: call.json.get("top_n")],
        }
    )


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))


def moderations(call: Call) -> Answer:
    """Answer `POST /v1/moderations`: a text with `FLAG` in it is violent, any other harmless."""
    given = call.json.get("input")
    if isinstance(given, list) and given and isinstance(given[0], dict):
        texts = [content_text(given)]
    else:
        texts = texts_of(given)
    results = [_verdict(FLAG in text) for text in texts]
    return json_answer({"id": f"modr-{call.ident}", "model": call.model, "results": results})


def _verdict(flagged: bool) -> dict[str, object]:
    return {
        "flagged": flagged,
        "categories": {name: flagged and name == "violence" for name in _CATEGORIES},
        "category_scores": {name: 0.99 if flagged and name == "violence" else 0.01 for name in _CATEGORIES},
        "category_applied_input_types": {name: ["text"] for name in _CATEGORIES},
    }
