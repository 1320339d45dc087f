"""Drive the PettingZoo environment with policies of your own, nothing else of this project.

``python examples/own_policy_pettingzoo.py``, after ``pip install -e .``
"""

from typing import Any

import pettingzoo

from debate_env import parse_transcript  # importing the package registers the environment


def policy(agent: str, observation: dict[str, Any]) -> Any:
    """Debaters state their answer and quote the passage; the judge counts verified quotes."""
    if agent != "judge_0":
        words = observation["passage"].split()
        start = 12 * observation["round"]
        quoted = " ".join(words[start : start + 12])
        return f"It is {observation['position']}: <quote>{quoted}</quote>"
    verified = [1, 1]
    for speech in parse_transcript(observation["transcript"]):
        verified[int(speech.seat[-1])] += speech.text.count("<v_quote>")
    return [v / sum(verified) for v in verified]


def main() -> None:
    """Play one debate and print it."""
    env = pettingzoo.make("aec", "debateqd/debate-v1", questions="builtin", render_mode="ansi")
    env.reset(seed=1)
    for agent in env.agent_iter():
        observation, reward, terminated, truncated, info = env.last()
        if terminated or truncated:
            print(f"{agent}: reward {reward:+.2f}, verdict {info['verdict']}")
            env.step(None)
        else:
            env.step(policy(agent, observation))
    print(env.render())
    env.close()


if __name__ == "__main__":
    main()
