"""What makes ``twistd jairouter`` and ``twist jairouter`` exist.

Every twistd command of this Python reads this module, so it imports nothing of jairouter's:
the options and the service are loaded by name, and only when they are asked for.
"""

from twisted.application.service import ServiceMaker

jairouter_service = ServiceMaker(
    "jairouter",
    "jairouter.tap",
    "An AI model gateway",
    "jairouter",
)
