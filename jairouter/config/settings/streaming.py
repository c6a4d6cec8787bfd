"""Settings of answers that are passed on event by event."""

from jairouter.config.quantities import Seconds, SomeBytes
from jairouter.config.settings.section import Section


class StreamingSettings(Section):
    """How streams of server-sent events are passed on."""

    keep_alive_interval: Seconds = 15.0
    """Silence in a stream after which a comment is sent, so that proxies on the way do not take
    it for dead; 0 sends none. Give proxies an idle timeout of at least twice this."""

    keep_alive_before_first_event: Seconds = 0.0
    """Silence before the first event after which comments are sent as well; 0 means never. The
    first comment settles the status as 200: an error that follows can only be told inside the
    stream, and no other backend can be tried."""

    max_event_size: SomeBytes = 256 * 1024
    """Most bytes of one unfinished event that are held back; a longer event is passed on as it
    comes."""
