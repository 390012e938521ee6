"""Every image built without a registry: from Debian packages, wheels and Maven's jars. Python 3.11 and an engine."""
