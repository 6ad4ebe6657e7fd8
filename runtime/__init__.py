"""From frame sets to published skeletons."""
