"""FastAPI as its users would write it: a view that finds a row in SQLite and answers through a response model.

BENCH_DATABASE is the database that `drf.py` made. Each thread keeps its connection; uvicorn comes with uvloop and
httptools.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from typing import Any

from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, Json


class Section(BaseModel):
    """A section of a module."""

    id: str
    title: str
    locale: str
    html: str
    markdown: str


class Named(BaseModel):
    """What a module points at."""

    kind: str
    id: str
    title: str


class Module(BaseModel):
    """A module as readers get it."""

    kind: str
    id: str
    pack: str
    version: str
    locale: str
    title: str
    summary: str
    topics: list[str]
    stages: list[str]
    audience: list[str]
    fallback: dict[str, str]
    sensitive: bool
    jurisdiction: str | None
    last_reviewed: str
    review_by: str
    sections: list[Section]
    related: list[Named]
    support: list[dict[str, Any]]


class Row(BaseModel):
    """A module's row: its JSON as text, parsed and checked."""

    body: Json[Module]


app = FastAPI(docs_url=None, redoc_url=None)
_here = threading.local()
_ROW = "SELECT body FROM bench_module WHERE organisation = ? AND slug = ?"


@app.get("/v1/orgs/{organisation}/modules/{slug}")
def module(organisation: str, slug: str) -> Module:
    """One module."""
    if not hasattr(_here, "connection"):
        _here.connection = sqlite3.connect(os.environ["BENCH_DATABASE"])
    row = _here.connection.execute(_ROW, (organisation, slug)).fetchone()
    if row is None:
        raise HTTPException(404)
    return Row(body=row[0]).body
