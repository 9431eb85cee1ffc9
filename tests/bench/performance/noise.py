"""The rule for noisy runs: one beside which other work took more than 6 % of a core is dropped, unless none was quieter."""

OTHERS_AT_MOST = 6.0  # percent of one core


def is_quiet(figures):
    return figures["others_percent"] <= OTHERS_AT_MOST


def usable(runs, quiet):
    """(the runs to be used, how many of all were quiet)"""
    kept = [run for run in runs if quiet(run)]
    return kept or runs, len(kept)
