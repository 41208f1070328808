"""What is counted: requests, renderings, faults of plugins, jobs. No label names an organisation or a reader.

Owns the metrics and their text. With `PROMETHEUS_MULTIPROC_DIR` in the environment before this is imported, all
workers' counts are brought together there; every metric has labels, so that no file is opened before a worker
has something to count. Floors below count through the functions here, handed to them as arguments.
"""

from __future__ import annotations

import atexit
import collections
import os
import threading
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from coachkit.api.background import Look
from coachkit.db.jobs import States

HITS: Final = frozenset({"memory", "redis"})
"""The stores that can have an answer."""
NOT_LOOKED_UP: Final = "none"
"""What stands in their stead for a request that no store can answer."""
_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
_CLASSES: Final = ("0xx", "1xx", "2xx", "3xx", "4xx", "5xx")


class _Requests(Histogram):
    """A histogram that can take observations in now and write them down later, all at once.

    What several workers share is written through a lock and a file for every number: for an answer from a store that
    would cost more than all the rest.
    """

    def _metric_init(self) -> None:
        super()._metric_init()
        self._waiting: deque[float] = deque()
        self.later = self._waiting.append
        """Take an observation in; `write` writes it down."""

    def write(self) -> None:
        """Write down what waits; for one caller at a time."""
        waiting = [self._waiting.popleft() for _ in range(len(self._waiting))]
        if waiting:
            self._sum.inc(sum(waiting))
            counts = collections.Counter(bisect_left(self._upper_bounds, seconds) for seconds in waiting)
            for bucket, count in counts.items():
                self._buckets[bucket].inc(count)


_requests: Final = _Requests(
    "coachkit_request_seconds",
    "Requests, and the time until the answer began; cache is memory, redis, miss or none",
    ("method", "route", "status", "cache"),
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
_renders: Final = Counter("coachkit_renders_total", "Documents written down in a format", ("format",))
_hook_faults: Final = Counter("coachkit_hook_faults_total", "Hooks of plugins that failed", ("plugin", "hook"))
_redis_faults: Final = Counter("coachkit_redis_faults_total", "Exchanges with Redis that came to nothing", ("kind",))


def method_label(method: str) -> str:
    """The method, or OTHER for one that a caller made up."""
    return method if method in _METHODS else "OTHER"


_children: Final[dict[_Requests, None]] = {}
_writing: Final = threading.Lock()


@lru_cache(maxsize=1_024)  # callers make methods up
def _request_child(method: str, route: str, status_class: int, found: str) -> _Requests:
    child = _requests.labels(method_label(method), route, _CLASSES[status_class], found)
    _children[child] = None
    return child


def counter_of_kept(route: str) -> Callable[[float], None]:
    """What counts, at little cost, a GET of a route's template that a process's own store answers, by its seconds."""
    return _request_child("GET", route, 2, "memory").later


def count_request(method: str, route: str, status: int, found: str, seconds: float) -> None:
    """Count a request to a route's template that was found in a store, or not; the first of a kind costs more.

    `status` is below 600. What was looked up in the stores is to be seen once `write_down` has been called: who looks
    them up calls it often.
    """
    child = _request_child(method, route, status // 100, found)
    if found == NOT_LOOKED_UP:
        child.observe(seconds)
    else:
        child.later(seconds)


def write_down() -> None:
    """Let all workers see what this one has counted; to be called often."""
    with _writing:
        for child in tuple(_children):
            child.write()


def count_render(name: str) -> None:
    """Count a document written down in the format of that name."""
    _render_child(name).inc()


@cache
def _render_child(name: str) -> Counter:
    return _renders.labels(name)


def count_hook_fault(plugin: str, hook: str) -> None:
    """Count a fault of a plugin's hook."""
    _hook_faults.labels(plugin, hook).inc()


def count_redis_fault(kind: str) -> None:
    """Count an exchange with Redis that failed, by the kind of error."""
    _redis_faults.labels(kind).inc()


atexit.register(write_down)


def exposition(jobs: Look = lambda: None) -> tuple[bytes, str]:
    """The counts of all workers, and how the jobs are, as Prometheus reads them, and their media type."""
    write_down()
    return generate_latest(_registry()) + generate_latest(_Background(jobs)), CONTENT_TYPE_LATEST


def of_jobs(found: Sequence[States], now: datetime) -> Iterator[GaugeMetricFamily]:
    """What is said of jobs, by kind, at a moment."""
    states = GaugeMetricFamily("coachkit_jobs", "Jobs of the background by their state", labels=("kind", "state"))
    oldest = GaugeMetricFamily(
        "coachkit_jobs_oldest_due_seconds", "How long the oldest job that is due has been so", labels=("kind",)
    )
    for each in found:
        for state in ("waiting", "due", "running", "failed"):
            states.add_metric((each.kind, state), getattr(each, state))
        age = now - each.oldest if each.oldest else timedelta()
        oldest.add_metric((each.kind,), age.total_seconds())
    yield from (states, oldest)


class _Background(Collector):
    """Looks at the jobs at each scrape; says nothing of them where the database does not."""

    def __init__(self, jobs: Look) -> None:
        self._jobs = jobs

    def collect(self) -> Iterator[Metric]:
        found = self._jobs()
        if found is not None:
            yield from of_jobs(found, datetime.now(UTC))


def _registry() -> CollectorRegistry:
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry
