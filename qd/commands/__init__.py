"""The command line: ``debateqd COMMAND``, a module of this folder each.

``train``        evolve strategies            ``power``  what a study can tell from zero
``evaluate``     measure or compare runs      ``rate``   rate anyone's match table
``equal-calls``  a baseline at equal cost     ``play``   debate or judge at the terminal
``lineage``      ancestry of a strategy       ``bench``  speed of the environment

``launch.py`` is what the shell starts; ``group.py`` lists the commands and imports the chosen one.
Nothing is imported here, so that Ctrl-C is understood before anything slow.
"""
