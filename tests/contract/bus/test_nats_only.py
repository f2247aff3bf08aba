"""What only a real server does: standing still, being killed, refusing, and what is on record there."""

import asyncio
import sys
from pathlib import Path

import nats
import orjson
import pytest
from nats.js import api

from shared.bus.link import Timing
from shared.bus.nats_bus import NatsBus
from shared.contracts.envelope import Outgoing, Producer
from shared.contracts.topic import MD, STREAMS
from shared.domain.clock import ManualClock
from shared.domain.errors import BusUnavailable
from tests.contract.bus.messages import Recorder, candle, consuming, consumption, dead_letters, heartbeat, idle, key_of, skip
from tests.contract.bus.world import QUICK, NatsWorld, TestBus
from tests.fakes.eventually import eventually
from tests.fakes.servers import NatsServer, free_port

pytestmark = pytest.mark.contract
PRODUCER = Producer("scanner", "a", "main")


def plain_bus(url: str, timing: Timing = QUICK) -> NatsBus:
    return NatsBus(url, PRODUCER, ManualClock(1), timing=timing)


async def test_a_frozen_server_gives_errors_in_time_and_is_used_again_afterwards(nats_world: NatsWorld) -> None:
    bus = await nats_world.bus()
    recorder = Recorder()
    loop = asyncio.get_running_loop()
    async with consuming(bus, [consumption(recorder)]):
        await bus.publish(candle(number=1))
        await eventually(lambda: recorder.done)
        nats_world.server.freeze()
        started = loop.time()
        with pytest.raises(BusUnavailable, match="no answer"):
            await bus.publish(candle(number=2))
        with pytest.raises(BusUnavailable):
            await bus.ping(0.2)
        with pytest.raises(BusUnavailable):
            await bus.lag()
        assert loop.time() - started < 8
        nats_world.server.thaw()
        await eventually(lambda: _answers(bus))
        await bus.publish(candle(number=2))
        await eventually(lambda: 2 in recorder.numbers())
        await eventually(lambda: idle(bus))
    assert recorder.numbers() == [1, 2]


async def _answers(bus: TestBus) -> bool:
    try:
        await bus.ping(0.2)
    except BusUnavailable:
        return False
    return True


async def test_a_late_pong_does_not_break_the_connection(nats_world: NatsWorld) -> None:
    bus = await nats_world.bus()
    nats_world.server.freeze()
    for _ in range(3):
        with pytest.raises(BusUnavailable):
            await bus.ping(0.05)
    nats_world.server.thaw()
    for number in range(20):
        await bus.publish(candle(number=number))
    await bus.ping()
    assert bus.connected


async def test_a_frozen_server_is_noticed_by_the_client(nats_server: NatsServer) -> None:
    noticed = asyncio.Event()
    timing = Timing(ping_s=0.1, pings=1, reconnect_s=0.05)
    bus = NatsBus(nats_server.url, PRODUCER, ManualClock(1), timing=timing, on_disconnect=noticed.set)
    await bus.connect(5)
    nats_server.freeze()
    async with asyncio.timeout(3):
        await noticed.wait()
    assert not bus.connected
    nats_server.thaw()
    await eventually(lambda: bus.connected)
    await bus.close()


async def test_what_was_queued_when_the_connection_broke_is_not_sent_later(nats_world: NatsWorld) -> None:
    bus = await nats_world.bus()
    features = {f"feature_{n:05}": 0.5 for n in range(3_000)}
    big = [Outgoing(o.payload.model_copy(update={"features": features}), o.ts_ms) for o in (skip(number=n) for n in range(200))]
    nats_world.server.freeze()
    for part in (big[:150], big[150:]):  # the first fills the buffers of the socket, the second waits in the client
        results = await asyncio.gather(*(bus.publish(message) for message in part), return_exceptions=True)
        assert all(isinstance(result, BusUnavailable) for result in results)
    assert isinstance(bus, NatsBus)
    assert bus._link.pending_data_size > 100_000
    nats_world.server.kill()
    await eventually(lambda: not bus.connected)
    await nats_world.back()
    await bus.ping()
    await bus.publish(candle(number=1))
    assert await nats_world.stored("SIGNAL") == []


