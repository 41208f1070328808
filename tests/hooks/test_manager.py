import sys

import pytest

from coachkit import __version__, hookimpl
from coachkit.hooks import core
from coachkit.hooks.manager import Unusable, build

DIRECTIVE = """
    @hookimpl
    def coachkit_directives():
        return [Directive("note", {"en": "Note"})]
"""


class Own:
    """An implementation as CoachKit's own modules are."""

    @staticmethod
    @hookimpl
    def coachkit_directives():
        return []


def why(manager, name):
    """Why a plugin is not used; that it is not is asserted."""
    assert name not in [plugin.name for plugin in manager.plugins]
    (found,) = [each for each in manager.unusable if each.name == name]
    return found.reason


def test_installed_and_allowed(install):
    """An installed plugin that is allowed is used, with its entry point's name and its package's version."""
    module = install("notes", DIRECTIVE, version="2.0.1")
    (plugin,) = build(["notes"], []).plugins
    assert (plugin.name, plugin.version, plugin.label, plugin.core) == ("notes", "2.0.1", "notes@2.0.1", False)
    assert plugin.implementation is sys.modules[module]


def test_not_allowed_is_not_imported(install):
    """What is installed and not allowed is not even imported."""
    install("notes", DIRECTIVE)
    other = install("spy", "raise SystemExit('imported')")
    manager = build(["notes"], [])
    assert [plugin.name for plugin in manager.plugins] == ["notes"]
    assert manager.unusable == ()
    assert other not in sys.modules


def test_order(install):
    """Plugins are asked by name, whatever the order they are allowed or installed in, CoachKit's own last."""
    for name in ("zeta", "alpha", "mid"):
        install(name, DIRECTIVE)
    own = [("coachkit-core-b", Own()), ("coachkit-core-a", Own())]
    names = ["alpha", "mid", "zeta", "coachkit-core-a", "coachkit-core-b"]
    for allowed in (["zeta", "alpha", "mid"], ["mid", "zeta", "alpha", "zeta"]):
        manager = build(allowed, own)
        assert [plugin.name for plugin in manager.plugins] == names
        assert [plugin.name for plugin, _ in manager.implementations("coachkit_directives")] == names


def test_only_those_who_implement_a_hook(install):
    """Only plugins that implement a hook are asked for it."""
    install("notes", DIRECTIVE)
    manager = build(["notes"], [(core.NAME, core)])
    assert [plugin.name for plugin, _ in manager.implementations("coachkit_content_packs")] == [core.NAME]
    assert manager.implementations("coachkit_formats") == []


def test_core_carries_coachkits_version():
    """CoachKit's own implementations have its version."""
    (plugin,) = build([], [(core.NAME, core)]).plugins
    assert (plugin.version, plugin.core) == (__version__, True)


@pytest.mark.parametrize("attribute", [":plugin", ":Plugin"])
def test_objects_and_classes(install, attribute):
    """An entry point may name an object, or a class that is made without arguments."""
    source = """
        class Plugin:
            @hookimpl
            def coachkit_directives(self):
                return [Directive("note", {"en": "Note"})]
        plugin = Plugin()
    """
    install("notes", source, attribute=attribute)
    manager = build(["notes"], [])
    ((_, function),) = manager.implementations("coachkit_directives")
    assert [directive.name for directive in function()] == ["note"]


def test_not_installed(install):
    """An allowed plugin that no package offers is reported, with the nearest that one does."""
    install("notes", DIRECTIVE)
    manager = build(["nots", "quite-different"], [])
    assert why(manager, "nots") == "no installed package offers it; did you mean “notes”?"
    assert why(manager, "quite-different") == "no installed package offers it"


def test_two_packages_offer_one_name(install):
    """A name that two installed packages offer is neither's: which of them runs must not depend on the path."""
    install("notes", DIRECTIVE)
    install("notes", DIRECTIVE)
    reason = why(build(["notes"], []), "notes")
    assert reason.startswith("several installed packages offer it: installed_plugin_")


def test_names_of_our_own(install):
    """No installed plugin takes a name that is for CoachKit's own implementations."""
    module = install("coachkit-core-extra", DIRECTIVE)
    manager = build(["coachkit-core-extra"], [(core.NAME, core)])
    assert why(manager, "coachkit-core-extra") == "names that begin with coachkit-core are CoachKit's own"
    assert module not in sys.modules


