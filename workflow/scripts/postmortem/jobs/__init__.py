"""What starts it all: the plan of a call, its batches and stages, and the commands."""
