#!/bin/sh
# build.sh REGISTRY DEBIAN: builds the images of the recipes beside this script with the engine that `docker` speaks to, and
# pushes them to the registry at REGISTRY (127.0.0.1:5000), where an engine with `--registry-mirror http://REGISTRY` finds
# them by the names they have at docker.io. DEBIAN is what debian.sh made. The engine keeps none of them.
set -eu
registry=$1
debian=$2
here=$(dirname "$0")

docker import --change 'CMD ["bash"]' --message "debian.sh" "$debian" debian:bookworm-slim
images=debian:bookworm-slim
# In the order of their dates in the chapter's list: what is made last stands first there.
for image in busybox:latest nginx:latest redis:latest python:3.9.5-slim; do
    docker build --tag "$image" "$here/${image%:*}"
    images="$images $image"
done
for image in $images; do
    docker tag "$image" "$registry/library/$image"
    docker push "$registry/library/$image"
done
for image in $images; do
    docker rmi --force "$image" "$registry/library/$image"
done
docker image prune --force