async def test_a_server_that_stands_still_with_full_buffers_does_not_hold_up_closing_or_reconnecting(nats_server: NatsServer) -> None:
    quick = Timing(ping_s=0.1, pings=1, reconnect_s=0.05, publish_s=0.3, close_s=0.3)
    bus, leaving = plain_bus(nats_server.url, quick), plain_bus(nats_server.url)
    for each in (bus, leaving):
        await each.connect(5)
    await bus.provision(STREAMS)
    features = {f"feature_{n:05}": 0.5 for n in range(3_000)}
    big = [Outgoing(o.payload.model_copy(update={"features": features}), o.ts_ms) for o in (skip(number=n) for n in range(150))]
    nats_server.freeze()
    await asyncio.gather(*(each.publish(message) for each in (bus, leaving) for message in big), return_exceptions=True)
    async with asyncio.timeout(5):
        await leaving.close()
    await eventually(lambda: not bus.connected)
    nats_server.kill()
    nats_server.start()
    await eventually(lambda: bus.connected)
    await bus.publish(candle(number=1))
    await bus.close()


async def test_nobody_there(nats_server: NatsServer) -> None:
    port = free_port()
    bus = plain_bus(f"nats://bot:sesame@127.0.0.1:{port}")
    with pytest.raises(BusUnavailable, match=f"expected a NATS server at nats://127.0.0.1:{port} within 0.5 s") as caught:
        await bus.connect(0.5)
    assert "sesame" not in str(caught.value)
    assert "Start nats-server" in str(caught.value)
    assert not bus.connected
    await bus.close()


async def test_a_server_that_comes_up_in_time_is_waited_for() -> None:
    server = NatsServer(free_port())
    bus = plain_bus(server.url)
    connecting = asyncio.create_task(bus.connect(10))
    await eventually(lambda: connecting.done() or bus._link_or_none is None)
    with server:
        await connecting
        await bus.ping()
        await bus.close()


async def test_a_wrong_password() -> None:
    with NatsServer(extra="authorization { user: bot, password: right }") as server:
        bus = plain_bus(server.url.replace("//", "//bot:wrong@"))
        with pytest.raises(BusUnavailable, match=r"(?i)authorization"):
            await bus.connect(2)
        right = plain_bus(server.url.replace("//", "//bot:right@"))
        await right.connect(5)
        await right.ping()
        await right.close()


async def test_a_server_without_jetstream() -> None:
    with NatsServer(jetstream=False) as server:
        bus = plain_bus(server.url)
        await bus.connect(5)
        with pytest.raises(BusUnavailable, match="nats-server -js"):
            await bus.provision(STREAMS)
        await bus.close()


async def test_using_it_before_connecting_is_told() -> None:
    bus = plain_bus("nats://127.0.0.1:1")
    assert not bus.connected
    assert not bus.send(heartbeat())
    with pytest.raises(BusUnavailable, match="connect"):
        await bus.publish(candle())
    await bus.close()


async def test_streams_are_on_file_with_the_limits_of_the_registry(nats_world: NatsWorld) -> None:
    bus = await nats_world.bus()
    await bus.provision(STREAMS)
    client = await nats.connect(nats_world.server.url)
    for spec in STREAMS:
        config = (await client.jsm().stream_info(spec.name)).config
        assert tuple(config.subjects or ()) == spec.subjects
        assert (config.storage, config.retention, config.discard) == (
            api.StorageType.FILE,
            api.RetentionPolicy.LIMITS,
            api.DiscardPolicy.OLD,
        )
        assert (config.max_bytes, config.max_age, config.duplicate_window) == (spec.max_bytes, spec.max_age_s or 0, spec.dedupe_s)
    await client.close()


async def test_limits_of_a_stream_are_updated(nats_world: NatsWorld) -> None:
    bus = await nats_world.bus()
    await bus.publish(candle(number=1))
    client = await nats.connect(nats_world.server.url)
    config = (await client.jsm().stream_info("MD")).config
    config.max_bytes, config.max_age = 10**6, 1000.0
    await client.jsm().update_stream(config)
    await bus.provision([MD])
    info = await client.jsm().stream_info("MD")
    assert (info.config.max_bytes, info.config.max_age) == (MD.max_bytes, MD.max_age_s)
    assert info.state.messages == 1
    await client.close()


async def test_a_durable_on_record(nats_world: NatsWorld) -> None:
    bus = await nats_world.bus()
    recorder = Recorder()
    await bus.publish(candle(number=1))
    async with consuming(bus, [consumption(recorder, ack_wait_s=4.0)]):
        await eventually(lambda: recorder.done)
        client = await nats.connect(nats_world.server.url)
        config = (await client.jsm().consumer_info("MD", "test-candle")).config
        await client.close()
    assert config.max_deliver == -1
    assert config.ack_policy == api.AckPolicy.EXPLICIT
    assert config.filter_subject == "md.v1.candle.*.*"
    assert config.ack_wait == 4.0


