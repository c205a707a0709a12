"""Files fetched from, left at, listed, moved and deleted on the other side: SFTP, S3, Azure, a folder."""
