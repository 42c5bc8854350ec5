"""The one place that says which tasks exist and under which names."""

from invoke.collection import Collection

from tasks import bootstrap, deploy

namespace = Collection(
    bootstrap.bootstrap,
    deploy.deploy,
    deploy.rollback,
    deploy.status,
)
