"""The floor of a flask-smorest application: one documented view that does nothing."""

from __future__ import annotations

import flask
import flask_smorest

blueprint = flask_smorest.Blueprint("empty", __name__)


@blueprint.route("/")
@blueprint.response(200)
def empty() -> dict[str, str]:
    """Nothing."""
    return {}


app = flask.Flask("empty")
app.config.update(API_TITLE="Empty", API_VERSION="1", OPENAPI_VERSION="3.1.0")
flask_smorest.Api(app).register_blueprint(blueprint)
