"""gunicorn's settings for the empty route: those of app.serving, without its hooks."""

from app.serving import (
    accesslog,
    bind,
    control_socket_disable,
    graceful_timeout,
    keepalive,
    limit_request_field_size,
    limit_request_fields,
    limit_request_line,
    loglevel,
    preload_app,
    threads,
    timeout,
    worker_class,
    worker_connections,
    worker_tmp_dir,
    workers,
)

__all__ = [
    "accesslog",
    "bind",
    "control_socket_disable",
    "graceful_timeout",
    "keepalive",
    "limit_request_field_size",
    "limit_request_fields",
    "limit_request_line",
    "loglevel",
    "preload_app",
    "threads",
    "timeout",
    "worker_class",
    "worker_connections",
    "worker_tmp_dir",
    "workers",
]
