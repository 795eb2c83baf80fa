"""Strangers' code runs in a process of its own; what it computes comes back as plain tensors.

The process that judges or records never loads it. `sandbox` starts and ends such a process, and
offers its networks and activations as if they were the caller's own.
"""
