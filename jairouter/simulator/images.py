"""The OpenAI dialect's pictures: a small PNG in a colour that the prompt decides."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Iterator

from jairouter.simulator.answer import Answer, event_stream, json_answer
from jairouter.simulator.call import Call, Unreadable
from jairouter.simulator.dialect import event

_SIDE = 16  # pixels


def png(prompt: str) -> bytes:
    """Return a valid PNG of 16 by 16 pixels, the same for the same prompt."""
    colour = struct.pack(">I", zlib.crc32(prompt.encode("utf-8", "replace")))[:3]
    row = b"\x00" + colour * _SIDE
    head = struct.pack(">IIBBBBB", _SIDE, _SIDE, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(row * _SIDE)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_png_chunk(kind, body) for kind, body in chunks)


def _png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def generations(call: Call) -> Answer:
    """Answer `POST /v1/images/generations`."""
    return _pictures(call, str(call.json["prompt"]), "image_generation")


def edits(call: Call) -> Answer:
    """Answer `POST /v1/images/edits`; `received` lists every part of the form, mask included.

    Raises:
        Unreadable: If the form holds no image.
    """
    if not any(part.name in ("image", "image[]") for part in call.parts):
        raise Unreadable("the form has no part 'image'")
    return _pictures(call, call.field("prompt"), "image_edit")


def variations(call: Call) -> Answer:
    """Answer `POST /v1/images/variations`; see `edits`."""
    return edits(call)


def _setting(call: Call, name: str, default: str) -> str:
    return str(call.json.get(name) or call.field(name) or default)


def _pictures(call: Call, prompt: str, kind: str) -> Answer:
    number = _setting(call, "n", "1")
    if not number.isdigit() or not 1 <= int(number) <= 10:
        raise Unreadable("'n' must be a number from 1 to 10")
    if call.wants("stream"):
        return event_stream(_events(call, prompt, kind), call.options.gap)
    by_url = _setting(call, "response_format", "b64_json") == "url"
    pictures = [_picture(call, f"{prompt} {index}", by_url) for index in range(int(number))]
    answer: dict[str, object] = {"created": call.created, "data": pictures, "usage": _usage()}
    if call.parts:
        answer["received"] = [part.described() for part in call.parts]
    return json_answer(answer)


def _picture(call: Call, prompt: str, by_url: bool) -> dict[str, object]:
    if by_url:
        # No such host: the picture is not kept, and nobody is to look for it.
        name = zlib.crc32(prompt.encode("utf-8", "replace"))
        return {"url": f"https://images.invalid/{name:08x}.png", "revised_prompt": prompt}
    return {"b64_json": base64.b64encode(png(prompt)).decode("ascii"), "revised_prompt": prompt}


def _usage() -> dict[str, object]:
    details = {"image_tokens": 0, "text_tokens": 10}
    return {
        "input_tokens": 10,
        "input_tokens_details": details,
        "output_tokens": 16,
        "total_tokens": 26,
    }


def _events(call: Call, prompt: str, kind: str) -> Iterator[bytes]:
    common = {
        "created_at": call.created,
        "b64_json": base64.b64encode(png(prompt)).decode("ascii"),
        "background": "opaque",
        "output_format": "png",
        "quality": "low",
        "size": "1024x1024",
    }
    for index in range(int(_setting(call, "partial_images", "0"))):
        name = f"{kind}.partial_image"
        yield event({"type": name, **common, "partial_image_index": index}, name)
    name = f"{kind}.completed"
    received = [part.described() for part in call.parts]
    yield event({"type": name, **common, "usage": _usage(), "received": received}, name)
