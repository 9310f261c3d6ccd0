"""Scripts on a virtual clock, without telephony (pure): tests that authors write, and all that may happen.

`tests_of(value)` (scenario.py) reads a test file, `rehearse(program, test)` (performance.py) runs one test,
`explore(program, params, depth)` (exploration.py) walks every way up to a depth and reports what it reached.
"""
