"""Django REST framework as its users would write it: views that find a row in SQLite and render it as JSON.

The plain one has the whole JSON in a field; the other has a column for each of its parts, and a serializer.

`python drf.py` makes the database that BENCH_DATABASE names, with the JSON that BENCH_BODY names in a row of each.
DEBUG is off, sessions, authentication and the browsable API are not installed, and connections stay open.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import django
from django.conf import settings

settings.configure(
    DEBUG=False,
    SECRET_KEY="nothing is signed",  # noqa: S106
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    USE_TZ=True,
    INSTALLED_APPS=["rest_framework"],
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
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

from django.core.wsgi import get_wsgi_application  # noqa: E402 models need what stands above
from django.db import connection, models  # noqa: E402
from django.urls import path  # noqa: E402
from rest_framework.generics import RetrieveAPIView, get_object_or_404  # noqa: E402
from rest_framework.request import Request  # noqa: E402
from rest_framework.response import Response  # noqa: E402
from rest_framework.serializers import ModelSerializer  # noqa: E402
from rest_framework.views import APIView  # noqa: E402


class Module(models.Model):
    """A module as one row: found by its organisation and id, with its JSON beside them."""

    organisation = models.SlugField()
    slug = models.SlugField()
    body = models.JSONField()

    class Meta:
        """Where it is."""

        app_label = "bench"
        unique_together = ("organisation", "slug")

    def __str__(self) -> str:
        return f"{self.organisation}/{self.slug}"


class ModuleView(APIView):
    """One module."""

    def get(self, request: Request, organisation: str, slug: str) -> Response:
        """Its row, as JSON."""
        del request
        return Response(get_object_or_404(Module, organisation=organisation, slug=slug).body)


class DetailedModule(models.Model):
    """A module with a column for each of its parts."""

    organisation = models.SlugField()
    id = models.SlugField(primary_key=True)
    kind = models.SlugField()
    pack = models.SlugField()
    version = models.CharField(max_length=64)
    locale = models.SlugField()
    title = models.CharField(max_length=200)
    summary = models.CharField(max_length=300)
    topics = models.JSONField()
    stages = models.JSONField()
    audience = models.JSONField()
    fallback = models.JSONField()
    sensitive = models.BooleanField()
    jurisdiction = models.CharField(max_length=8, null=True)  # noqa: DJ001 its JSON has null
    last_reviewed = models.DateField()
    review_by = models.DateField()
    sections = models.JSONField()
    related = models.JSONField()
    support = models.JSONField()

    class Meta:
        """Where it is."""

        app_label = "bench"

    def __str__(self) -> str:
        return f"{self.organisation}/{self.id}"


class DetailedModuleSerializer(ModelSerializer):
    """All that readers get."""

    class Meta:
        """Everything but whose it is."""

        model = DetailedModule
        exclude = ("organisation",)


class DetailedModuleView(RetrieveAPIView):
    """One module, through its serializer."""

    queryset = DetailedModule.objects.all()
    serializer_class = DetailedModuleSerializer
    lookup_field = "id"


_PATH = "v1/orgs/<slug:organisation>/modules"
urlpatterns = [
    path(f"{_PATH}/<slug:slug>", ModuleView.as_view()),
    path(f"serialized/{_PATH}/<slug:id>", DetailedModuleView.as_view()),
]
app = get_wsgi_application()

if __name__ == "__main__":
    body = json.loads(Path(os.environ["BENCH_BODY"]).read_bytes())
    with connection.schema_editor() as editor:
        editor.create_model(Module)
        editor.create_model(DetailedModule)
    organisation = os.environ["BENCH_ORGANISATION"]
    Module.objects.create(organisation=organisation, slug=body["id"], body=body)
    DetailedModule.objects.create(organisation=organisation, **body)
