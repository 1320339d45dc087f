"""What all descriptors have in common, those included that need a configuration."""

import pytest

from debate_env.errors import InputError
from debate_env.plug_ins import PlugInError
from debateqd.qd.archive.axes import Bins, Labels, Placement
from debateqd.qd.config.schema import ArchiveConfig
from debateqd.qd.descriptors.base import (
    BASIC,
    DESCRIPTORS,
    make_axes,
    make_descriptors,
    needs_labels,
)
from debateqd.qd.descriptors.clusters import fit_centroids
from debateqd.qd.descriptors.embedding import HashingEmbedder
from debateqd.qd.descriptors.testing import SPOKEN, check_descriptor

ALL = DESCRIPTORS.names()
EDGES = (0.0, 1.0, 2.0, 9.0)


def archive(*axes, **settings):
    named = [{"name": a} if isinstance(a, str) else {"name": a[0], "edges": a[1]} for a in axes]
    return ArchiveConfig.model_validate({"axes": named, **settings})


@pytest.fixture
def centroids(tmp_path):
    path = tmp_path / "centroids.json"
    fit_centroids(HashingEmbedder(), [e.text for e in SPOKEN], 2).write(path)
    return {"embedding": {"centroids": str(path)}}


@pytest.mark.parametrize("name", ALL)
def test_every_descriptor_keeps_the_contract_and_fits_its_axis(name, centroids):
    config = archive(name, **centroids)
    (axis,) = make_axes(config)
    (descriptor,) = [d for d in make_descriptors(config) if d.name == name]
    check_descriptor(descriptor, axis)


def test_only_what_costs_nothing_is_measured_unasked(centroids):
    assert make_descriptors(archive("family")) == BASIC
    labelled = make_descriptors(archive("labelled_family"))
    assert [d.name for d in labelled] == [*(d.name for d in BASIC), "labelled_family"]
    assert needs_labels(archive("labelled_family"))
    assert not needs_labels(archive("family", "length"))
    cluster = make_descriptors(archive("length", "embedding_cluster", **centroids))
    assert [d.name for d in cluster] == [*(d.name for d in BASIC), "embedding_cluster"]


def test_axes_of_a_configuration():
    family, labelled, length = make_axes(
        archive("family", "labelled_family", ("length", (0.0, 10.0)))
    )
    assert isinstance(family, Labels)
    assert isinstance(labelled, Labels)
    assert (family.name, labelled.name) == ("family", "labelled_family")
    assert family.labels == labelled.labels
    assert length == Bins("length", (0.0, 10.0))


class Questions:
    """A descriptor of one's own: questions per speech."""

    name = "questions"
    units = ("questions", "speeches")

    def count(self, facts):
        return (facts.utterance.text.count("?"), 1)

    def value(self, strategy, counts):
        return counts[0] / counts[1] if counts[1] else None


class Binned(Questions):
    name = "binned"
    axis = Bins("binned", EDGES)


class Misnamed(Questions):
    axis = Bins("other", EDGES)


class Impostor(Questions):
    name = "length"


class Mute:
    name = "mute"


class Particular(Questions):
    def __init__(self, what):
        self.what = what


HERE = "tests.qd.descriptors.test_every_descriptor"
questions = Questions()


def configured(settings):
    """A factory, which is given the section of the configuration."""
    assert isinstance(settings, ArchiveConfig)
    return Questions()


@pytest.mark.parametrize("attribute", ["questions", "Questions", "configured"])
def test_one_of_ones_own_is_named_by_its_import_path(attribute):
    config = archive((f"{HERE}:{attribute}", EDGES), "family")
    (axis, _) = make_axes(config)
    assert axis == Bins("questions", EDGES)
    made = make_descriptors(config)
    assert [d.name for d in made] == [*(d.name for d in BASIC), "questions"]
    check_descriptor(made[-1], axis)


def test_one_of_ones_own_may_bring_its_axis():
    assert make_axes(archive(f"{HERE}:Binned")) == (Bins("binned", EDGES),)
    other = (0.0, 5.0)
    assert make_axes(archive((f"{HERE}:Binned", other))) == (Bins("binned", other),)


@pytest.mark.parametrize(
    ("axes", "said"),
    [
        (("lenght",), "axes.0.name: unknown descriptor 'lenght': did you mean 'length'"),
        (("family", "nowhere:Thing"), "axes.1.name: descriptor 'nowhere:Thing' cannot be imported"),
        ((f"{HERE}:Missing",), "cannot be imported"),
        ((f"{HERE}:Questions",), "axes.0: .* has no bins of its own: .* or give its edges"),
        (
            (f"{HERE}:Misnamed",),
            "must be qd.archive.axes.Bins or .Labels of the name 'questions'",
        ),
        ((f"{HERE}:Mute",), "is no descriptor: a Mute that lacks units, count, value"),
        ((f"{HERE}:Particular",), "cannot be made: "),
        ((f"{HERE}:HERE",), "is no descriptor: a str that lacks"),
        ((("family", EDGES),), "axes.0: axis 'family' has labels, not edges"),
        ((("labelled_family", EDGES),), "axes.0: axis 'labelled_family' has labels, not edges"),
        ((("length", (3.0, 1.0)),), "axes.0: .* must be two or more increasing"),
        (("embedding_cluster",), "axes.0.name: .* needs evolution.archive.embedding.centroids"),
    ],
)
def test_axes_that_cannot_be_made(axes, said):
    with pytest.raises(InputError, match=said):
        make_axes(archive(*axes))


def test_two_descriptors_of_one_name_are_refused():
    config = archive("length", (f"{HERE}:Impostor", EDGES))
    with pytest.raises(InputError, match=r"axes.1.name: .* calls itself 'length'"):
        make_descriptors(config)


@pytest.mark.parametrize(
    ("member", "broken", "said"),
    [
        ("count", lambda self, facts: (1.0, 1), "not integers"),
        ("count", lambda self, facts: (1,), "not one a unit"),
        ("count", lambda self, facts: [1, 1], "counts are a list"),
        ("value", lambda self, strategy, counts: 0.0, "said nothing"),
        (
            "value",
            lambda self, strategy, counts: float("nan") if counts[1] == 1 else None,
            "returned nan; needed: a finite number",
        ),
        ("value", lambda self, strategy, counts: bool(counts[1]) or None, "neither number"),
    ],
)
def test_the_contract_catches_broken_descriptors(monkeypatch, member, broken, said):
    monkeypatch.setattr(Questions, member, broken)
    with pytest.raises((AssertionError, PlugInError), match=said):
        check_descriptor(Questions())


def test_the_contract_catches_one_that_remembers():
    class Remembering(Questions):
        seen = 0

        def count(self, facts):
            self.seen += 1
            return (self.seen, 1)

    with pytest.raises(AssertionError, match="counted differently"):
        check_descriptor(Remembering())


def test_the_contract_catches_values_that_the_axis_does_not_know():
    with pytest.raises(AssertionError, match=r"not a finite number|unknown label"):
        check_descriptor(Questions(), Labels("questions", ("a", "b")))


def test_a_place_beyond_all_labels_is_reported_as_outside():
    axis = Labels("x", ("a", "b"), catch_all="far", beyond=True, source="file 1")
    assert axis.place("far") == Placement(2, outside=True)
    assert axis.place("b") == Placement(1)
