"""Tests of embeddings, rerank and moderations."""

from __future__ import annotations

import base64
import struct

from twisted.trial.unittest import SynchronousTestCase

from jairouter.simulator.text import vector
from jairouter.simulator.vectors import FLAG
from tests.simulator.support import Bench


class EmbeddingTests(SynchronousTestCase):
    """`POST /v1/embeddings`."""

    def test_each_form_of_input(self) -> None:
        for given, expected in (
            ("a", ["a"]),
            (["a", "b"], ["a", "b"]),
            ([1, 2], ["1 2"]),
            ([[1], [2, 3]], ["1", "2 3"]),
        ):
            data = Bench().post("/v1/embeddings", {"input": given}).json()["data"]
            self.assertEqual([item["embedding"] for item in data], [vector(text, 64) for text in expected])

    def test_base64_holds_the_same_numbers(self) -> None:
        body = {"input": "a", "encoding_format": "base64", "dimensions": 3}
        packed = Bench().post("/v1/embeddings", body).json()["data"][0]["embedding"]
        self.assertEqual(list(struct.unpack("<3f", base64.b64decode(packed))), vector("a", 3))

    def test_impossible_requests_are_refused(self) -> None:
        bodies: list[dict[str, object]] = [
            {"input": []},
            {"input": {}},
            {"input": "a", "dimensions": 0.5},
        ]
        for body in bodies:
            self.assertEqual(Bench().post("/v1/embeddings", body).status, 400)


class RerankTests(SynchronousTestCase):
    """`POST /v1/rerank`."""

    def test_the_document_with_most_of_the_words_comes_first(self) -> None:
        documents = ["a cat", {"text": "a good dog"}, "dog"]
        body = {"query": "good dog", "documents": documents, "top_n": 2}
        results = Bench().post("/v1/rerank", body).json()["results"]
        self.assertEqual([result["index"] for result in results], [1, 2])
        self.assertEqual(results[0]["document"], {"text": "a good dog"})

    def test_documents_are_left_out_when_not_wanted(self) -> None:
        body = {"query": "q", "documents": ["d"], "return_documents": False}
        self.assertNotIn("document", Bench().post("/v1/rerank", body).json()["results"][0])


class ModerationTests(SynchronousTestCase):
    """`POST /v1/moderations`."""

    def test_only_a_flagged_text_is_flagged(self) -> None:
        body = {"input": ["harmless", f"{FLAG} this"]}
        results = Bench().post("/v1/moderations", body).json()["results"]
        self.assertEqual([result["flagged"] for result in results], [False, True])
        self.assertTrue(results[1]["categories"]["violence"])
