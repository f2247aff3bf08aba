"""Who may talk to us: the host that a browser believes it talks to, and the page that a request comes from."""

from urllib.parse import urlsplit

from shared.config.kinds import is_loopback


def host_name(authority: str) -> str:
    """The host of a Host header, without port and brackets, in lower case; empty when it is not one."""
    try:
        return (urlsplit(f"//{authority}").hostname or "").lower()
    except ValueError:
        return ""


def host_allowed(authority: str) -> bool:
    """Whether a page without a password may be asked under this name.

    A foreign name that resolves to this machine (DNS rebinding) would let a stranger's page read and command us.
    """
    name = host_name(authority)
    return bool(name) and is_loopback(name)


def origin_allowed(origin: str | None, authority: str) -> bool:
    """Whether a request that changes something, or a WebSocket, comes from our own page. No origin = not a browser."""
    if origin is None:
        return True
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and parts.netloc.lower() == authority.lower()
