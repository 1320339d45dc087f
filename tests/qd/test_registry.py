import math

import pytest

from debate_env.errors import InputError
from debateqd.qd.registry import Registry


@pytest.fixture
def registry():
    made = Registry("colour")
    made.register("red", 1)
    made.register("green", 2)
    return made


def test_get_and_names(registry):
    assert registry.get("green") == 2
    assert registry.names() == ("red", "green")


def test_import_path_reaches_parts_outside_the_repository(registry):
    assert registry.get("math:pi") == math.pi
    assert registry.get("os:path.sep") == "/"


@pytest.mark.parametrize("name", ["math:tau_of", "no_such_module_here:x", ":x", "math:"])
def test_import_path_that_leads_nowhere(registry, name):
    with pytest.raises(InputError, match="cannot be imported"):
        registry.get(name)


def test_unknown_name_says_what_is_near(registry):
    with pytest.raises(InputError, match=r"unknown colour 'gren': did you mean 'green'\?.*red"):
        registry.get("gren")


@pytest.mark.parametrize("name", ["red", "", "a:b"])
def test_unusable_registrations(registry, name):
    with pytest.raises(ValueError, match="colour"):
        registry.register(name, 3)
