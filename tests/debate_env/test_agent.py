from __future__ import annotations

from debate_env.agent import Agent, from_callable


def test_a_function_becomes_an_agent_over_lists():
    agent = from_callable(lambda observation: observation["x"] + 1, name="adder")
    assert isinstance(agent, Agent)
    assert list(agent.act([{"x": 1}, {"x": 5}])) == [2, 6]
    assert list(agent.act([])) == []
    assert repr(agent) == "CallableAgent(adder)"


def test_the_name_defaults_to_the_functions():
    def shout(observation):
        return "!"

    assert from_callable(shout).name == "shout"
