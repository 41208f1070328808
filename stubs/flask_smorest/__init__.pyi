# The part of flask-smorest that CoachKit uses, as its source has it; it ships no types of its own.

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from apispec import APISpec, BasePlugin
from apispec.ext.marshmallow import MarshmallowPlugin
from flask import Flask
from flask.typing import ResponseReturnValue
from marshmallow import Schema
from marshmallow.fields import Field
from webargs.flaskparser import abort as abort
from werkzeug.exceptions import HTTPException
from werkzeug.routing import BaseConverter

from .blueprint import Blueprint as Blueprint

class Api:
    DEFAULT_ERROR_RESPONSE_NAME: ClassVar[str]
    DEFAULT_REQUEST_BODY_CONTENT_TYPE: ClassVar[str]
    DEFAULT_RESPONSE_CONTENT_TYPE: ClassVar[str]
    ERROR_SCHEMA: ClassVar[type[Schema]]

    config: Mapping[str, Any]
    config_prefix: str
    flask_plugin: BasePlugin
    ma_plugin: MarshmallowPlugin
    spec: APISpec  # None until init_app, which everything here needs

    def __init__(
        self, app: Flask | None = None, *, spec_kwargs: dict[str, Any] | None = None, config_prefix: str = ""
    ) -> None: ...
    def init_app(self, app: Flask, *, spec_kwargs: dict[str, Any] | None = None) -> None: ...

    # Any, so that a subclass may insist on its own kind of blueprint.
    def register_blueprint(self, blp: Any, *, parameters: list[Any] | None = None, **options: Any) -> None: ...
    def register_converter(
        self, converter: type[BaseConverter], func: Callable[[BaseConverter], dict[str, Any]]
    ) -> None: ...
    def register_field(self, field: type[Field[Any]], *args: str | type[Field[Any]] | None) -> None: ...
    def handle_http_exception(self, error: HTTPException) -> ResponseReturnValue: ...

    # For subclasses: the app that init_app was given, and what it calls to answer errors and to describe them.
    _app: Flask
    def _register_error_handlers(self) -> None: ...
    def _register_responses(self) -> None: ...
