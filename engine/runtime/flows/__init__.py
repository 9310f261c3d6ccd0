"""Scripts on real calls: the shell over the interpreter (engine/flow/run).

desk.py decides which script a call meets, and begins it; runner.py steps runs and stores their cursors; each kind of
command has a performer (performer.py says what one is), which does what the script asks for and tells what came of it.
"""
