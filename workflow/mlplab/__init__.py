"""MLP Lab: the multilayer perceptron as a study that can be run, checked and extended.

The library behind the workflow. It imports no Snakemake and reads no global configuration, so it
works in a notebook as well. Heavy packages are imported by the modules that need them only.
"""
