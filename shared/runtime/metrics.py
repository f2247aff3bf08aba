"""Prometheus metrics named `mraster_<service>_<thing>_<unit>`; labels come from closed sets only."""

import resource
from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector, generate_latest

LATENCY_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Metrics:
    """Makes a service's metrics and renders them."""

    def __init__(self, service: str) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self._prefix = f"mraster_{service}"
        self.handled = self.counter("messages_handled_total", "Messages by topic and outcome", ("topic", "outcome"))
        self.handling = self.histogram("handling_seconds", "Time in a handler by topic", ("topic",))
        self.redelivered = self.counter("messages_redelivered_total", "Deliveries after the first, by topic", ("topic",))
        self.dead = self.counter("messages_dead_total", "Dead letters by topic", ("topic",))
        self.loop_lag = self.gauge("event_loop_lag_seconds", "How late the event loop wakes up")
        self.ready = self.gauge("ready_info", "1 when the service is ready")
        self.lease = self.gauge("lease_info", "1 while this instance certainly is the one that may act")

    def counter(self, name: str, text: str, labels: Sequence[str] = ()) -> Counter:
        """A counter; the name ends in `_total`."""
        return Counter(f"{self._prefix}_{name}", text, labels, registry=self.registry)

    def gauge(self, name: str, text: str, labels: Sequence[str] = ()) -> Gauge:
        """A gauge."""
        return Gauge(f"{self._prefix}_{name}", text, labels, registry=self.registry)

    def histogram(self, name: str, text: str, labels: Sequence[str] = (), buckets: Sequence[float] = LATENCY_BUCKETS_S) -> Histogram:
        """A histogram in base units (seconds)."""
        return Histogram(f"{self._prefix}_{name}", text, labels, registry=self.registry, buckets=buckets)

    def render(self) -> bytes:
        """The exposition text."""
        return generate_latest(self.registry)


class BusObserver:
    """Counts what the bus reports."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def handled(self, topic: str, outcome: str, seconds: float) -> None:
        """A handler ended with an outcome."""
        self._metrics.handled.labels(topic, outcome).inc()
        self._metrics.handling.labels(topic).observe(seconds)

    def redelivered(self, topic: str) -> None:
        """A message came again."""
        self._metrics.redelivered.labels(topic).inc()

    def dead_lettered(self, topic: str) -> None:
        """A message was given up."""
        self._metrics.dead.labels(topic).inc()


def memory_bytes() -> int:
    """Resident memory of this process now (its peak where the system does not tell the present)."""
    try:
        with open("/proc/self/statm", encoding="ascii") as statm:  # noqa: PTH123 - one line, every second
            return int(statm.read().split()[1]) * resource.getpagesize()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
