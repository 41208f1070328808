"""The page's table."""

from __future__ import annotations

from django.db import migrations, models
from wagtail.fields import StreamField

from wagtail_site.models import Section

_PAGE = "wagtailcore.page"


class Migration(migrations.Migration):
    """After Wagtail's own tables, with its first page."""

    initial = True
    dependencies = (("wagtailcore", "__latest__"),)
    operations = (
        migrations.CreateModel(
            "ModulePage",
            [
                ("page_ptr", models.OneToOneField(_PAGE, models.CASCADE, parent_link=True, primary_key=True)),
                ("body", StreamField([("section", Section())])),
            ],
            bases=(_PAGE,),
        ),
    )
