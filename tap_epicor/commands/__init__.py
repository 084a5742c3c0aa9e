"""What a person types beside the Singer options."""
