"""Let GEPA improve one strategy, and measure it like a run's champions.

``python examples/gepa_baseline.py --calls 3000``, after ``pip install -e ".[gepa]"``. Keys of the
configuration are set as for ``train.py``, e.g. ``--set models.default=openai:NAME``.
"""

import argparse
from collections.abc import Sequence

from debate_env.errors import InputError
from debateqd.qd.config.loading import load_config
from debateqd.qd.debates.matches import Match
from debateqd.qd.debates.models import equip, make_models
from debateqd.qd.debates.plans import Plan
from debateqd.qd.debates.questions import open_questions
from debateqd.qd.debates.referee import make_referee
from debateqd.qd.links.gepa import COMPONENT, DebateAdapter
from debateqd.qd.seeds import FAMILIES, SEED_TEXTS, seed_strategies
from debateqd.qd.strategy import Strategy
from debateqd.qd.training.gains import Reporter


def main() -> None:
    """Optimise, then debate report questions that GEPA has not seen."""
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n\n", 1)[0])
    parser.add_argument("--config", default="default", help="preset, or file")
    parser.add_argument("--set", dest="assignments", action="append", default=[], metavar="A.B=V")
    parser.add_argument("--family", default=FAMILIES[0], choices=FAMILIES)
    parser.add_argument("--calls", type=int, default=3000, help="model calls, reports apart")
    parser.add_argument("--minibatch", type=int, default=3, help="questions to reflect on")
    options = parser.parse_args()
    try:
        import gepa
    except ImportError:
        raise SystemExit("GEPA is not installed: run pip install 'debateqd[gepa]'") from None
    try:
        config = load_config(options.config, assignments=options.assignments)
        questions = open_questions(config.questions)
        models = equip(make_models(config), config, None)
    except InputError as error:
        raise SystemExit(str(error)) from None
    adapter = DebateAdapter(config, questions, models, family=options.family)
    result = gepa.optimize(
        seed_candidate={COMPONENT: SEED_TEXTS[options.family][0]},
        trainset=list(questions.train),
        valset=list(questions.selection or questions.train),
        adapter=adapter,
        stop_callbacks=lambda state: adapter.calls >= options.calls,
        reflection_minibatch_size=options.minibatch,
        seed=config.seed,
        logger=Quiet(),
    )
    text = result.best_candidate[COMPONENT]
    best = Strategy("gepa", options.family, text, operator="gepa")
    print(f"{len(result.candidates)} candidates, {adapter.debates} debates, {adapter.calls} calls")
    print(f"best: {text}")
    reporter = Reporter(config, questions.report, seed_strategies())
    referee = make_referee(config, questions, models)

    def play(plans: Sequence[Plan]) -> list[Match]:
        return referee.play(plans, lambda match, speeches: None)

    gains = reporter.measure([best.strategy_id], {best.strategy_id: best}, 0, play)
    for name, gain in gains.gain.items():
        low, high = 100 * gain.low, 100 * gain.high
        print(f"{name}: {100 * gain.value:+.1f} [{low:+.1f}, {high:+.1f}] points over the seeds")
    if config.models.default.startswith("embedded"):
        print("All roles are the embedded model: a simulation.")


class Quiet:
    """GEPA's log, left out."""

    def log(self, message: str) -> None:
        """Ignore a line."""


if __name__ == "__main__":
    main()
