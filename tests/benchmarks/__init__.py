"""What the product reaches, measured on real processes: `telehealth bench`, or `python -m tests.benchmarks`.

One file per figure, each a function `measure(stage)` that answers with figures. Rules: what is compared is measured
in the same run, in turns (A B A B); a figure is a median of several runs and carries their spread; loads are bounded
in count and time and stay on this machine; a figure that disappoints is printed like any other.
"""
