"""What actions that reach outside share: which addresses they may connect to, requests, mails, rows done one by one."""
