"""The OpenAI dialect's sounds: speech out of text, text out of speech."""

from __future__ import annotations

import base64
import io
import wave
from collections.abc import Callable, Iterator, Mapping

from jairouter.simulator.answer import Answer, error_answer, event_stream, json_answer, whole
from jairouter.simulator.call import Call, Unreadable
from jairouter.simulator.dialect import event, text_events
from jairouter.simulator.multipart import Part
from jairouter.simulator.text import tokenise

_RATE = 8000  # samples per second

# One silent frame of MPEG-1 layer III: 128 kbit/s at 44.1 kHz makes 417 bytes.
_MP3_FRAME = b"\xff\xfb\x90\x00" + bytes(413)
# One ADTS frame of 7 bytes of head and 13 of body.
_AAC_FRAME = b"\xff\xf1\x50\x80\x02\x9f\xfc" + bytes(13)
_OGG_PAGE = b"OggS\x00\x02" + bytes(20) + b"\x01\x13OpusHead\x01\x01\x38\x01\x80\xbb\x00\x00" + bytes(3)
_FLAC_HEAD = b"fLaC\x80\x00\x00\x22" + bytes(34)


def _pcm(text: str) -> bytes:
    """Return a tone of 440 Hz, 20 ms for each letter, as 16-bit samples."""
    period = _RATE // 440
    wave_form = b"".join(
        (8000 if index < period // 2 else -8000).to_bytes(2, "little", signed=True) for index in range(period)
    )
    size = 2 * (_RATE // 50) * max(1, len(text))
    return (wave_form * (size // len(wave_form) + 1))[:size]


def _wav(text: str) -> bytes:
    made = io.BytesIO()
    with wave.open(made, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(_RATE)
        sound.writeframes(_pcm(text))
    return made.getvalue()


_FORMATS: Mapping[str, tuple[bytes, Callable[[str], bytes]]] = {
    "wav": (b"audio/wav", _wav),
    "pcm": (b"audio/pcm", _pcm),
    "mp3": (b"audio/mpeg", lambda text: _MP3_FRAME * max(1, len(text))),
    "aac": (b"audio/aac", lambda text: _AAC_FRAME * max(1, len(text))),
    "opus": (b"audio/ogg", lambda text: _OGG_PAGE + bytes(20 * max(1, len(text)))),
    "flac": (b"audio/flac", lambda text: _FLAC_HEAD + bytes(20 * max(1, len(text)))),
}


def speech(call: Call) -> Answer:
    """Answer `POST /v1/audio/speech`; only the formats `wav` and `pcm` make a sound."""
    text = str(call.json["input"])
    wanted = str(call.json.get("response_format", "mp3"))
    if wanted not in _FORMATS:
        return error_answer(f"'response_format' must be one of {', '.join(_FORMATS)}")
    content_type, make = _FORMATS[wanted]
    sound = make(text)
    if call.json.get("stream_format") == "sse":
        return event_stream(_speech_events(sound), call.options.gap)
    return whole(sound, content_type)


def _speech_events(sound: bytes) -> Iterator[bytes]:
    for at in range(0, len(sound), 4096):
        audio = base64.b64encode(sound[at : at + 4096]).decode("ascii")
        yield event({"type": "speech.audio.delta", "audio": audio})
    usage = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}
    yield event({"type": "speech.audio.done", "usage": usage})


def transcriptions(call: Call) -> Answer:
    """Answer `POST /v1/audio/transcriptions` and `/translations`.

    The text tells the file's name, size and digest: whoever compares it knows that the file
    arrived whole.

    Raises:
        Unreadable: If the form holds no file.
    """
    part = next((part for part in call.parts if part.name == "file"), None)
    if part is None:
        raise Unreadable("the form has no part 'file'")
    text = heard(part)
    if call.wants("stream"):
        return event_stream(_transcript_events(call, text), call.options.gap)
    wanted = call.field("response_format", "json")
    if wanted == "json":
        usage = {"type": "duration", "seconds": 1}
        received = [part.described() for part in call.parts]
        return json_answer({"text": text, "usage": usage, "received": received})
    if wanted == "verbose_json":
        return json_answer(_verbose(call, text))
    forms = {
        "text": f"{text}\n",
        "srt": f"1\n00:00:00,000 --> 00:00:01,000\n{text}\n\n",
        "vtt": f"WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n{text}\n\n",
    }
    if wanted not in forms:
        return error_answer(f"'response_format' must be json, verbose_json, {', '.join(forms)}")
    content_type = b"text/vtt" if wanted == "vtt" else b"text/plain; charset=utf-8"
    return whole(forms[wanted].encode(), content_type)


def heard(part: Part) -> str:
    """Return what a simulator makes of an audio file."""
    return f"heard {part.filename} of {part.size} bytes with sha256 {part.sha256}"


def _verbose(call: Call, text: str) -> dict[str, object]:
    segment = {
        "id": 0,
        "seek": 0,
        "start": 0.0,
        "end": 1.0,
        "text": text,
        "tokens": [1, 2, 3],
        "temperature": 0.0,
        "avg_logprob": -0.1,
        "compression_ratio": 1.0,
        "no_speech_prob": 0.0,
    }
    return {
        "task": "translate" if call.path.endswith("translations") else "transcribe",
        "language": call.field("language", "english"),
        "duration": 1.0,
        "text": text,
        "segments": [segment],
        "received": [part.described() for part in call.parts],
    }


def _transcript_events(call: Call, text: str) -> Iterator[bytes]:
    start = {"type": "transcript.text.delta", "delta": call.marker}
    yield from text_events(start, call.marker, tokenise(text))
    usage = {"type": "tokens", "input_tokens": 1, "output_tokens": 1, "total_tokens": 2}
    yield event({"type": "transcript.text.done", "text": text, "usage": usage})
