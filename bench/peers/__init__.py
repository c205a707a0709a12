"""Other systems that run tasks durably, measured beside ours in the same run; each in processes of its own."""
