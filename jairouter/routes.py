"""The operations of the data plane: which paths exist, and what each of them is."""

from __future__ import annotations

from jairouter.codec.sse_watch import Dialect
from jairouter.exchange import BodyKind, Route

JSON, MULTIPART = BodyKind.JSON, BodyKind.MULTIPART
CHAT, RESPONSES, OTHER = Dialect.CHAT, Dialect.RESPONSES, Dialect.OTHER

ROUTES = (
    Route("/chat/completions", "chat", JSON, CHAT),
    Route("/completions", "chat", JSON, CHAT, primary=False),
    Route("/responses", "chat", JSON, RESPONSES, primary=False),
    Route("/moderations", "chat", JSON, OTHER, primary=False),
    Route("/embeddings", "embedding", JSON, OTHER),
    Route("/rerank", "rerank", JSON, OTHER),
    Route("/audio/speech", "tts", JSON, OTHER),
    Route("/audio/transcriptions", "stt", MULTIPART, OTHER),
    Route("/audio/translations", "stt", MULTIPART, OTHER, primary=False),
    Route("/images/generations", "imgGen", JSON, OTHER),
    Route("/images/edits", "imgEdit", MULTIPART, OTHER),
    Route("/images/variations", "imgEdit", MULTIPART, OTHER, primary=False),
)

PREFIXES = ("/v1", "/api/v1")
"""Every route is served below each of them."""

PRIMARY = {route.service: route for route in ROUTES if route.primary}
"""The route whose path an instance's configured ``path`` is, by service."""
