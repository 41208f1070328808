"""The routes whose answers may be kept: which path is which route's, whoever asks."""

import pytest
from appmaker import services_of

from coachkit.api.reading import cacheable
from coachkit.api.routes import Routes


def test_paths_match_alike_whoever_asked_first(portal):
    """A path leads to the same route and values whether its end was met before, with whatever organisation, or not."""
    app = portal.app()
    known, digest = services_of(app).routes, "sha256:" + "0" * 64
    ends = ["", "/modules", "/modules/first-hour", "/modules/", "/no-such/thing", f"/editions/{digest}/modules/a", "//"]
    starts = ["/v1/orgs/", "/v1/orgs", "/v1/", "//v1/orgs/", "/v2/orgs/"]
    paths = [f"{start}{slug}{end}" for end in ends for slug in ("a", "orgs", "b|c", "\u00e9", "") for start in starts]
    for path in (*paths, *reversed(paths)):
        fresh = Routes(app, services_of(app).api.queries).match(path)
        found = known.match(path)
        assert (found and (found[0].rule, found[1])) == (fresh and (fresh[0].rule, fresh[1])), path


def test_cacheable_routes_begin_with_an_organisation(portal):
    """A route that does not begin with an organisation's address cannot be cacheable, and that is said at once."""
    app = portal.app()
    app._got_first_request = False  # noqa: SLF001 Flask's own leave to add a route
    view = cacheable()(lambda organisation: organisation)
    app.add_url_rule("/elsewhere/<slug:organisation>", "elsewhere", view)
    with pytest.raises(ValueError, match="organisation's address"):
        Routes(app, services_of(app).api.queries)
