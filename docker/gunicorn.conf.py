"""The settings that `coachkit web` uses, for a gunicorn started by hand: `gunicorn -c docker/gunicorn.conf.py`.

One copy of them, in the package, so that a container and a laptop cannot drift apart.
"""

from coachkit.cli.gunicorn_conf import *  # noqa: F403 — gunicorn reads its settings from this file's names
