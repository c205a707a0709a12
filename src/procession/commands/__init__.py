"""What each command does. cli.py has their names and options, and imports a module of these when it is needed."""
