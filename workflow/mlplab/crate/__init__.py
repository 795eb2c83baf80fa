"""A finished study as one package for others: a Workflow Run RO-Crate, and what is made of one."""
