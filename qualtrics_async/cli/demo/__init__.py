"""The demo: the whole main job on a sandbox, from a file of contacts to a file of links."""
