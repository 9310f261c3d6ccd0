"""The runtime: carries events to the machines and their commands to the ports (the imperative shell)."""
