"""A gateway whose listener speaks TLS, and clients that trust it."""

from __future__ import annotations

import http.client
import os
import socket
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.integration.processes import PATIENCE, TWISTD, Gateway, configuration, simulator
from tests.integration.wire import Peer
from tests.upstream.authority import Issued, issue, root, write


def certificate(*names: str, days: tuple[int, int] = (-1, 90)) -> Issued:
    """A certificate for this machine."""
    return issue("127.0.0.1", *names, by=root(), days=days)


def replace(path: Path, data: bytes) -> None:
    """Write a file as programs do that know how: it is the old one or the new one at any moment."""
    beside = path.with_suffix(".new")
    beside.write_bytes(data)
    os.replace(beside, path)


class SecureGateway(Gateway):
    """A gateway over TLS.

    Args:
        backend: The URL of its backend.
        folder: With the file ``root.pem``, of the authority that clients trust.
        shows: The client's certificate with its key, in PEM form.
        sections: More of the configuration; `server` has `ssl` in it.
    """

    def __init__(
        self, backend: str, folder: Path, shows: Path | None = None, **sections: Mapping[str, Any]
    ) -> None:
        self.trusts = folder / "root.pem"
        self.shows = shows
        super().__init__(configuration(backend, **sections), TWISTD)

    @property
    def url(self) -> str:
        """See `Server.url`."""
        return super().url.replace("http:", "https:")

    def context(self, shows: Path | None = None) -> ssl.SSLContext:
        """A client that trusts it, and perhaps shows a certificate."""
        context = ssl.create_default_context(cafile=self.trusts)
        shows = shows or self.shows
        if shows is not None:
            context.load_cert_chain(shows)
        return context

    def connect(self, seconds: float = PATIENCE) -> http.client.HTTPSConnection:
        """See `Server.connect`."""
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=seconds, context=self.context())

    def peer(self, context: ssl.SSLContext | None = None) -> Peer:
        """A client that says what a test wants it to, and takes an end without farewell for an error."""
        plain = socket.create_connection(("127.0.0.1", self.port), PATIENCE)
        context = context or self.context()
        try:
            return Peer(context.wrap_socket(plain, server_hostname="127.0.0.1", suppress_ragged_eofs=False))
        except BaseException:
            plain.close()
            raise

    def serial(self) -> int:
        """Of the certificate that a new connection is shown."""
        client = self.peer()
        try:
            assert isinstance(client.socket, ssl.SSLSocket)
            shown: Any = client.socket.getpeercert()
            return int(shown["serialNumber"], 16)
        finally:
            client.socket.close()


class SecurePair:
    """A gateway over TLS in front of a simulated backend.

    Args:
        folder: For certificates, which are links to other files, as certbot has them.
        ssl: More of `server.ssl`.
        server: More of `server`.
        management: More of the configuration.
    """

    def __init__(
        self,
        folder: Path,
        ssl: Mapping[str, Any] | None = None,
        server: Mapping[str, Any] | None = None,
        shows: Path | None = None,
    ) -> None:
        self.folder = folder
        self.first = certificate()
        write(folder, root_pem=root().pem)
        self.archive(self.first, 1)
        keys = {"certificate": str(folder / "live.pem"), "certificate-private-key": str(folder / "live.key")}
        self.ssl = {"enabled": True, **keys, **(ssl or {})}
        self.simulator = simulator()
        try:
            self.gateway = SecureGateway(
                self.simulator.url,
                folder,
                shows,
                server={"ssl": self.ssl, **(server or {})},
                config={"reload": {"debounce": "0.2s", "interval": "1s"}},
                management={"endpoint": {"health": {"show-details": "always"}}},
            )
        except BaseException:
            self.simulator.stop()
            raise

    def archive(self, held: Issued, number: int) -> None:
        """Write files of their own, and let the links lead to them, first that of the key."""
        for kind, data in (("key", held.key_pem()), ("pem", held.pem)):
            file, link, beside = (
                self.folder / f"{kind}{number}",
                self.folder / f"live.{kind}",
                self.folder / "beside",
            )
            file.write_bytes(data)
            beside.symlink_to(file.name)
            os.replace(beside, link)

    def stop(self) -> None:
        """End both."""
        self.gateway.stop()
        self.simulator.stop()
