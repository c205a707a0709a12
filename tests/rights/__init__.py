"""Who may what: every route, asked by everybody, judged by a second, independent table."""