async def test_a_process_killed_with_a_message_in_hand(nats_world: NatsWorld) -> None:
    bus = await nats_world.bus()
    await bus.publish(candle(number=1))
    crasher = Path(__file__).parent / "crasher.py"
    victim = await asyncio.create_subprocess_exec(sys.executable, str(crasher), nats_world.server.url, stdout=asyncio.subprocess.PIPE)
    assert victim.stdout is not None
    try:
        async with asyncio.timeout(20):
            assert await victim.stdout.readline() == b"in hand\n"
    finally:
        victim.kill()
        await victim.wait()
    heir = Recorder()
    async with consuming(bus, [consumption(heir)]):
        await eventually(lambda: heir.done, within_s=8)
    assert heir.metas[0].attempt == 2


async def test_a_server_killed_in_the_middle(nats_world: NatsWorld) -> None:
    bus = await nats_world.bus()
    recorder = Recorder(outputs=True)
    await bus.publish_all([candle(f"C{n % 5}", n) for n in range(400)])
    async with consuming(bus, [consumption(recorder, effectful=True)], lanes=4):
        await eventually(lambda: len(recorder.done) > 50)
        nats_world.server.kill()
        await eventually(lambda: not bus.connected)
        await nats_world.back()
        await eventually(lambda: idle(bus))
    outputs = [orjson.loads(data)["data"]["close_ms"] for _, data in await nats_world.stored("SIGNAL")]
    assert sorted(outputs) == list(range(400))


async def test_draining_is_bounded_when_the_server_stands_still(nats_world: NatsWorld) -> None:
    bus = await nats_world.bus()
    recorder = Recorder(gate=asyncio.Event())
    await bus.publish_all([candle(f"C{n}", n) for n in range(5)])
    task = asyncio.create_task(bus.consume([consumption(recorder)], lanes=2))
    await eventually(lambda: len(recorder.calls) == 2)
    nats_world.server.freeze()
    async with asyncio.timeout(10):
        await bus.drain(0.2)
        await task
        await bus.close()
    nats_world.server.thaw()


async def test_a_dead_letter_that_cannot_be_written_keeps_the_message(nats_world: NatsWorld) -> None:
    bus = await nats_world.bus()
    client = await nats.connect(nats_world.server.url)
    await client.jsm().delete_stream("DLQ")
    await client.close()
    recorder = Recorder(errors={1: ValueError("odd")})
    await bus.publish(candle(number=1))
    async with consuming(bus, [consumption(recorder, attempts=1, ack_wait_s=0.5)]):
        await eventually(lambda: len(recorder.calls) == 1)
        assert await bus.lag() == 1
        await bus.provision(STREAMS)
        await eventually(lambda: dead_letters(nats_world))
        await eventually(lambda: idle(bus))
    assert len(recorder.calls) == 1


async def test_core_messages_beyond_the_bound_are_dropped_not_waited_for(nats_world: NatsWorld) -> None:
    bus = await nats_world.bus()
    sent = [bus.send(heartbeat(f"i{n}")) for n in range(3000)]
    assert 0 < bus.dropped == sent.count(False) < 3000


async def test_two_services_may_provision_at_the_same_time(nats_world: NatsWorld) -> None:
    one, two = plain_bus(nats_world.server.url), plain_bus(nats_world.server.url)
    for bus in (one, two):
        await bus.connect(5)
    await asyncio.gather(one.provision(STREAMS), two.provision(STREAMS))
    await asyncio.gather(one.close(), two.close())


async def test_a_stream_that_was_lost_and_made_again_is_read_from_its_beginning(nats_world: NatsWorld) -> None:
    bus = await nats_world.bus()
    recorder = Recorder()
    followed: list[int] = []

    async def follow() -> None:
        async for payload, _ in bus.tail(["md.v1.>"], since="all"):
            followed.append(key_of(payload)[1])

    following = asyncio.create_task(follow())
    async with consuming(bus, [consumption(recorder)]):
        await bus.publish_all([candle(number=n) for n in range(10)])
        await eventually(lambda: len(recorder.done) == len(followed) == 10)
        client = await nats.connect(nats_world.server.url)
        await client.jsm().delete_stream("MD")
        await client.close()
        await bus.provision([MD])
        await bus.publish_all([candle(number=n) for n in range(20, 23)])
        await eventually(lambda: len(recorder.done) == len(followed) == 13)
    following.cancel()
    await asyncio.wait([following])
    assert recorder.numbers() == followed == [*range(10), 20, 21, 22]
