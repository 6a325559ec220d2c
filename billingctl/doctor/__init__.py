"""What is wrong with a stack, each finding with its fix."""
