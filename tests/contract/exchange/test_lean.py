"""The lean transport against real sockets: framing, keeping, breaking, TLS."""

import asyncio
import gzip
import ipaddress
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from shared.exchange.lean import LeanTransport
from tests.fakes.eventually import eventually
from tests.fakes.venue_server import Reply, VenueServer

QUICK = httpx.Timeout(0.3)


@pytest.fixture
async def server() -> AsyncIterator[VenueServer]:
    async with VenueServer() as running:
        yield running


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=LeanTransport(most=4), timeout=QUICK, trust_env=False) as made:
        yield made


def wire(*lines: bytes, body: bytes = b"") -> Reply:
    return Reply(wire=b"\r\n".join([*lines, b"", b""]) + body)


CHUNKED = (b"HTTP/1.1 200 OK", b"Transfer-Encoding: chunked")


@pytest.mark.parametrize(
    ("reply", "body"),
    [
        (wire(b"HTTP/1.1 200 OK", b"content-length:3", body=b"abc"), b"abc"),
        (wire(*CHUNKED, body=b"3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n"), b"abc0123456789"),
        (wire(*CHUNKED, body=b"0\r\n\r\n"), b""),
        (wire(b"HTTP/1.1 100 Continue", b"", b"HTTP/1.1 200 OK", b"Content-Length: 1", body=b"x"), b"x"),
        (wire(b"HTTP/1.1 204 No Content"), b""),
        (Reply(wire=b"HTTP/1.1 200 OK\r\n\r\nto the end", hang_up=True), b"to the end"),
        (Reply(body=gzip.compress(b"[1]"), headers={"Content-Encoding": "gzip"}), b"[1]"),
    ],
)
async def test_bodies_however_they_are_framed(server: VenueServer, client: httpx.AsyncClient, reply: Reply, body: bytes):
    server.on("GET", "/x", reply)
    for _ in range(2):
        assert (await client.get(f"{server.http_url}/x")).content == body
    assert server.connections == (2 if reply.hang_up else 1)


async def test_what_is_sent_arrives_byte_for_byte(server: VenueServer, client: httpx.AsyncClient):
    server.on("POST", "/x", Reply())
    await client.post(f"{server.http_url}/x?a=%E5%B8%81&b=%5B1%2C2%5D", content=b"c=%20d", headers={"X-Key": "v"})
    (asked,) = server.asked
    assert (asked.query, asked.body, asked.headers["x-key"]) == ("a=%E5%B8%81&b=%5B1%2C2%5D", "c=%20d", "v")
    assert asked.headers["host"] in server.http_url


async def test_connection_that_the_venue_closed_meanwhile_is_not_used(server: VenueServer, client: httpx.AsyncClient):
    server.on("GET", "/x", Reply(hang_up=True))
    for _ in range(3):
        assert (await client.get(f"{server.http_url}/x")).status_code == 200
        await eventually(lambda: not server._handlers)
        await asyncio.sleep(0)
    assert server.connections == 3


async def test_connection_with_something_unasked_for_is_not_used(server: VenueServer, client: httpx.AsyncClient):
    server.on("GET", "/x", wire(b"HTTP/1.1 200 OK", b"Content-Length: 1", body=b"xHTTP/1.1 408 Request Timeout\r\n\r\n"), Reply(body=[2]))
    assert (await client.get(f"{server.http_url}/x")).content == b"x"
    assert (await client.get(f"{server.http_url}/x")).json() == [2]


