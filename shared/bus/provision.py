"""Streams, exactly as the registry says: created, or updated with everything replaced (never merged)."""

from nats.js import JetStreamContext, api
from nats.js.errors import BadRequestError, NotFoundError

from shared.bus.link import translated
from shared.contracts.topic import StreamSpec

_NAME_IN_USE = 10058


def stream_config(spec: StreamSpec, replicas: int) -> api.StreamConfig:
    """The server's configuration of one stream: on file, limited, the oldest goes first."""
    return api.StreamConfig(
        name=spec.name,
        subjects=list(spec.subjects),
        retention=api.RetentionPolicy.LIMITS,
        storage=api.StorageType.FILE,
        discard=api.DiscardPolicy.OLD,
        max_age=float(spec.max_age_s or 0),
        max_bytes=spec.max_bytes,
        max_msgs=-1,
        max_consumers=-1,
        duplicate_window=float(spec.dedupe_s),
        num_replicas=replicas,
        allow_direct=True,
    )


async def provision(js: JetStreamContext, spec: StreamSpec, replicas: int) -> None:
    """Create or update one stream.

    Raises:
        ConfigError: the server refuses it (another stream has its subjects, the storage kind changed, no space), with its reason.
        BusUnavailable: the server did not answer.
    """
    config = stream_config(spec, replicas)
    with translated(f"provisioning stream {spec.name}", setup=True):
        try:
            await js.update_stream(config)
        except NotFoundError:
            await _create(js, config)


async def _create(js: JetStreamContext, config: api.StreamConfig) -> None:
    try:
        await js.add_stream(config)
    except BadRequestError as error:
        if error.err_code != _NAME_IN_USE:
            raise
        await js.update_stream(config)  # another service was faster
