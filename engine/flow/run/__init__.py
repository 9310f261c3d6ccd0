"""Runs of scripts (pure): `begin` and `advance` in interpreter.py are the whole machine; nothing here does I/O.

program(flows, id) -> Program                          program.py; the scripts of one text, all sound
begin(program, facts, params, at, locale) -> Step      interpreter.py
advance(program, run, event) -> Step                   Step: the run after the event, and the commands
run.deadline_at                                        when DeadlinePassed must come; None: the run is over
saved(run) -> Saved; loaded(program, saved) -> Run     cursor.py; JSON, with what is sensitive in a part of its own
"""
