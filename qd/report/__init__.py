"""How results are shown: text for terminals, HTML for browsers.

``evaluation``  one run, two runs, groups of runs; ``measures`` draws its tables
``lineage``     a strategy's history, with what every mutation changed
``rating``      ratings of a match table
``power``       what a study can tell
``heat_map``    an archive as a coloured table
``visible``     whatever could control a terminal, or hide, as a visible escape
"""
