"""Advisories about software of our kind, tried here: what happened there, and which test shows that it cannot here."""
