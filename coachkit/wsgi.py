"""`coachkit.wsgi:app` is the application, fast lane included, for any WSGI server."""

from __future__ import annotations

import os

from coachkit.settings import load

settings = load()
if settings.metrics_dir is not None:
    # prometheus_client reads it once, when it is imported, which importing the application does.
    settings.metrics_dir.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", str(settings.metrics_dir))

from coachkit.app import create_app  # noqa: E402 see above

app = create_app(settings)
