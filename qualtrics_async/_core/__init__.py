"""The request engine: how any request is executed, written once."""
