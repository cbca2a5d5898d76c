"""PostgreSQL in a container, through testcontainers, which is imported when a container is really wanted."""

from __future__ import annotations

import importlib.util
import secrets
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedbed.errors import DatabaseFailure
from seedbed.servers import daemon
from seedbed.servers.protocol import Unavailable
from seedbed.servers.tuning import Tuning

if TYPE_CHECKING:
    from testcontainers.community.postgres import PostgresContainer

IMAGE = "postgres:18-alpine"
_DATA = "/seedbed-data"
"""Where the data directory is mounted: away from the images' own volumes, whose place differs between versions."""

_START_SECONDS = 120.0
_POLL_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Container:
    """The backend of the ``containers`` extra.

    Attributes:
        image: an image that honours POSTGRES_USER and POSTGRES_PASSWORD as the official one does.
        labels: put on the containers.
        glance: answer from what can be told at once: nothing heavy is imported, and nothing is pulled.
    """

    image: str = IMAGE
    name: str = "container"
    labels: tuple[tuple[str, str], ...] = ()
    glance: bool = False

    def describe(self, *, major: int | None = None) -> str:
        """Return version and origin, for people; see `Backend.describe`."""
        if importlib.util.find_spec("testcontainers") is None:
            raise Unavailable("the testcontainers package is not installed")
        found = daemon.find()
        if not self.glance:
            self._find_images(found)
        tag = self.image.rpartition("/")[2].partition(":")[2] or "latest"
        if major is not None and not tag.startswith(str(major)):
            raise Unavailable(f"the image {self.image} is not version {major}")
        pulling = ", to be pulled" if self.glance and daemon.lacks(self.image) else ""
        return f"PostgreSQL {tag} container{pulling}"

    def program(self, name: str) -> Path | None:
        """Return None: a container's programs are not this machine's; see `Backend.program`."""
        return None

    def server(self, place: Path, tuning: Tuning, *, major: int | None = None) -> ContainerServer:
        """Return a server in a container of its own; nothing is written to ``place``; see `Backend.server`."""
        self.describe(major=major)
        return ContainerServer(self.image, tuning, dict(self.labels))

    def _find_images(self, address: str | None) -> None:
        """Have the image here, and the reaper's unless somebody switched it off."""
        from docker.errors import DockerException, ImageNotFound
        from testcontainers.core.config import testcontainers_config

        try:
            client = _client()
            client.ping()
        except (DockerException, OSError):
            where = address or "any place testcontainers was told of"
            raise Unavailable(f"no Docker daemon at {where}") from None
        reaper = () if testcontainers_config.ryuk_disabled else (testcontainers_config.ryuk_image,)
        for image in (self.image, *reaper):
            try:
                try:
                    client.images.get(image)
                except ImageNotFound:
                    client.images.pull(image)
            except (DockerException, OSError) as error:
                reason = str(getattr(error, "explanation", None) or error).splitlines()[0]
                raise Unavailable(f"the image {image} cannot be had: {reason}") from None


@dataclass
class ContainerServer:
    """A server in a container; see `seedbed.servers.protocol.Server`."""

    image: str
    tuning: Tuning
    labels: dict[str, str] = field(default_factory=dict)
    version: str = ""
    _password: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    _container: PostgresContainer | None = field(default=None, repr=False)

    def start(self) -> None:
        """Return when the server accepts connections.

        Raises:
            DatabaseFailure: it did not start; the message has its own last words.
        """
        if self._container is not None:
            return
        container = _quick_container()(
            self.image, username="postgres", password=self._password, dbname="postgres", driver=None
        )
        container.with_env("PGDATA", f"{_DATA}/pg").with_env(
            "POSTGRES_INITDB_ARGS", "--no-sync --encoding=UTF8"
        )
        options = [f"-c {name}={value}" for name, value in self.tuning.settings.items()]
        container.with_command(" ".join(["postgres", *options]))
        container.with_tmpfs_mount(_DATA).with_kwargs(labels=self.labels)
        if daemon.is_here():
            vars(container)["ports"] = {
                "5432/tcp": ("127.0.0.1", None)
            }  # its type knows ports only
        self._container = container
        try:
            container.start()
            self.version = self._wait()
        except Exception as error:
            self.stop()
            raise DatabaseFailure(f"the container of {self.image} did not start: {error}") from None

    def url(self, database: str = "postgres") -> str:
        """Return a database's URL, with the container's own password."""
        if self._container is None:
            raise DatabaseFailure(f"the container of {self.image} is not running")
        host = self._container.get_container_host_ip()
        if daemon.is_here():
            host = "127.0.0.1"  # not "localhost", which may be ::1 first
        port = self._container.get_exposed_port(5432)
        return f"postgresql://postgres:{self._password}@{host}:{port}/{database}"

    def stop(self) -> None:
        """Remove the container."""
        container, self._container = self._container, None
        if container is not None:
            container.stop()

    def _wait(self) -> str:
        """Return the server's version when it answers over TCP: the image's first, private start listens on no port."""
        import psycopg

        deadline, url = time.monotonic() + _START_SECONDS, self.url()
        while True:
            try:
                with psycopg.connect(url, connect_timeout=5) as connection:
                    return str(connection.info.parameter_status("server_version")).split()[0]
            except psycopg.OperationalError:
                if time.monotonic() > deadline or not self._alive():
                    raise DatabaseFailure(self._last_words()) from None
                time.sleep(_POLL_SECONDS)

    def _alive(self) -> bool:
        wrapped = self._container.get_wrapped_container() if self._container else None
        if wrapped is None:
            return False
        wrapped.reload()
        return wrapped.status in ("created", "running")

    def _last_words(self) -> str:
        if self._container is None:
            return "it is gone"
        out, err = self._container.get_logs()
        said = (out + err).decode(errors="replace").splitlines()
        return "; ".join(said[-3:]) or "it ended without a word"


def remove_orphans(label: str, ended: Any) -> None:
    """Remove the containers whose label says that their owner has ended.

    Args:
        label: the label that names the owner.
        ended: tells of a label's value whether that owner has.
    """
    for container in _client().containers.list(all=True, filters={"label": label}):
        if ended(container.labels[label]):
            container.remove(force=True, v=True)


def _quick_container() -> type[PostgresContainer]:
    from testcontainers.community.postgres import PostgresContainer

    class Quick(PostgresContainer):
        """A container that is waited for by us: testcontainers runs psql inside, at best once a second."""

        def _connect(self) -> None:
            """Wait for nothing."""

    return Quick


def _client() -> Any:
    from testcontainers.core.docker_client import DockerClient

    return DockerClient().client
