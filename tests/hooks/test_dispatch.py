import threading
from types import SimpleNamespace

import pytest
from structlog.testing import capture_logs

from coachkit.hooks.dispatch import FAULTS_BEFORE_QUARANTINE, Dispatch, Fault
from coachkit.hooks.manager import Manager, Plugin, Unusable
from coachkit.hooks.types import ContentPack, Directive

HOOK = "coachkit_directives"
NOTE = Directive("note", {"en": "Note"})
TIP = Directive("tip", {"en": "Tip"})


def plugin(name, function, hook=HOOK):
    return Plugin(name, "1.0.0", SimpleNamespace(**{hook: function}))


def dispatch(*plugins, **kwargs):
    return Dispatch(Manager(plugins, ()), **kwargs)


def names(contributions):
    return [(contributor.name, directive.name) for contributor, directive in contributions]


def good(value=TIP):
    return lambda: [value]


class Liar:
    """Says that it is a Directive, and is none."""

    __class__ = Directive  # type: ignore[assignment]


class Raising:
    """Raises whatever is asked of it."""

    @property
    def __class__(self):
        raise RuntimeError

    def __bool__(self):
        raise RuntimeError

    def __iter__(self):
        raise RuntimeError

    def __repr__(self):
        raise RuntimeError


class Wordless(Exception):
    """An error that cannot say what it is."""

    def __str__(self):
        raise RuntimeError


def raises(error):
    def function():
        raise error

    return function


def midway():
    yield NOTE
    raise ZeroDivisionError


def exits():
    yield NOTE
    raise SystemExit(3)


def test_contributions_with_their_plugins():
    """Every value comes with the plugin that it is from, in the manager's order and each plugin's own."""
    asked = dispatch(plugin("a", lambda: [TIP, NOTE]), plugin("b", good()))
    assert names(asked.collect(HOOK, Directive)) == [("a", "tip"), ("a", "note"), ("b", "tip")]


@pytest.mark.parametrize(
    "values", [[NOTE], (NOTE,), {NOTE.name: NOTE}.values(), iter([NOTE])], ids=["list", "tuple", "view", "iterator"]
)
def test_any_iterable(values):
    """What a hook returns may be any iterable."""
    assert names(dispatch(plugin("a", lambda: values)).collect(HOOK, Directive)) == [("a", "note")]


def test_nothing_to_contribute():
    """A plugin that returns None contributes nothing, and that is no fault."""
    faults = []
    asked = dispatch(plugin("a", lambda: None), on_fault=lambda *fault: faults.append(fault))
    assert asked.collect(HOOK, Directive) == []
    assert faults == []


@pytest.mark.parametrize(
    "function",
    [
        raises(ZeroDivisionError()),
        raises(SystemExit(3)),
        raises(GeneratorExit()),
        raises(BaseException("odd")),
        raises(Wordless()),
        midway,
        exits,
        lambda: 5,
        lambda: "note",
        lambda: NOTE,
        Raising,
        lambda: [Raising()],
        lambda: [Liar()],
        lambda: [NOTE, "note"],
        lambda: [NOTE, None],
        lambda: [Directive],
        lambda: [ContentPack],
        lambda: {"note": NOTE},
        lambda needed: [needed],
        5,
    ],
)
def test_a_fault_harms_only_its_own(function):
    """Whatever a plugin does, its own contribution is left out whole, those of others are there, and it is counted."""
    faults = []
    asked = dispatch(
        plugin("a", good()), plugin("b", function), plugin("c", good()), on_fault=lambda *each: faults.append(each)
    )
    with capture_logs() as logs:
        found = asked.collect(HOOK, Directive)
    assert names(found) == [("a", "tip"), ("c", "tip")]
    assert faults == [("b", HOOK)]
    assert [(entry["plugin"], entry["hook"], entry["log_level"]) for entry in logs] == [("b", HOOK, "error")]


def test_keyboard_interrupt_is_the_operators():
    """Ctrl-C is not a plugin's fault and is let through."""
    with pytest.raises(KeyboardInterrupt):
        dispatch(plugin("a", raises(KeyboardInterrupt()))).collect(HOOK, Directive)


def test_call_checks_what_is_returned():
    """`call` gives a value of the type that is wanted, and raises Fault for any other and for whatever is raised."""
    asked = dispatch()
    author = plugin("a", good())
    assert asked.call(author, "render", bytes.upper, b"a", expected=bytes) == b"A"
    for function in (lambda: "a", lambda: None, Raising, raises(ValueError()), raises(SystemExit())):
        with pytest.raises(Fault, match="a failed in render"):
            asked.call(plugin("a", None), "render", function, expected=bytes)
        asked = dispatch()


def test_quarantine():
    """After repeated faults a plugin is not asked any more; the others are."""
    asks = []

    def function():
        asks.append(1)
        raise ZeroDivisionError

    asked = dispatch(plugin("a", function), plugin("b", good()))
    for number in range(1, FAULTS_BEFORE_QUARANTINE + 3):
        assert names(asked.collect(HOOK, Directive)) == [("b", "tip")]
        assert len(asks) == min(number, FAULTS_BEFORE_QUARANTINE)
        assert asked.quarantined == (("a",) if number >= FAULTS_BEFORE_QUARANTINE else ())


def test_quarantine_counts_across_hooks():
    """Faults in any hook count together, and who is quarantined for one is not asked for another."""
    author = Plugin("a", "1.0.0", SimpleNamespace(coachkit_directives=raises(ValueError()), coachkit_formats=good()))
    asked = dispatch(author)
    for _ in range(FAULTS_BEFORE_QUARANTINE):
        asked.collect(HOOK, Directive)
    assert asked.collect("coachkit_formats", Directive) == []
    with pytest.raises(Fault, match="quarantined"):
        asked.call(author, "render", bytes.upper, b"a", expected=bytes)


def test_quarantine_is_of_one_application():
    """What one application quarantines another one still asks."""
    author = plugin("a", raises(ValueError()))
    first, second = dispatch(author), dispatch(author)
    for _ in range(FAULTS_BEFORE_QUARANTINE):
        first.collect(HOOK, Directive)
    assert (first.quarantined, second.quarantined) == (("a",), ())


def test_faults_of_many_threads_are_all_counted():
    """Faults at once in several threads are each counted."""
    faults = []
    start = threading.Barrier(FAULTS_BEFORE_QUARANTINE)

    def function():
        start.wait(10)
        raise ValueError

    asked = dispatch(plugin("a", function), on_fault=lambda *fault: faults.append(fault))
    threads = [threading.Thread(target=asked.collect, args=(HOOK, Directive)) for _ in range(FAULTS_BEFORE_QUARANTINE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(faults) == FAULTS_BEFORE_QUARANTINE
    assert asked.quarantined == ("a",)


def test_core_is_not_quarantined():
    """CoachKit's own errors are ours to see: they are raised, and nothing of it is ever left out silently."""
    own = plugin("coachkit-core", raises(ZeroDivisionError()))
    asked = dispatch(own)
    for _ in range(FAULTS_BEFORE_QUARANTINE + 1):
        with pytest.raises(ZeroDivisionError):
            asked.collect(HOOK, Directive)
    assert asked.quarantined == ()


def test_unusable_plugins_are_logged():
    """Plugins that were allowed and cannot be used are in the log from the start, with the reason."""
    with capture_logs() as logs:
        Dispatch(Manager((), (Unusable("notes", "it cannot be imported"),)))
    assert [(entry["plugin"], entry["reason"]) for entry in logs] == [("notes", "it cannot be imported")]
