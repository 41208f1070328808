"""What CoachKit itself offers arrives through the hooks, as a plugin's does."""

import inspect

import pytest
from publishing import DIRECTIVES, SLUG, example, organisation, publish

from coachkit.app import create_app
from coachkit.cli.installation import Installation, plugins
from coachkit.documents import core_formats
from coachkit.editions.publish import Tools
from coachkit.hooks import core, manager, specs
from coachkit.hooks.dispatch import Dispatch
from coachkit.hooks.types import ContentPack, Directive, Format
from coachkit.settings import Settings

THEIRS = """
    from pathlib import Path

    @hookimpl
    def coachkit_content_packs():
        return [ContentPack(Path(__file__).parent)]

    @hookimpl
    def coachkit_directives():
        return [Directive("note", {"en": "Note"}), Directive("tip", {"en": "Not CoachKit's"})]
"""


@pytest.fixture
def asked():
    """The dispatch of an application without plugins."""
    return Dispatch(manager.build([], [(core.NAME, core), (core_formats.NAME, core_formats)]))


def test_core_fits_the_hooks(asked):
    """CoachKit's own implementations pass what plugins must pass."""
    assert asked.manager.unusable == ()
    assert [plugin.name for plugin in asked.manager.plugins] == [core.NAME, core_formats.NAME]


def test_packs(asked):
    """The packs of `content/` are offered through the hook, each a folder with a pack.yaml."""
    offered = asked.collect("coachkit_content_packs", ContentPack)
    assert {plugin.name for plugin, _ in offered} == {core.NAME}
    assert "core" in [pack.path.name for _, pack in offered]
    assert all((pack.path / "pack.yaml").is_file() for _, pack in offered)


def test_directives(asked):
    """The six boxes are offered through the hook, each with words in English and Welsh."""
    offered = [directive for _, directive in asked.collect("coachkit_directives", Directive)]
    assert [directive.name for directive in offered] == ["tip", "try-this", "example", "reflect", "caution", "support"]
    assert all(set(directive.labels) == {"en", "cy"} for directive in offered)


def test_formats(asked):
    """CoachKit's own formats are offered through the hook, JSON first, which is the default."""
    assert [each.name for _, each in asked.collect("coachkit_formats", Format)] == [
        "json",
        "html",
        "markdown",
        "text",
        "email",
    ]


def test_plugins_packs_are_offered_with_ours(install, tmp_path):
    """A plugin's packs and directives arrive as CoachKit's own do, before them and in their place, with their maker."""
    module = install("notes", THEIRS)
    here = Installation(Settings(database_url="sqlite:///x", secret_key=bytes(32)), None, plugins(("notes",)))
    assert here.packs()[0] == tmp_path / module
    assert core.content_folder() / "core" in here.packs()
    assert [(maker, each.name) for maker, each in here.tools.directives][:3] == [
        ("notes@1.2.3", "note"),
        ("notes@1.2.3", "tip"),
        ("coachkit-core@0.1.0", "try-this"),
    ]
    assert here.tools.plugins == {"notes": "1.2.3"}


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_formats_of_plugins(install, database):
    """A plugin's formats are offered where its organisation enabled it, and never in place of CoachKit's own."""
    source = """
        @hookimpl
        def coachkit_formats():
            return [Format("json", "text/x-json", lambda _: b"theirs"), Format("notes", "text/x-notes", lambda _: b"")]
    """
    install("notes", source)
    example(database)
    organisation(database, "harbour")
    organisation(database, plugins=["notes"])
    publish(database, "harbour")
    publish(database, tools=Tools(DIRECTIVES, {"notes": "1.2.3"}))
    settings = Settings(database_url=database.url, secret_key=bytes(32), plugins=("notes",))
    services = create_app(settings).extensions["coachkit"]

    def offered(slug):
        served = services.pointers.channel(slug, "live")
        return {each.name: plugin.name for plugin, each in services.reader.offered(served.shape, "module")}

    ours = dict.fromkeys(("json", "html", "markdown", "text", "email"), core_formats.NAME)
    assert offered("harbour") == ours
    assert offered(SLUG) == ours | {"notes": "notes"}
    services.pointers.stop()
    services.database.dispose()


def test_every_hook_is_in_one_scope():
    """Every specification is listed in just one scope, and says in its docstring which."""
    written = [name for name, each in vars(specs).items() if inspect.isfunction(each) and name.startswith("coachkit_")]
    assert sorted(specs.HOOKS) == sorted(written)
    assert not set(specs.INSTALLATION) & set(specs.ORGANISATION)
    for name in specs.HOOKS:
        scope = "installation" if name in specs.INSTALLATION else "organisation"
        assert f"Scope: {scope}." in getattr(specs, name).__doc__
