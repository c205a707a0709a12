"""What this server must show when things go wrong (R4 to R17): `python -m bench R7`, measured from outside."""
