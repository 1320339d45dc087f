import pytest

from debateqd.agents.models.base import Reply
from debateqd.agents.models.embedded import EmbeddedModel
from debateqd.qd.config.schema import ArchiveConfig, RunConfig
from debateqd.qd.debates.referee import TrainingStoppedError
from debateqd.qd.descriptors.base import BehaviourSummary, make_descriptors
from debateqd.qd.descriptors.labelling import majority
from debateqd.qd.descriptors.utterances import Utterance
from debateqd.qd.strategy import Strategy
from debateqd.qd.training.labeller import Labeller, label_calls
from tests.agents.fakes import FakeModel

TALE = "Imagine the scene: the door opens, and the tale of the hero unfolds."
AXES = {"evolution": {"archive": {"axes": [{"name": "labelled_family"}]}}}
LABELLED = RunConfig.model_validate(AXES)


def heard(labeller, *ids):
    """Let strategies speak in a match; return what is counted about them."""
    descriptors = make_descriptors(LABELLED.evolution.archive)
    spoken = [Utterance(TALE), Utterance(TALE + " So it ends.")]
    for strategy_id in ids:
        labeller.hear(strategy_id, spoken)
    return {s: BehaviourSummary.of_match(spoken, descriptors) for s in ids}


def test_new_strategies_are_labelled_once():
    labeller = Labeller(LABELLED, EmbeddedModel())
    labeller.begin(["s0002", "s0003"])
    told = []
    behaviours = heard(labeller, "s0001", "s0002")
    labels, renewed = labeller.label(behaviours, lambda done, total: told.append((done, total)))
    assert list(labels) == list(renewed) == ["s0002"]
    assert majority(labels["s0002"].votes) == "storytelling"
    assert told == [(0, 1), (1, 1)]
    child = Strategy("s0002", "authority", "Argue.")
    measured = renewed["s0002"].behaviour(child, make_descriptors(LABELLED.evolution.archive))
    assert measured["labelled_family"] == "storytelling"
    assert measured["length"] is not None
    assert behaviours["s0002"] != renewed["s0002"]
    labeller.begin(["s0004"])
    assert labeller.label(heard(labeller, "s0002", "s0003")) == ({}, {})


def test_nobody_is_asked_where_no_axis_needs_it():
    model = FakeModel()
    labeller = Labeller(RunConfig(), model)
    labeller.begin(["s0001"])
    assert labeller.label(heard(labeller, "s0001")) == ({}, {})
    assert not labeller.active
    assert not model.requests
    assert label_calls(ArchiveConfig(), 35) == 0
    assert label_calls(LABELLED.evolution.archive, 35) == 175


def test_a_labeller_that_cannot_be_read_stops_the_run():
    labeller = Labeller(LABELLED, FakeModel(lambda _: Reply("storytelling, I think")))
    labeller.begin(["s0001", "s0002"])
    with pytest.raises(TrainingStoppedError, match=r"none of 10 votes .* not a letter: 'story"):
        labeller.label(heard(labeller, "s0001", "s0002"))
