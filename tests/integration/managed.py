"""A process of its own that serves the management API over a few example endpoints.

Run as ``python -m tests.integration.managed``; it writes where it listens, as a gateway does.
"""

from __future__ import annotations

import random
import sys
import time
from typing import Any

from twisted.internet import reactor
from twisted.internet.threads import deferToThread
from twisted.logger import globalLogBeginner, textFileLogObserver

from jairouter.timers import TimerWheel
from jairouter.web.management.root import management_pages
from jairouter.web.request_ids import RequestIds
from jairouter.web.resources import Branch
from jairouter.web.root import put
from jairouter.web.site import ConnectionLimits, GatewaySite
from tests.web.management.examples import all_of_them, service


def main() -> None:
    """Serve until it is ended."""
    globalLogBeginner.beginLoggingTo([textFileLogObserver(sys.stdout)], redirectStandardIO=False)
    runtime: Any = reactor
    root = Branch()
    parts = service(max_body=4 * 1024 * 1024, today=time.time, run_in_thread=deferToThread)
    for path, page in management_pages(all_of_them(), parts, "1.0").items():
        put(root, path, page)
    ids = RequestIds(random.Random())
    site = GatewaySite(
        root, TimerWheel(runtime), runtime, ConnectionLimits(), ids, lambda *_: None, None, time.time
    )
    port = runtime.listenTCP(0, site, interface="127.0.0.1")
    print(f"listening on http://127.0.0.1:{port.getHost().port}", flush=True)
    runtime.run()


if __name__ == "__main__":
    main()
