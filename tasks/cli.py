"""The one place that says which tasks exist and under which names."""

from invoke.collection import Collection

namespace = Collection()
