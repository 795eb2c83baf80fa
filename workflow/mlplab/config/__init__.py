"""What a configuration may say: checked, completed with defaults, documented."""