async def test_connection_close_header_is_obeyed(server: VenueServer, client: httpx.AsyncClient):
    server.on("GET", "/x", Reply(headers={"Connection": "close"}))
    for _ in range(2):
        await client.get(f"{server.http_url}/x")
    assert server.connections == 2


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply(silent=True), httpx.ReadTimeout),
        (Reply(wire=b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", hang_up=True), httpx.RemoteProtocolError),
        (Reply(wire=b"HTTP/1.1 200 OK\r\nContent-Le", hang_up=True), httpx.RemoteProtocolError),
        (Reply(wire=b"SSH-2.0-OpenSSH\r\n\r\n"), httpx.RemoteProtocolError),
        (Reply(wire=b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n"), httpx.RemoteProtocolError),
        (Reply(wire=b"HTTP/1.1 abc\r\n\r\n"), httpx.RemoteProtocolError),
        (Reply(wire=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"), httpx.RemoteProtocolError),
        (Reply(wire=b"x" * 200_000), httpx.ReadError),
    ],
)
async def test_broken_answers_break_the_connection(server: VenueServer, client: httpx.AsyncClient, reply: Reply, kind: type[Exception]):
    server.on("GET", "/x", reply, Reply())
    with pytest.raises(kind):
        await client.get(f"{server.http_url}/x")
    assert (await client.get(f"{server.http_url}/x")).status_code == 200
    assert server.connections == 2


async def test_cut_connection_is_an_error(server: VenueServer, client: httpx.AsyncClient):
    server.on("GET", "/x", Reply(cut=True))
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        await client.get(f"{server.http_url}/x")


async def test_nobody_listens(client: httpx.AsyncClient):
    async with VenueServer() as gone:
        address = gone.http_url
    with pytest.raises(httpx.ConnectError):
        await client.get(f"{address}/x")
    with pytest.raises(httpx.ConnectError):
        await client.get("http://no-such-host.invalid/x")


async def test_more_requests_than_connections(server: VenueServer, client: httpx.AsyncClient):
    server.on("GET", "/x", Reply(body=[]))
    answers = await asyncio.gather(*(client.get(f"{server.http_url}/x") for _ in range(40)))
    assert all(answer.status_code == 200 for answer in answers)
    assert server.connections <= 4


async def test_waiting_for_a_connection_ends(server: VenueServer, client: httpx.AsyncClient):
    server.on("GET", "/x", Reply(silent=True))
    patient, hurried = httpx.Timeout(0.6), httpx.Timeout(0.6, pool=0.1)
    first = [asyncio.create_task(client.get(f"{server.http_url}/x", timeout=patient)) for _ in range(4)]
    await eventually(lambda: len(server.asked) == 4)
    with pytest.raises(httpx.PoolTimeout):
        await client.get(f"{server.http_url}/x", timeout=hurried)
    assert all(isinstance(end, httpx.ReadTimeout) for end in await asyncio.gather(*first, return_exceptions=True))


async def test_cancelled_request_gives_its_place_back_but_not_its_connection(server: VenueServer, client: httpx.AsyncClient):
    server.on("GET", "/x", *[Reply(silent=True)] * 4, Reply())
    waiting = [asyncio.create_task(client.get(f"{server.http_url}/x")) for _ in range(4)]
    await eventually(lambda: len(server.asked) == 4)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert (await client.get(f"{server.http_url}/x")).status_code == 200
    assert server.connections == 5


async def test_old_connections_are_not_used(server: VenueServer):
    server.on("GET", "/x", Reply())
    async with httpx.AsyncClient(transport=LeanTransport(idle_s=0.0), trust_env=False) as client:
        for _ in range(3):
            await client.get(f"{server.http_url}/x")
    assert server.connections == 3


async def test_tls_is_checked(tmp_path: Path):
    cert = _certificate(tmp_path)
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(cert)
    async with VenueServer(server_side) as server:
        server.on("GET", "/x", Reply(body=[1]))
        trusting = ssl.create_default_context(cafile=str(cert))
        async with httpx.AsyncClient(transport=LeanTransport(verify=trusting), trust_env=False) as client:
            for _ in range(2):
                assert (await client.get(f"{server.http_url}/x")).json() == [1]
            assert server.connections == 1
        async with httpx.AsyncClient(transport=LeanTransport(), trust_env=False) as client:
            with pytest.raises(httpx.ConnectError, match="certificate"):
                await client.get(f"{server.http_url}/x")


def _certificate(folder: Path) -> Path:
    """A certificate for 127.0.0.1 that nobody has signed but itself, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    start = datetime(2024, 1, 1, tzinfo=UTC)
    cert = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=36_500))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file = folder / "venue.pem"
    file.write_bytes(cert.public_bytes(serialization.Encoding.PEM) + private)
    return file
