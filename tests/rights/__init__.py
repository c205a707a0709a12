"""Who may what (S1 of the trust bar): every route, asked by everybody, judged by a second, independent table."""
