"""Has new strategies labelled once, after their first debates, where an axis asks for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from debateqd.agents.models.base import ChatModel
from debateqd.qd.config.schema import ArchiveConfig, RunConfig
from debateqd.qd.debates.referee import TrainingStoppedError
from debateqd.qd.descriptors.base import BehaviourSummary, needs_labels
from debateqd.qd.descriptors.labelling import Label, label_strategies, majority
from debateqd.qd.descriptors.utterances import Utterance


def label_calls(archive: ArchiveConfig, strategies: int) -> int:
    """Count the model calls that it takes to label so many strategies; 0 where no axis asks."""
    return archive.labels.votes * strategies if needs_labels(archive) else 0


class Labeller:
    """Collects what new strategies say, and asks a model what family it shows.

    It remembers nothing between generations: the votes live on in the strategies' behaviour.

    The model is the mutator's: no part of a debate depends on it, so that neither the judge nor the
    debaters grade themselves.
    """

    def __init__(self, config: RunConfig, model: ChatModel) -> None:
        archive = config.evolution.archive
        self.active = needs_labels(archive)
        self._config = config
        self._model = model
        self._settings = archive.labels
        self._heard: dict[str, list[str]] = {}

    def begin(self, strategy_ids: Iterable[str]) -> None:
        """Begin a generation: listen to these new strategies, and to no others."""
        self._heard = {strategy_id: [] for strategy_id in strategy_ids} if self.active else {}

    def hear(self, strategy_id: str, spoken: Iterable[Utterance]) -> None:
        """Keep the speeches of a debate, if they are a new strategy's."""
        if strategy_id in self._heard:
            self._heard[strategy_id] += [utterance.text for utterance in spoken]

    def label(
        self,
        behaviours: Mapping[str, BehaviourSummary],
        progressed: Callable[[int, int], None] = lambda done, total: None,
    ) -> tuple[dict[str, Label], dict[str, BehaviourSummary]]:
        """Label all new strategies that have spoken.

        Returns:
            The labels, and the behaviours of all that got one with its votes added; both empty
            where no axis asks for labels.

        Raises:
            TrainingStoppedError: Not a single vote could be read.
        """
        spoken = {s: said for s, said in self._heard.items() if said and s in behaviours}
        self._heard = {}
        if not spoken:
            return {}, {}
        progressed(0, len(spoken))
        labels = label_strategies(
            self._model,
            spoken,
            self._settings,
            self._config.seed,
            max_open=self._config.models.max_open,
        )
        progressed(len(spoken), len(spoken))
        _check(list(labels.values()))
        return labels, {s: behaviours[s] + BehaviourSummary(x.counts) for s, x in labels.items()}


def _check(labels: Sequence[Label]) -> None:
    """Stop when the labeller cannot do its work: an archive without labels would stay empty."""
    if all(majority(label.votes) is None for label in labels):
        problems = [problem for label in labels for problem in label.problems]
        raise TrainingStoppedError(
            f"none of {sum(sum(x.votes) for x in labels)} votes on what family strategies show "
            f"could be read, e.g. {problems[0]}; check models.mutator, or raise "
            "evolution.archive.labels.max_tokens"
        )
