"""SolveXia's own SDK, as published, against our server over TLS."""
