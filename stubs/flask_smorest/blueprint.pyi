# Decorators that both check what goes through a view and describe it.

from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, ClassVar, ParamSpec, TypeAlias, TypeVar

import flask
from apispec import APISpec
from marshmallow import Schema
from webargs.flaskparser import FlaskParser
from werkzeug import Response

_P = ParamSpec("_P")
_R = TypeVar("_R")
_View = TypeVar("_View", bound=Callable[..., Any])
_Doc: TypeAlias = Mapping[str, Any]
_Status: TypeAlias = int | str | HTTPStatus
_DocSchema: TypeAlias = type[Schema] | Schema | str | _Doc

class Blueprint(flask.Blueprint):
    ARGUMENTS_PARSER: ClassVar[FlaskParser]
    DEFAULT_LOCATION_CONTENT_TYPE_MAPPING: ClassVar[dict[str, str]]
    HTTP_METHODS: ClassVar[list[str]]

    description: str
    # For subclasses: by endpoint, and in it by method in lower case or "parameters", what decorators noted down.
    _docs: dict[str, dict[str, Any]]
    # For subclasses: what describes an operation, in turn, from what there is of it and what decorators noted down.
    _prepare_doc_cbks: list[Callable[..., dict[str, Any]]]

    # The keyword arguments are flask.Blueprint's.
    def __init__(self, name: str, import_name: str, *, description: str = "", **kwargs: Any) -> None: ...
    def route(
        self,
        rule: str,
        *,
        parameters: Sequence[str | _Doc] | None = None,
        tags: Sequence[str] | None = None,
        **options: Any,
    ) -> Callable[[_View], _View]: ...

    # What is parsed is handed to the view as one more argument, so the two signatures differ.
    def arguments(
        self,
        schema: type[Schema] | Schema,
        *,
        location: str = "json",
        content_type: str | None = None,
        required: bool = True,
        description: str | None = None,
        example: _Doc | None = None,
        examples: _Doc | None = None,
        **kwargs: Any,
    ) -> Callable[[Callable[..., _R]], Callable[..., _R]]: ...
    def response(
        self,
        status_code: _Status,
        schema: _DocSchema | None = None,
        *,
        content_type: str | None = None,
        description: str | None = None,
        example: _Doc | None = None,
        examples: _Doc | None = None,
        headers: _Doc | None = None,
    ) -> Callable[[Callable[_P, Any]], Callable[_P, Response]]: ...
    def alt_response(
        self,
        status_code: _Status,
        response: str | None = None,
        *,
        schema: _DocSchema | None = None,
        content_type: str | None = None,
        description: str | None = None,
        example: _Doc | None = None,
        examples: _Doc | None = None,
        headers: _Doc | None = None,
        success: bool = False,
    ) -> Callable[[Callable[_P, _R]], Callable[_P, _R]]: ...
    @staticmethod
    def doc(**kwargs: Any) -> Callable[[Callable[_P, _R]], Callable[_P, _R]]: ...

    # What Api.register_blueprint calls: it knows the blueprint by another name, if it was registered by one.
    def register_views_in_doc(
        self, api: object, app: flask.Flask, spec: APISpec, *, name: str, parameters: Sequence[_Doc] | None
    ) -> None: ...
