"""Settings of what is kept across restarts."""

from typing import Annotated

from jairouter.config.forms import Hush, Name, OneOf, Switch, Words
from jairouter.config.numbers import Count, Integer, Positive
from jairouter.config.quantities import Seconds
from jairouter.config.settings.section import Section


class FileStoreSettings(Section):
    """Details of the store in files."""

    auto_backup: Switch = True
    """Whether copies are made from time to time."""

    backup_interval: Seconds = 3600.0
    """Time between two copies."""

    max_backups: Count = 24
    """Copies that are kept; 0 keeps all."""

    backup_path: Name | None = None
    """Directory that copies are put into; not given means `backups` below `store.path`. One on another disk
    survives the loss of this one."""

    compression: Switch = True
    """Whether copies are compressed."""


class MemoryStoreSettings(Section):
    """Details of the store in memory, which forgets everything when the process ends."""

    initial_capacity: Count = 1000
    """Accepted for compatibility."""

    max_size: Positive = 10_000
    """Accepted for compatibility: `store.max-versions` says how many versions are kept."""

    expire_after_write: Seconds = 86_400.0
    """Accepted for compatibility: a version does not expire."""

    expire_after_access: Seconds = 43_200.0
    """Accepted for compatibility: a version does not expire."""


class RedisSettings(Section):
    """Where Redis is."""

    host: Name = "localhost"
    """Host name or IP address."""

    port: Annotated[int, Integer(1, 65535)] = 6379
    """TCP port."""

    username: Words | None = None
    """User to log in as."""

    password: Hush | None = None
    """Password to log in with."""

    database: Count = 0
    """Number of the database."""

    ssl: Switch = False
    """Whether the connection uses TLS."""

    key_prefix: Words = "jairouter:"
    """What the names of all keys begin with."""

    timeout: Seconds = 2.0
    """How long one command may take."""


class StoreSettings(Section):
    """Where versions of the configuration and other durable state are kept."""

    type: Annotated[str, OneOf(("file", "memory", "redis", "jpa", "h2"))] = "file"
    """Kind of store. `memory` forgets all changes when the process ends. `jpa` and `h2` are databases of
    another product: `file` is used in place of them."""

    path: Name = "./config-store"
    """Directory of the store in files; made when something is stored first. Several gateways may use the same
    one: a change that is made through one of them reaches the others."""

    max_versions: Count = 1000
    """Versions that are kept; beyond that the oldest are deleted. 0 keeps all."""

    lock_timeout: Seconds = 10.0
    """How long a change waits for another process that is writing to the same store."""

    file: FileStoreSettings = FileStoreSettings()
    memory: MemoryStoreSettings = MemoryStoreSettings()
    redis: RedisSettings = RedisSettings()
