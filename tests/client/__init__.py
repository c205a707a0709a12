"""The client against a real server over HTTP and TLS on loopback."""
