"""Drive the PettingZoo environment with policies of your own, nothing else of this project.

``python examples/own_policy_pettingzoo.py``
"""

from typing import Any

import pettingzoo

import debate_env  # noqa: F401  (importing it registers the environment)


def policy(agent: str, observation: dict[str, Any]) -> Any:
    """Debaters state their answer and quote the passage; the judge counts verified quotes."""
    if agent != "judge_0":
        words = observation["passage"].split()
        start = 12 * observation["round"]
        quoted = " ".join(words[start : start + 12])
        return f"It is {observation['position']}: <quote>{quoted}</quote>"
    halves = observation["transcript"].split("debater_1:")
    verified = [1 + half.count("<v_quote>") for half in (halves[0], "".join(halves[1:]))]
    return [v / sum(verified) for v in verified]


def main() -> None:
    """Play one debate and print it."""
    env = pettingzoo.make("aec", "debateqd/debate-v0", questions="builtin", render_mode="ansi")
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
