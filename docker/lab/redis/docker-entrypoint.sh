#!/bin/sh
# Starts redis as its own user. Protected mode would refuse every client but those in this container; the network decides
# here who may come.
set -e
if [ "$1" = redis-server ] && [ "$(id -u)" = 0 ]; then
    shift
    exec setpriv --reuid=redis --regid=redis --init-groups redis-server --bind '*' --protected-mode no --dir /data "$@"
fi
exec "$@"
