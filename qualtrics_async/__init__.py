"""An asyncio-native client for the Qualtrics v3 REST API with bulk helpers."""
