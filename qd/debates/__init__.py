"""One life of a debate, in training and evaluation alike: planned, played, logged, counted.

``Plan``        who sits where on which question, made by ``RunPlanner`` or ``EvaluationPlanner``
``play_plans``  plays plans with the models of ``Players``; ``Referee`` gives up on a broken run
``Match``       a debate that was played: a line of ``matches.jsonl``, which ratings rest on
``counting``    shares won, truths reached, points; by strategy, question and passage
``RunQuestions``  the questions, dealt out by passage: train, selection, report, test
``Models``      the chat models of a run, under its budget and in its journal

``context_limits.py`` finds beforehand what does not fit a model's context.
"""

from debateqd.qd.lazy import lazily

__all__ = [
    "EvaluationPlanner",
    "Match",
    "Models",
    "Plan",
    "Players",
    "Referee",
    "RunPlanner",
    "RunQuestions",
    "make_models",
    "open_questions",
    "play_plans",
]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from debateqd.qd.debates.matches import Match
    from debateqd.qd.debates.models import Models, make_models
    from debateqd.qd.debates.plans import EvaluationPlanner, Plan, RunPlanner
    from debateqd.qd.debates.questions import RunQuestions, open_questions
    from debateqd.qd.debates.referee import Players, Referee, play_plans
else:  # rating somebody's table of matches needs no agents
    __getattr__ = lazily(
        __name__,
        {
            "matches": "Match",
            "models": "Models make_models",
            "plans": "EvaluationPlanner Plan RunPlanner",
            "questions": "RunQuestions open_questions",
            "referee": "Players Referee play_plans",
        },
    )
