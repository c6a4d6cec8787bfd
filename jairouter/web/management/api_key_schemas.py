"""JSON Schemas of API keys, as the management API takes and shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from jairouter.web.management.endpoint import Schema

_MOST_IMPORTED: Final = 1000
_LONGEST_OVERLAP: Final = 90 * 86_400

_TEXT: Final[Schema] = {"type": "string", "maxLength": 1000}
_WORDS: Final[Schema] = {
    "type": "array",
    "maxItems": 1000,
    "items": {"type": "string", "minLength": 1, "maxLength": 200},
}
_COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
_NUMBER: Final[Schema] = {
    "type": ["integer", "null"],
    "minimum": 1,
    "maximum": 2**53,
    "description": "Null for no limit.",
}
_TERMS: Final[dict[str, Schema]] = {
    "description": {**_TEXT, "description": "What the key is for."},
    "permissions": {**_WORDS, "description": "What it may do, such as `chat:read`."},
    "enabled": {"type": "boolean"},
    "expiresAt": {
        "type": ["string", "null"],
        "maxLength": 64,
        "description": "From when on it is refused (ISO 8601; UTC where no zone is given). Null for never; "
        "where a new key is given none, `default-expiration-days` applies.",
    },
    "requestsPerMinute": _NUMBER,
    "burst": {**_NUMBER, "description": "Most requests in one go; null for `requestsPerMinute`."},
    "maxConcurrent": _NUMBER,
    "requestsPerDay": {**_NUMBER, "description": "A day begins at midnight UTC. Null for no limit."},
    "models": {**_WORDS, "description": "The only models that it may ask for; `*` is any characters."},
    "allowFrom": {**_WORDS, "description": "Addresses and networks that it may be used from."},
    "metadata": {
        "type": "object",
        "maxProperties": 50,
        "additionalProperties": _TEXT,
        "description": "Notes of your own.",
    },
}
_KEY_ID: Final[Schema] = {"type": "string", "minLength": 1, "maxLength": 64}
CREATE: Final[Schema] = {
    "title": "NewApiKey",
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "keyId": {**_KEY_ID, "description": "What it is to be called; random, where it is not given."},
        **_TERMS,
    },
}
UPDATE: Final[Schema] = {
    "title": "ApiKeyChange",
    "type": "object",
    "additionalProperties": False,
    "properties": _TERMS,
}
IMPORT: Final[Schema] = {
    "title": "ApiKeyImport",
    "type": "object",
    "required": ["keys"],
    "additionalProperties": False,
    "properties": {
        "mode": {
            "enum": ["MERGE", "REPLACE"],
            "description": "With REPLACE, keys that were made and are not named are deleted; MERGE if not "
            "given.",
        },
        "keys": {
            "type": "array",
            "maxItems": _MOST_IMPORTED,
            "items": {
                "type": "object",
                "required": ["keyId"],
                "additionalProperties": False,
                "properties": {
                    "keyId": _KEY_ID,
                    "keyValue": {"type": "string", "minLength": 16, "maxLength": 512},
                    **_TERMS,
                },
            },
        },
    },
}
_DATE: Final[Schema] = {"type": "string", "description": "ISO 8601."}
_USAGE: Final[Schema] = {
    "type": "object",
    "required": ["total", "succeeded", "failed", "today", "lastUsedAt"],
    "properties": {
        "total": _COUNT,
        "succeeded": _COUNT,
        "failed": _COUNT,
        "today": {**_COUNT, "description": "Since midnight UTC."},
        "lastUsedAt": {"type": ["string", "null"]},
    },
}
KEY: Final[Schema] = {
    "title": "ApiKey",
    "type": "object",
    "required": ["keyId", "source", "description", "permissions", "enabled", "expired", "values"],
    "properties": {
        "keyId": {"type": "string"},
        **_TERMS,
        "source": {"enum": ["api", "configuration"], "description": "Where it is changed."},
        "expired": {"type": "boolean"},
        **{f"{each}At": _DATE for each in ("created", "updated", "rotated")},
        **{f"{each}By": {"type": "string"} for each in ("created", "updated", "rotated")},
        "values": {
            "type": "array",
            "description": "The values that it can be used with, the newest first.",
            "items": {
                "type": "object",
                "required": ["hint"],
                "properties": {
                    "hint": {"type": "string", "description": "The last characters."},
                    "until": {"type": "string", "description": "Until when, where that is not for ever."},
                },
            },
        },
        "usage": _USAGE,
    },
}
_VALUE: Final[Schema] = {"type": "string", "description": "The key itself, which is never shown again."}
KEY_WITH_VALUE: Final[Schema] = {
    **KEY,
    "title": "ApiKeyWithValue",
    "required": [*KEY["required"], "keyValue"],
    "properties": {**KEY["properties"], "keyValue": _VALUE},
}
_NAMES: Final[Schema] = {"type": "array", "items": {"type": "string"}}
IMPORTED: Final[Schema] = {
    "type": "object",
    "required": ["created", "updated", "deleted", "keys"],
    "properties": {
        "created": _NAMES,
        "updated": _NAMES,
        "deleted": _NAMES,
        "keys": {
            "type": "array",
            "description": "New values, which are never shown again.",
            "items": {
                "type": "object",
                "required": ["keyId", "keyValue"],
                "properties": {"keyId": {"type": "string"}, "keyValue": _VALUE},
            },
        },
    },
}
EXPORTED: Final[Schema] = {
    "type": "object",
    "required": ["keys"],
    "properties": {"keys": {"type": "array", "items": {"type": "object", "required": ["keyId"]}}},
}

OVERLAP_BODY: Final[Schema] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "overlapSeconds": {
            "type": "integer",
            "minimum": 0,
            "maximum": _LONGEST_OVERLAP,
            "description": "For how long the old value does, too; a day if not given. With 0, it is refused "
            "at once.",
        }
    },
}
