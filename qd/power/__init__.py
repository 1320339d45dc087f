"""Power: what a study of a given size can tell from zero, and how large one has to be.

``plan_power``          a plan as a whole, from assumptions or from a finished study
``Assumptions``         what the user says; the rest is measured, or a default
``PowerTargets``        effects for which a size is asked
``Study``               questions, debates and seeds; ``analysis`` holds the formulas
``Variances``           how verdicts vary; ``estimate_variances`` measures it, ``read_verdicts``
                        reads the verdicts of a study from its files
"""

from debateqd.qd.power.analysis import Precision
from debateqd.qd.power.inputs import Assumptions
from debateqd.qd.power.plan import PowerPlan, PowerTargets, plan_power
from debateqd.qd.power.variance import Study, Variances, estimate_variances
from debateqd.qd.power.verdicts import read_verdicts

__all__ = [
    "Assumptions",
    "PowerPlan",
    "PowerTargets",
    "Precision",
    "Study",
    "Variances",
    "estimate_variances",
    "plan_power",
    "read_verdicts",
]
