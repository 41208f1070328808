"""The house put together: one application, from the inside out.

    request ids, metrics, logs   →   fast lane   →   Flask   →   views

Nothing that owns a socket, a file or a thread is made here: it is made on first use, in the process that uses it.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

import flask
from werkzeug.middleware.proxy_fix import ProxyFix

from coachkit import __version__
from coachkit import settings as settings_module
from coachkit.api import (
    access,
    answers,
    audit,
    background,
    changes,
    channels,
    converters,
    documents,
    drafts,
    editions,
    hostnames,
    keys,
    limiting,
    logs,
    managing,
    metrics,
    operations,
    organisations,
    overlay,
    packs,
    pages,
    previews,
    readiness,
    reference,
    requests,
    schedules,
    search,
    templates,
)
from coachkit.api import settings as chosen
from coachkit.api.access import Gate
from coachkit.api.fastlane import Fastlane
from coachkit.api.reading import Reader
from coachkit.api.routes import Routes
from coachkit.api.services import EXTENSION, Services
from coachkit.api.smorest import Api
from coachkit.cache.shared_limits import SharedCounts
from coachkit.cache.store import MemoryStore
from coachkit.db.database import SERVING, Database
from coachkit.documents import core_formats
from coachkit.editions.library import Library
from coachkit.editions.pointers import Pointers
from coachkit.editions.publish import Tools
from coachkit.errors import SettingsError
from coachkit.hooks import core, manager
from coachkit.hooks.dispatch import Dispatch
from coachkit.hooks.types import Format
from coachkit.organisations import peppers
from coachkit.organisations.keyring import Keyring
from coachkit.organisations.quotas import Quotas
from coachkit.search.shelf import Shelf
from coachkit.settings import Settings

if TYPE_CHECKING:
    from coachkit.cache.shared import SharedStore

RESOURCES = (
    organisations.blueprint,
    documents.blueprint,
    search.blueprint,
    changes.blueprint,
    templates.blueprint,
    packs.blueprint,
    chosen.blueprint,
    drafts.blueprint,
    previews.blueprint,
    editions.blueprint,
    channels.blueprint,
    keys.blueprint,
    schedules.blueprint,
    audit.blueprint,
    hostnames.blueprint,
    overlay.blueprint,
)


def create_app(settings: Settings | None = None) -> flask.Flask:
    """The application with its settings, or with those of the environment. Raises SettingsError."""
    settings = settings or settings_module.load()
    logs.configure()
    app = flask.Flask("coachkit", static_folder=None)
    app.json.sort_keys = False  # type: ignore[attr-defined]
    services = _services(app, settings)
    access.register(app, services.gate, services.pointers)
    managing.register(app)
    converters.register(app)
    limiting.register(app)
    app.extensions[EXTENSION] = services
    _add_routes(app, services, settings)
    _add_layers(app, services, settings)
    return app


def _services(app: flask.Flask, settings: Settings) -> Services:
    database = Database(settings.database_url, SERVING)
    dispatch = Dispatch(
        manager.build(settings.plugins, [(core.NAME, core), (core_formats.NAME, core_formats)]),
        on_fault=metrics.count_hook_fault,
    )
    offered = dispatch.collect("coachkit_formats", Format)
    plugins = {plugin.name: plugin.version for plugin in dispatch.manager.plugins if not plugin.core}
    library = Library(database)
    pointers = Pointers(database, library, on_round=metrics.write_down)
    reader = Reader(pointers, offered, plugins, settings.public_url)
    seasoned = peppers.of(settings)
    shared = _shared(settings)
    keyring = Keyring(database, pointers, seasoned, time.time)
    counted = limiting.limits(settings, settings_module.processes(), SharedCounts(shared) if shared else None)
    indexes = Shelf()
    pointers.on_erased(lambda _: indexes.clear())
    return Services(
        database=database,
        library=library,
        pointers=pointers,
        reader=reader,
        dispatch=dispatch,
        secret=settings.secret_key,
        keyring=keyring,
        gate=Gate(keyring, counted),
        peppers=seasoned,
        settings=settings,
        tools=Tools(dispatch.directives(), plugins),
        quotas=Quotas.of(settings),
        api=Api(app, spec_kwargs={"servers": [{"url": settings.public_url or "/"}]}),
        limits=counted,
        shared=shared,
        store=MemoryStore(settings.cache_bytes),
        indexes=indexes,
    )


def _shared(settings: Settings) -> SharedStore | None:
    """The store that workers share, where there is to be one; redis-py is imported by those who use it."""
    if settings.redis_url is None:
        return None
    try:
        from coachkit.cache.link import Link
        from coachkit.cache.shared import SharedStore
    except ModuleNotFoundError as error:
        raise SettingsError(f"redis_url wants {error.name}: pip install 'coachkit[redis]'") from None
    try:
        link = Link(settings.redis_url)
    except ValueError as error:
        raise SettingsError(f"redis_url cannot be read: {error}") from None
    return SharedStore(link, settings.secret_key, __version__, metrics.count_redis_fault)


def _add_routes(app: flask.Flask, services: Services, settings: Settings) -> None:
    converters.describe(services.api)
    documents.describe(services.api)
    for blueprint in RESOURCES:
        services.api.register_blueprint(blueprint)
    app.register_blueprint(pages.blueprint())
    app.register_blueprint(reference.blueprint(services.api))
    app.register_blueprint(
        operations.blueprint(
            readiness.checks(services),
            background.look(services.database),
            metrics_token=settings.metrics_token,
            trusted_proxies=settings.trusted_proxies,
        )
    )
    services.routes = Routes(app, services.api.queries)


def _add_layers(app: flask.Flask, services: Services, settings: Settings) -> None:
    requests.register(app)
    assert services.routes is not None  # noqa: S101 set a moment ago
    lane = Fastlane(
        app.wsgi_app,
        services.routes,
        services.reader,
        services.store,
        services.gate,
        plainly=partial(answers.plainly, services),
        shared=services.shared,
        log_hits=settings.log_hits,
    )
    services.pointers.on_erased(lane.forget)
    watched = requests.watch(lane, log_hits=settings.log_hits)
    proxies = settings.trusted_proxies
    app.wsgi_app = ProxyFix(watched, x_for=proxies, x_proto=proxies) if proxies else watched  # type: ignore[method-assign, assignment]
