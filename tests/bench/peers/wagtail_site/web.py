"""The site's settings, its address and its application.

`python -m wagtail_site.web` makes the database that BENCH_DATABASE names, with a page that has the sections of the
JSON that BENCH_BODY names, and prints the page's address. DEBUG is off, and there is no middleware but the one that an
API needs.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import django
from django.conf import settings

WAGTAIL = ("api.v2", "users", "documents", "images", "search", "admin")

settings.configure(
    DEBUG=False,
    SECRET_KEY="nothing is signed",  # noqa: S106
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    USE_TZ=True,
    LANGUAGE_CODE="en-gb",
    STATIC_URL="/static/",
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    WAGTAIL_SITE_NAME="bench",
    WAGTAILADMIN_BASE_URL="http://127.0.0.1",
    INSTALLED_APPS=[
        "wagtail_site",
        *(f"wagtail.{each}" for each in WAGTAIL),
        "wagtail",
        "modelcluster",
        "taggit",
        "rest_framework",
        "django.contrib.contenttypes",
        "django.contrib.auth",
    ],
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": os.environ["BENCH_DATABASE"],
            "CONN_MAX_AGE": None,
        }
    },
    REST_FRAMEWORK={
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
        "DEFAULT_AUTHENTICATION_CLASSES": [],
        "DEFAULT_PERMISSION_CLASSES": [],
        "UNAUTHENTICATED_USER": None,
    },
)
django.setup()

from django.core.management import call_command  # noqa: E402 models need what stands above
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.urls import path  # noqa: E402
from wagtail.api.v2.router import WagtailAPIRouter  # noqa: E402
from wagtail.api.v2.views import PagesAPIViewSet  # noqa: E402
from wagtail.models import Page, Site  # noqa: E402

from wagtail_site.models import ModulePage  # noqa: E402

router = WagtailAPIRouter("wagtailapi")
router.register_endpoint("pages", PagesAPIViewSet)
urlpatterns = [path("api/v2/", router.urls)]
app = get_wsgi_application()


def make() -> str:
    """Make the database, and give the path of the page in it."""
    call_command("migrate", verbosity=0)
    sections = json.loads(Path(os.environ["BENCH_BODY"]).read_bytes())["sections"]
    values = [
        {"type": "section", "value": {name: each[name] for name in ("title", "html", "markdown")}} for each in sections
    ]
    home = Page.objects.get(pk=Site.objects.get(is_default_site=True).root_page_id)
    page = home.add_child(instance=ModulePage(title="A module", slug="module", body=json.dumps(values)))
    return f"/api/v2/pages/{page.pk}/"


if __name__ == "__main__":
    sys.stdout.write(make())
