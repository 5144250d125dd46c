"""What the box does with its department's service, put together from the configuration."""

from collections.abc import Callable
from dataclasses import dataclass

from edge.config import DepartmentSection, EdgeConfig
from edge.department.audit_memory import AuditMemory
from edge.department.heartbeat import Condition, HeartbeatSender
from edge.department.link import Link
from edge.department.spool import Spool
from edge.department.uploader import Courier
from edge.errors import ConfigError, LinkError
from hitonly_core.clock import Clock, SystemClock
from hitonly_core.keys import SigningKey, VerifyKey


@dataclass(frozen=True, slots=True)
class DepartmentWork:
    """The work with the service, for one thread."""

    link: Link
    courier: Courier
    heartbeat: HeartbeatSender

    def work(self) -> None:
        """Send a heartbeat and deliver hits, each when it is time."""
        self.heartbeat.work()
        self.courier.work()


def open_work(  # noqa: PLR0917 - the six parts it is made of
    config: EdgeConfig,
    section: DepartmentSection,
    spool: Spool,
    condition: Callable[[], Condition],
    clock: Clock,
    say: Callable[[str], None],
) -> DepartmentWork:
    """Return the work with the configured service.

    Raises:
        ConfigError: the address is not private.
        KeyFileError: a key cannot be used.
    """
    link = _link(config, section)
    key = VerifyKey.load(section.service_key)
    courier = Courier(spool, link, key, clock, say)
    memory = AuditMemory(config.storage.state, key, say)
    heartbeat = HeartbeatSender(
        link, config.storage.state, memory, config.hotlist.file, condition, clock, say
    )
    return DepartmentWork(link, courier, heartbeat)


def deliver_all(config: EdgeConfig, spool: Spool, say: Callable[[str], None], *, again: bool = False) -> int:
    """Deliver what waits on the spool once; return how many hits were acknowledged.

    Args:
        config: the whole configuration.
        spool: where sealed hits wait.
        say: is told which hits are refused, and why.
        again: whether what was refused before is offered once more.

    Raises:
        ConfigError: there is no service in the configuration, or its address is not private.
        KeyFileError: a key cannot be used.
        LinkError: the service cannot be reached.
    """
    if config.department is None:
        raise ConfigError("the configuration has no [department] to deliver to")
    link = _link(config, config.department)
    courier = Courier(spool, link, VerifyKey.load(config.department.service_key), SystemClock(), say)
    try:
        if again:
            courier.offer_refused()
        delivered = -1
        while courier.delivered > delivered:
            delivered = courier.delivered
            courier.work()
    finally:
        link.close()
    if courier.trouble:
        raise LinkError(f"hits wait on the spool: {courier.trouble}")
    return courier.delivered


def _link(config: EdgeConfig, section: DepartmentSection) -> Link:
    return Link(section.url, config.device.id, SigningKey.load(config.keys.signing), section.authority)
