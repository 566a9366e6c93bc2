"""What an administrator can do, one function each; command line and web call these."""