@pytest.mark.parametrize(
    ("source", "attribute", "words"),
    [
        ("import nothing_of_that_name", "", "it cannot be imported: ModuleNotFoundError"),
        ("1 / 0", "", "it cannot be imported: ZeroDivisionError: division by zero"),
        ("raise SystemExit(3)", "", "it cannot be imported: SystemExit: 3"),
        ("def broken(:", "", "it cannot be imported: SyntaxError"),
        ("", ":missing", "it cannot be imported: AttributeError"),
        ("class Plugin:\n    def __init__(self, needed): ...", ":Plugin", "TypeError"),
        ("class Plugin:\n    def __init__(self): raise SystemExit(3)", ":Plugin", "SystemExit: 3"),
    ],
)
def test_import_faults(install, source, attribute, words):
    """A plugin that cannot be imported or made is reported, and the others are used."""
    install("broken", source, attribute=attribute)
    install("notes", DIRECTIVE)
    manager = build(["broken", "notes"], [])
    assert words in why(manager, "broken")
    assert [plugin.name for plugin in manager.plugins] == ["notes"]


WRAPPER = """
    @hookimpl({options})
    def coachkit_directives():
        {body}
"""


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (WRAPPER.format(options="wrapper=True", body="return (yield)"), "coachkit_directives is a wrapper"),
        (WRAPPER.format(options="hookwrapper=True", body="yield"), "coachkit_directives is a wrapper"),
        (
            "@hookimpl\ndef coachkit_directive():\n    return []",
            "coachkit_directive is no hook; did you mean “coachkit_directives”?",
        ),
        ("@hookimpl\ndef content_packs():\n    return []", "content_packs is no hook"),
        (
            "def coachkit_formatz():\n    return []",
            "coachkit_formatz is no hook; did you mean “coachkit_formats”?",
        ),
        (
            "@hookimpl(specname='coachkit_directives')\ndef boxes():\n    return []",
            "boxes uses specname; name the function after its hook",
        ),
        (
            "@hookimpl\ndef coachkit_directives(extra=()):\n    return []",
            "coachkit_directives has an argument with a default, which would never be passed",
        ),
        ("@hookimpl\ndef coachkit_directives(request):\n    return []", "it does not fit the hooks"),
        ("def coachkit_directives():\n    return []", "coachkit_directives is not marked with @hookimpl"),
        ("coachkit_directives = []", "coachkit_directives is not marked with @hookimpl"),
    ],
)
def test_refused_implementations(install, source, words):
    """Wrappers, misspelt hooks, `specname`, arguments that would never be passed: left out whole, and reported."""
    good = "\n@hookimpl\ndef coachkit_content_packs():\n    return []\n"
    install("wrong", source + good if not source.startswith("\n") else source)
    install("notes", DIRECTIVE)
    manager = build(["notes", "wrong"], [])
    assert words in why(manager, "wrong")
    assert [plugin.name for plugin in manager.plugins] == ["notes"]


@pytest.mark.parametrize("error", ["RuntimeError('no')", "SystemExit(3)"])
def test_hostile_attributes(install, error):
    """A plugin whose attributes raise when they are looked at is reported, and the others are used."""
    source = f"""
        class Plugin:
            def __dir__(self):
                raise {error}
        plugin = Plugin()
    """
    install("wrong", source, attribute=":plugin")
    install("notes", DIRECTIVE)
    manager = build(["notes", "wrong"], [])
    assert "it does not fit the hooks" in why(manager, "wrong")
    assert [plugin.name for plugin in manager.plugins] == ["notes"]


def test_modules_are_no_misspelt_hooks(install):
    """A plugin may import modules whose names begin as hooks' do, as its own package's may."""
    source = """
        import json as coachkit_notes_helpers
        @hookimpl
        def coachkit_directives():
            return []
    """
    install("notes", source)
    assert build(["notes"], []).unusable == ()


def test_nothing_is_shared(install):
    """Each application has a manager of its own; what one refuses another may use."""
    install("notes", DIRECTIVE)
    assert build([], []).plugins == ()
    assert len(build(["notes"], []).plugins) == 1
    assert build(["nots"], []).unusable == (Unusable("nots", "no installed package offers it; did you mean “notes”?"),)
