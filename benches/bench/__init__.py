"""The figures of Outcrop beside other engines: same generated data, same questions, same run.

`workloads` has a module for each workload: what its data is, how each engine loads it and what it is asked.
`peers` has a module for each engine. `contest` loads and asks them in turns, `answers` compares what they say,
`report` writes it down. Start reading in `__main__.py`.
"""
