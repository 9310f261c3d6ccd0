"""The private local stack for demo, test and bench: Asterisk, PostgreSQL, Redis, SIPp and the engine itself.

`venv`, `apt`, `report`, `home` and `provision` use only the standard library: they run before there is anything else.
"""
