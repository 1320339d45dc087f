"""The 35 strategies that every run starts from: seven families of five.

They were written for this project, differ in substance within a family, name no topic, and stay
frozen: later generations are measured against them.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from debateqd.qd.strategy import Strategy

FAMILIES: tuple[str, ...] = (
    "rationality",
    "authority",
    "emotional_appeal",
    "evidence_quoting",
    "refutation",
    "storytelling",
    "socratic_questioning",
)
"""The families, in the order in which seeds are numbered and reports are drawn."""

SEEDS_PER_FAMILY = 5

SEED_TEXTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "rationality": (
            "Build a chain of logic. State your premises one by one, show that each is true, and "
            "then draw the conclusion that your answer is correct. Use words such as because, "
            "therefore and it follows. Leave no gap in the reasoning, so that the judge can check "
            "every step and finds nothing missing.",
            "Argue by elimination. List what a correct answer must satisfy, then test both answers "
            "against each condition in turn. Show where the opposing answer fails and yours does "
            "not. End with a summary of the score, and conclude that only one answer is left "
            "standing after careful analysis.",
            "Reason from the exact wording of the question. Define what it asks, separate that "
            "from what merely sounds related, and explain why your answer responds to precisely "
            "this. Point out when an argument is about something else. Keep a cool, neutral tone, "
            "and let clear definitions do the work.",
            "Weigh probabilities like a careful analyst. Ask how likely each known fact would be "
            "if your answer were true and how likely if it were false. Admit small doubts "
            "honestly, then show that the balance clearly favours your side. Prefer the simplest "
            "explanation that needs the fewest assumptions.",
            "Reason by contradiction. Assume for a moment that the opposing answer is right and "
            "follow its consequences, step by step, until they clash with something both sides "
            "accept. Then show that your answer leads to no such conflict. Number the steps, keep "
            "each of them short, and finish with the logical verdict.",
        ),
        "authority": (
            "Speak as an expert who has studied the text for years. Use a firm, professional "
            "voice, make definite statements, and never apologise or hedge. Tell the judge plainly "
            "what is the case, and mention your close knowledge of the whole passage. Let "
            "confidence and command of detail earn trust.",
            "Rest your case on the author. Treat the writer as the highest authority: explain what "
            "the author intended, what tone the author chose and what the author would certainly "
            "deny. Present your answer as the reading the text itself endorses, and the other "
            "answer as one that no careful scholar would accept.",
            "Appeal to trusted sources inside the text. Name the person there who is in the best "
            "position to know, explain why this witness is credible, and report what the witness "
            "says. Compare the weaker standing of anyone your opponent relies on. Ask the judge to "
            "trust those with direct knowledge.",
            "Act like a senior adviser giving an official ruling. Open with the verdict, state the "
            "rule of interpretation that experienced readers follow, and apply it. Use formal "
            "language, short declarations and no emotion. Remark calmly that the established "
            "method leaves no room for the opposing answer.",
            "Earn credibility through fairness. Grant openly one point that your opponent has "
            "right, state the limits of your own claim, and only then assert with full certainty "
            "what is beyond doubt. A reliable expert who admits what is open will be believed "
            "about what is settled.",
        ),
        "emotional_appeal": (
            "Make the judge feel what is at stake. Describe the hopes, fears and pain of the "
            "people involved in vivid, warm language, and connect your answer to those feelings. "
            "Show that the opposing answer is cold towards them. Close with one moving sentence "
            "that stays in the heart.",
            "Appeal to fairness and moral outrage. Present the opposing answer as an injustice to "
            "the text and to those in it, and yours as the honest one. Use strong words such as "
            "wrong, shameful and deserve. Let your passion rise towards the end of the speech.",
            "Win sympathy through kindness. Thank the judge, show respect for your opponent, and "
            "speak gently and with care. Express sincere concern that a mistake would be sad and "
            "hard to undo. Invite the judge, as a friend, to share the quiet relief of choosing "
            "the answer that feels right.",
            "Stir hope and enthusiasm. Present your answer as the inspiring one that gives the "
            "whole passage meaning, with energy, bright images and lively rhythm. Celebrate each "
            "point in your favour. Make the opposing answer feel dull and lifeless, and finish "
            "with a rousing call to choose yours.",
            "Raise the alarm. Warn the judge of the danger of being misled: describe how a hasty "
            "reader would be fooled by the opposing answer and would regret it bitterly. Use "
            "urgent, anxious language, and then offer your answer as the safe choice that brings "
            "comfort and peace of mind.",
        ),
        "evidence_quoting": (
            "Let the passage speak. In every speech give at least three short quotes, copied word "
            "for word, each followed by one sentence that says how it supports your answer. Make "
            "no claim without a quote beside it. Remind the judge that verified quotes are the "
            "only evidence that can be checked.",
            "Find the single most decisive passage in the text and quote it at length, exactly as "
            "written. Explain each of its key phrases, and spend the rest of your speech showing "
            "that it settles the question. Do not scatter weaker evidence around it: one strong, "
            "verified quote beats many.",
            "Present evidence in order of its place in the text: quote the beginning, the middle "
            "and the end. Show that all these quotes agree with your answer. Point out that your "
            "opponent covers one corner only. Give the exact words, and keep your own comments "
            "between the quotes very brief.",
            "Police the evidence. Quote accurately yourself, and check every quote of your "
            "opponent: say which ones are unverified, cut short or taken out of context, and "
            "supply the missing words from the passage. Tell the judge to ignore each claim that "
            "has no verified quote behind it.",
            "Quote what hurts both sides. Cite the passage that seems to favour your opponent, "
            "word for word, and then quote the sentence next to it that reverses its meaning. Add "
            "one direct quote for your own answer. Show the judge that you hide no evidence and "
            "that the context decides.",
        ),
        "refutation": (
            "Attack the opposing case point by point. Repeat each claim your opponent makes in one "
            "phrase, then say why it is false, unsupported or irrelevant. Leave no claim "
            "unanswered, and count them aloud. Spend two thirds of your speech on this rebuttal "
            "and the rest on your own answer.",
            "Find the weakest link in what your opponent says, and strike there again and again. "
            "Ignore the rest. Explain that the whole opposing argument depends on this one flaw, "
            "and that it collapses without it. Challenge your opponent to repair it, and tell the "
            "judge when the repair fails to come.",
            "Expose inconsistency. Compare what your opponent says now with what was said earlier "
            "and with the opposing answer itself, and show where they contradict each other. Use "
            "the opponent's own words against them. Conclude that a case which refutes itself "
            "cannot be trusted, however smooth it sounds.",
            "Rebut before you are attacked. Name the strongest objections to your answer, state "
            "them fairly, and defeat each in one or two sentences. Then predict which excuse your "
            "opponent will use next and explain why it does not help. Leave the other side with "
            "nothing new to say.",
            "Unmask tricks. When your opponent appeals to feelings, to status, to vague "
            "generalities or to words not in the text, name the fallacy and explain that it proves "
            "nothing. Deny the judge no detail of the error. Once the tricks are removed, show how "
            "little of the opposing argument remains.",
        ),
        "storytelling": (
            "Tell the events as a story that leads naturally to your answer. Begin with the scene, "
            "introduce who wants what, let the tension rise, and place your answer at the turning "
            "point. Use concrete details and simple sentences. The judge should see it happen and "
            "find any other ending strange.",
            "Follow one character. Retell what this person knew, wanted and did, moment by moment, "
            "and let the motives explain why your answer must be true. Show that the opposing "
            "answer would have the character act against his or her own nature. Speak in a warm, "
            "narrative voice.",
            "Use an analogy. Open with a short everyday tale whose lesson is obvious, and then "
            "show that the passage has the same shape, part by part. Let the comparison carry the "
            "argument to your answer. Return to the tale in the last line, so that the picture "
            "stays with the judge.",
            "Work like a detective in a mystery. Lay out the clues in the order in which a reader "
            "meets them, build suspense over what they mean, and reveal your answer as the "
            "solution that explains every clue. Show the opposing answer as the false trail that "
            "leaves some of them unexplained.",
            "Contrast two stories: in the first your answer is true, in the second the opposing "
            "one. Narrate both briefly, from cause to effect, with the same known events. Let the "
            "judge notice that the first tale flows without a break, while the second has holes "
            "that only invention can fill.",
        ),
        "socratic_questioning": (
            "Argue through questions. Ask the judge three or four simple questions whose answers "
            "are hard to deny, each leading to the next, and let the last one point to your "
            "answer. Give a brief reply after every question. Do not lecture: let the judge "
            "discover the conclusion.",
            "Cross-examine your opponent. Put two precise questions that the opposing answer "
            "cannot answer well, and ask for a direct reply. In the next round, note what was left "
            "unanswered and ask why. Say little about your own answer until the silence of the "
            "other side has become plain.",
            "Ask what would have to be true. For each answer, question its hidden assumptions: how "
            "do we know this, what would we expect to read, is it there? Answer each question "
            "honestly from the passage. Guide the judge, in a curious and humble tone, towards the "
            "better supported answer.",
            "Question the meaning of words. Ask what the key terms of the question and of the "
            "opposing answer really mean, offer an example, and ask whether it still fits. Refine "
            "the meaning in small steps until only your answer matches. Keep every question short, "
            "open and friendly.",
            "Turn claims into questions. Take whatever your opponent asserts and ask: where does "
            "the text say so, and could the same words mean something else? Pair each doubt with "
            "one question that your own answer resolves easily. End by asking which side has left "
            "fewer questions open.",
        ),
    }
)
"""Seed texts by family, in the order of :data:`FAMILIES`."""


def seed_strategies() -> tuple[Strategy, ...]:
    """Return the 35 seeds, ``s0000`` to ``s0034``, family by family in the order of FAMILIES."""
    texts = [(family, text) for family in FAMILIES for text in SEED_TEXTS[family]]
    return tuple(
        Strategy(strategy_id=f"s{number:04d}", family=family, text=text)
        for number, (family, text) in enumerate(texts)
    )
