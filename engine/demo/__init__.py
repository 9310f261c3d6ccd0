"""The demo: a whole telephone world on one machine, a campaign in it, and a reckoning at the end."""
