"""Which implementations are right, and so have a say in what is found of activations and settings.

Those that agree with the reference step by step train the same networks, but for rounding. They are
one sample and not several: the first of them stands for all.
"""

import pandas as pd

AGREEMENT = ["implementation", "reference", "verdict", "activations"]


def agreement_table(parity: pd.DataFrame) -> pd.DataFrame:
    """A row per implementation: whether it agrees with the reference, from the table of parity.

    `verdict` is "agrees", "differs" or "fails", where it does so with one of `activations` at
    least. With an activation with which the reference itself does not agree, nothing is held
    against the others.
    """
    wrong = parity[parity["verdict"] != "agrees"]
    own = wrong["implementation"] == wrong["reference"]
    blamed = wrong[~own & ~wrong["activation"].isin(wrong.loc[own, "activation"])]
    rows = []
    named = parity[["implementation", "reference"]].drop_duplicates()
    for implementation, reference in named.itertuples(index=False):
        held = blamed[blamed["implementation"] == implementation]
        verdicts = set(held["verdict"])
        verdict = "fails" if "fails" in verdicts else "differs" if verdicts else "agrees"
        rows.append((implementation, reference, verdict, " ".join(held["activation"].unique())))
    return pd.DataFrame(rows, columns=AGREEMENT, dtype=str)


def right(agreement: pd.DataFrame) -> list[str]:
    """The implementations that agree, in the order of the study."""
    return list(agreement.loc[agreement["verdict"] == "agrees", "implementation"])


def standing(runs: pd.DataFrame, agreement: pd.DataFrame) -> str:
    """The implementation whose runs stand for all that agree; "" where there is none.

    The first that agrees and of which a run finished.
    """
    finished = set(runs.loc[runs["status"] == "finished", "implementation"])
    return next((name for name in right(agreement) if name in finished), "")
