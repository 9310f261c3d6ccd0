"""A whole cell, real runtime and core, on fakes in virtual time: days drawn from a seed, and what must hold in them."""
