"""Which path is answered by which dialect."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

from jairouter.simulator import anthropic, audio, images, ollama, openai, responses, vectors
from jairouter.simulator.answer import Answer, error_answer, json_answer
from jairouter.simulator.anthropic import ANTHROPIC
from jairouter.simulator.call import Call
from jairouter.simulator.dialect import OPENAI, Dialect
from jairouter.simulator.ollama import OLLAMA

Responder = Callable[[Call], Answer]


def _health(call: Call) -> Answer:
    return json_answer({"status": "ok", "name": call.options.name})


_GET: Mapping[str, Responder] = {
    "/": _health,
    "/health": _health,
    "/v1/models": openai.models,
    "/api/tags": ollama.tags,
    "/api/version": ollama.version,
}

_POST: Mapping[str, Responder] = {
    "/v1/chat/completions": openai.chat,
    "/v1/completions": openai.completions,
    "/v1/responses": responses.respond,
    "/v1/responses/input_tokens": responses.input_tokens,
    "/v1/embeddings": vectors.embeddings,
    "/v1/rerank": vectors.rerank,
    "/rerank": vectors.rerank,
    "/v1/moderations": vectors.moderations,
    "/v1/audio/speech": audio.speech,
    "/v1/audio/transcriptions": audio.transcriptions,
    "/v1/audio/translations": audio.transcriptions,
    "/v1/images/generations": images.generations,
    "/v1/images/edits": images.edits,
    "/v1/images/variations": images.variations,
    "/api/chat": ollama.chat,
    "/api/generate": ollama.generate,
    "/api/embed": ollama.embed,
    "/api/embeddings": ollama.embeddings,
    "/v1/messages": anthropic.messages,
    "/v1/messages/count_tokens": anthropic.count,
}


def respond(call: Call) -> Answer:
    """Return the answer to a request.

    A request that cannot be read is answered with 400, an unknown path with 404, a known path
    with the wrong method with 405, and a model that is not served with 404.
    """
    dialect = _dialect(call.path)
    if call.method in ("GET", "HEAD"):
        found = _GET.get(call.path)
        if found is None and call.path.startswith("/v1/models/"):
            found = openai.model
        if found is not None:
            # Only generation takes time; questions about the backend are answered at once.
            return dataclasses.replace(found(call), latency=0.0)
    elif call.method == "POST" and call.path in _POST:
        return dataclasses.replace(_generate(call, _POST[call.path], dialect), dialect=dialect)
    if call.path in _GET or call.path in _POST:
        return error_answer(f"{call.method} is not allowed on {call.path}", 405, None, dialect)
    return error_answer(f"unknown path {call.path}", 404, None, dialect)


def _dialect(path: str) -> Dialect:
    if path.startswith("/api/"):
        return OLLAMA
    return ANTHROPIC if path.startswith("/v1/messages") else OPENAI


def _generate(call: Call, responder: Responder, dialect: Dialect) -> Answer:
    served = call.options.models
    if served and call.model.partition("!")[0] not in served:
        message = f"the model '{call.model}' does not exist"
        return error_answer(message, 404, "model_not_found", dialect)
    try:
        return responder(call)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        # The dialects read members as they come; whatever has the wrong type ends here.
        return error_answer(f"the request cannot be read: {error}", 400, None, dialect)
