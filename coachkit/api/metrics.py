"""What is counted: requests, renderings and faults of plugins. No label names an organisation or a reader.

Owns the metrics and their text. With `PROMETHEUS_MULTIPROC_DIR` in the environment before this is imported, all
workers' counts are brought together there; every metric has labels, so that no file is opened before a worker
has something to count. Floors below count through the functions here, handed to them as arguments.
"""

from __future__ import annotations

import os
from functools import cache
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
_CLASSES: Final = ("0xx", "1xx", "2xx", "3xx", "4xx", "5xx")

_requests: Final = Histogram(
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


@cache
def _request_child(method: str, route: str, status_class: int, found: str) -> Histogram:
    return _requests.labels(method, route, _CLASSES[status_class], found)


def count_request(method: str, route: str, status: int, found: str, seconds: float) -> None:
    """Count a request to a route's template that the cache answered as `found` says; the first of a kind costs more.

    `method` is one that `method_label` gave, and `status` is below 600.
    """
    _request_child(method, route, status // 100, found).observe(seconds)


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


def exposition() -> tuple[bytes, str]:
    """The counts of all workers as Prometheus reads them, and their media type."""
    return generate_latest(_registry()), CONTENT_TYPE_LATEST


def _registry() -> CollectorRegistry:
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry
