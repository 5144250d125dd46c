"""Which camera ``alpr-edge aim`` looks at, with what, and whose folder it must hold meanwhile."""

from dataclasses import dataclass
from pathlib import Path

from edge.capture.settings import RtspSettings, UsbSettings
from edge.config import CameraSection, ModelsSection, load_config
from edge.errors import ConfigError
from edge.runtime.source_option import source_given
from hitonly_core.policy import WINDOW_CEILING


@dataclass(frozen=True, slots=True)
class Target:
    """A camera to aim.

    Attributes:
        camera: its section of the configuration, or one of `--source` alone.
        models: which detector.
        window_s: the retention window: a network camera's capture process is renewed within it.
        unsafe_allow_swap: as configured.
        state: the unit's state folder; None where there is no configuration.
    """

    camera: CameraSection
    models: ModelsSection
    window_s: float = WINDOW_CEILING.total_seconds()
    unsafe_allow_swap: bool = False
    state: Path | None = None

    @property
    def contested(self) -> Path | None:
        """The folder whose lock says that no box runs; None where a running box would not be in the way."""
        return self.state if isinstance(self.camera.source, RtspSettings | UsbSettings) else None


def target_of(config: Path, name: str, source: str, password_file: Path | None) -> Target:
    """Return what to aim: a camera of the configuration, with another source if one is given.

    Args:
        config: the configuration; may be absent where `source` is given.
        name: of the camera in it; empty for the first.
        source: what to read instead; empty for the camera's own.
        password_file: the password of an address in `source`.

    Raises:
        ConfigError: the configuration, the name or the source cannot be used.
    """
    if password_file is not None and not source:
        raise ConfigError("--source-password-file is for --source")
    if source and not config.exists():
        chosen = source_given(source, password_file, name=name or "camera")
        return Target(CameraSection(name=chosen.name, source=chosen), ModelsSection())
    settings = load_config(config)
    found = [camera for camera in settings.cameras if name in {"", camera.name}]
    if not found:
        known = ", ".join(camera.name for camera in settings.cameras)
        raise ConfigError(f"{config} has no camera of this name", hint=f"It has: {known}.")
    camera = found[0]
    if source:
        chosen = source_given(source, password_file, name=camera.name)
        camera = camera.model_copy(update={"source": chosen})
    return Target(
        camera,
        settings.models,
        settings.retention.window_seconds,
        settings.unsafe_allow_swap,
        settings.storage.state,
    )
