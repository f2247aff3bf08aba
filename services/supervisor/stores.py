"""nats-server and redis-server of a local MrAster: loopback only, with passwords, nothing lost when killed."""

import json
from collections.abc import Mapping
from pathlib import Path

from services.supervisor.binaries import find
from services.supervisor.home import Home, write_private
from services.supervisor.spec import LogFormat, ProcessSpec, Stage

HOST = "127.0.0.1"
NATS_PORT = 4222
REDIS_PORT = 6379


def nats_url(port: int, password: str) -> str:
    """Address with login."""
    return f"nats://mraster:{password}@{HOST}:{port}"


def redis_url(port: int, password: str) -> str:
    """Address with login."""
    return f"redis://:{password}@{HOST}:{port}/0"


def nats(home: Home, port: int, password: str, environment: Mapping[str, str]) -> ProcessSpec:
    """Write the configuration of nats-server; how to start it.

    Raises:
        StartFailed: the program is missing.
    """
    config = home.nats / "nats.conf"
    text = (
        f"listen: {json.dumps(f'{HOST}:{port}')}\n"
        'server_name: "mraster-local"\n'
        "max_payload: 1MB\n"
        f"authorization {{ user: mraster, password: {json.dumps(password)} }}\n"
        # written to disk before it is confirmed: the default would lose confirmed orders in a power cut
        f"jetstream {{ store_dir: {json.dumps(str(home.nats / 'store'))}, sync_interval: always, max_file_store: 8GB, max_mem: 64MB }}\n"
    )
    write_private(config, text)
    return _spec("nats", (find("nats-server"), "-c", str(config)), environment, LogFormat.NATS, port=port, folder=home.nats)


def redis(home: Home, port: int, password: str, environment: Mapping[str, str]) -> ProcessSpec:
    """Write the configuration of redis-server; how to start it.

    Raises:
        StartFailed: the program is missing.
    """
    config = home.redis / "redis.conf"
    lines = (
        f"bind {HOST}",
        f"port {port}",
        f"requirepass {password}",
        f"dir {json.dumps(str(home.redis))}",
        "appendonly yes",
        "appendfsync always",
        'save ""',
        "maxmemory 256mb",
        "maxmemory-policy noeviction",
        "daemonize no",
    )
    write_private(config, "\n".join(lines) + "\n")
    return _spec("redis", (find("redis-server"), str(config)), environment, LogFormat.REDIS, port=port, folder=home.redis)


def _spec(
    name: str, argv: tuple[str, ...], environment: Mapping[str, str], log_format: LogFormat, *, port: int, folder: Path
) -> ProcessSpec:
    return ProcessSpec(
        name=name, stage=Stage.STORES, argv=argv, environment=environment, log_format=log_format, folder=folder, port=port, grace_s=4.0
    )
