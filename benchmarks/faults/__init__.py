"""What may happen to a study, made to happen to a small one: what is lost, and what is said.

`catalogue` is the list of faults; `making`, `conditions` and `damage` are how they are made,
`project` is the study that they are made in, `judging` what became of it, `page` docs/faults.md.
"""
