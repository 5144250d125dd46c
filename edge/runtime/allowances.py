"""What the configuration lets the process write and reach; everything else is refused by the kernel."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Final

from edge.capture.settings import RtspSettings, SourceSettings, UsbSettings
from edge.config import EdgeConfig, ModelsSection
from edge.errors import StorageError
from edge.hardening.landlock import Allowed
from hitonly_core.urls import HTTPS, parse

_DNS: Final = 53


def allowed(config: EdgeConfig) -> Allowed:
    """Return the folders, devices and ports that a configuration needs; the folders are made if absent.

    Raises:
        StorageError: a folder cannot be made.
    """
    sources = [camera.source for camera in config.cameras]
    folders: tuple[Path, ...] = (*config.storage.spools, config.storage.state, config.hotlist.trust)
    if config.department:
        folders = (*folders, config.hotlist.file.parent)
    for folder in folders:
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as problem:
            raise StorageError(f"the folder {folder} cannot be made: {problem.strerror}") from None
    ports = {parse(config.department.url, HTTPS).port} if config.department else set()
    bind = (config.metrics.port,) if config.metrics else ()
    return replace(reachable(sources, config.models, ports), folders=folders, bind=bind)


def reachable(
    sources: Iterable[SourceSettings], models: ModelsSection, ports: Collection[int] = ()
) -> Allowed:
    """Return what cameras and an accelerator need, and other ports: no folder can be written."""
    sources = tuple(sources)
    cameras = (device for source in sources for device in _devices(source))
    wanted = {port for source in sources for port in _ports(source)} | set(ports)
    return Allowed(
        folders=(),
        devices=(Path("/dev/null"), *cameras, *models.devices),
        connect=tuple(sorted(wanted | {_DNS})) if wanted else (),
    )


def _ports(source: SourceSettings) -> tuple[int, ...]:
    return (source.address.port,) if isinstance(source, RtspSettings) else ()


def _devices(source: SourceSettings) -> tuple[Path, ...]:
    return (Path(f"/dev/video{source.device}"),) if isinstance(source, UsbSettings) else ()
