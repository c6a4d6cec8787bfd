"""Tests for `jairouter.store.document`: damage, disks that fail, and secrets."""

from __future__ import annotations

import errno
import json
import os
import stat
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs, formatEvent

from jairouter.refusals import Refusal, StoreUnavailable
from jairouter.store import document as module
from jairouter.store.document import Documents
from tests.auth.keyed import not_in_a_thread
from tests.store.document_rig import DocumentCase


class DamageTests(DocumentCase):
    """Files that do not say what they should, and disks that fail."""

    def setUp(self) -> None:
        super().setUp()
        self.document = self.open()
        self.put(self.document, a=1)
        self.before = self.file.read_bytes()

    def assert_unchanged(self) -> None:
        self.assertEqual(self.document.value, {"a": 1})
        self.assertEqual(self.file.read_bytes(), self.before)
        self.assertEqual([each for each in os.listdir(self.file.parent) if each.endswith(".tmp")], [])

    def change(self) -> Deferred[Any]:
        return self.document.change(lambda value: value.update(b=2))

    def test_damaged(self) -> None:
        """It is neither read, nor written over."""
        for data in (b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"a": 1}x', b"[" * 100_000):
            self.file.write_bytes(data)
            self.assertIn("is damaged", str(self.assertRaises(StoreUnavailable, self.open)))
            self.assertIn("is damaged", self.refused(self.change()))
            self.assertEqual((self.file.read_bytes(), self.document.value), (data, {"a": 1}))

    def test_damaged_while_it_runs(self) -> None:
        """What was known stays known; that is said once, and again after it was well."""
        with capturedLogs() as said:
            for data in (b"{", b"{{", self.before, b"{"):
                self.file.write_bytes(data)
                for _ in range(2):
                    self.successResultOf(self.document.refresh())
                self.assertEqual(self.document.value, {"a": 1})
        texts = [formatEvent(each) for each in said]
        self.assertEqual(len(texts), 2)
        self.assertIn("keys: what another gateway may have changed is not known", texts[0])

    def test_something_else(self) -> None:
        """A pipe keeps nobody waiting."""
        for make in (os.mkdir, os.mkfifo):
            self.file.unlink()
            make(self.file)
            self.assertRaises(StoreUnavailable, self.open)
            self.refused(self.change())
            if make is os.mkdir:
                self.file.rmdir()
                self.file.touch()

    def test_link_to_nothing(self) -> None:
        self.file.unlink()
        self.file.symlink_to("nowhere")
        self.assertEqual(self.open().value, {})

    def fails(self, name: str, number: int = errno.ENOSPC) -> None:
        def fail(*args: Any, **named: Any) -> None:
            raise OSError(number, os.strerror(number))

        self.patch(module, name, fail)

    def test_disk_that_is_full(self) -> None:
        """At any step of a change: nothing has changed, and nothing is left."""
        for name in ("write_all", "hand_over", "sync_directory", "make_directory", "temporary"):
            with self.subTest(name):
                patched = self.patch(module, name, getattr(module, name))
                self.fails(name)
                self.assertIn("cannot be written: no space left", self.refused(self.change()))
                self.assert_unchanged()
                patched.restore()
        self.successResultOf(self.change())

    def test_directory_that_is_not_forced_to_disk(self) -> None:
        """The change is taken back: there is no file again, where there was none."""
        self.file.unlink()
        self.successResultOf(self.document.refresh())
        self.fails("sync_directory", errno.EIO)
        self.refused(self.change())
        self.assertFalse(self.file.exists())
        self.assertEqual(self.document.value, {})

    def test_not_readable(self) -> None:
        self.patch(
            module, "open_file", lambda path: (_ for _ in ()).throw(PermissionError(13, "Permission denied"))
        )
        message = str(self.assertRaises(StoreUnavailable, self.open))
        self.assertIn("cannot be read: Permission denied".lower(), message.lower())

    def test_left_by_others(self) -> None:
        """What others left that died while they wrote is deleted with the next change; nothing else is."""
        folder = self.file.parent
        for name in (".keys.json.abc.tmp", ".users.json.abc.tmp", "keys.json.tmp", ".secrets-pepper.x.tmp"):
            (folder / name).touch()
        self.successResultOf(self.change())
        left = sorted(os.listdir(folder))
        expected = [".secrets-pepper.x.tmp", ".users.json.abc.tmp", "keys.json", "keys.json.tmp", "keys.lock"]
        self.assertEqual(left, expected)


class SecretTests(DocumentCase):
    """Secrets that stay the same."""

    def test_made_once(self) -> None:
        made = iter([b"1" * 32, b"2" * 32])
        secrets = [self.documents().secret("pepper", lambda: next(made)) for _ in range(2)]
        self.assertEqual(secrets, [b"1" * 32] * 2)
        path = self.file.parent / "secrets-pepper"
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)

    def test_another_one_is_faster(self) -> None:
        """Then its own counts."""

        def make() -> bytes:
            self.documents().secret("pepper", lambda: b"f" * 32)
            return b"s" * 32

        self.assertEqual(self.documents().secret("pepper", make), b"f" * 32)

    def test_in_memory(self) -> None:
        self.assertEqual(Documents(None, not_in_a_thread).secret("pepper", lambda: b"1" * 32), b"1" * 32)

    def test_damaged(self) -> None:
        """It is not replaced: all keys would be unknown from then on."""
        self.file.parent.mkdir(parents=True)
        path = self.file.parent / "secrets-pepper"
        for data in (b"", b"short"):
            path.write_bytes(data)
            self.assertRaises(StoreUnavailable, self.documents().secret, "pepper", lambda: b"1" * 32)
            self.assertEqual(path.read_bytes(), data)
        path.unlink()
        os.mkfifo(path)
        self.assertRaises(StoreUnavailable, self.documents().secret, "pepper", lambda: b"1" * 32)

    def test_too_short(self) -> None:
        """It is not kept."""
        self.assertRaises(ValueError, self.documents().secret, "pepper", lambda: b"short")
        self.assertFalse((self.file.parent / "secrets-pepper").exists())

    def test_no_disk(self) -> None:
        self.path.write_text("a file")
        refusal = self.assertRaises(Refusal, self.documents().secret, "pepper", lambda: b"1" * 32)
        self.assertNotIn("111", str(refusal))

    def test_documents_do_not_hold_it(self) -> None:
        documents = self.documents()
        documents.secret("pepper", lambda: b"1" * 32)
        self.put(documents.open("keys"), a=1)
        self.assertEqual(json.loads(self.file.read_text()), {"a": 1})
