#!/bin/sh
# debian.sh FILE: makes the image that the recipes here begin with, as a tar of its files: Debian 12 with apt, and in
# /packages what the recipes install. It stands in for debian:bookworm-slim, so that a recipe reads as everywhere, and
# builds where no container reaches the internet: in a class, and in a test's namespace. Needs root, mmdebstrap and
# apt-ftparchive; takes half a minute, most of it the download.
set -eu
file=$1
# Of every recipe beside this script, and of ../Dockerfile.
packages="busybox-static nginx-light redis-server python3-pip python3-flask python3-redis
    nftables iproute2 runc conmon procps tini ca-certificates"

hook=$(mktemp)
chmod +x "$hook"
trap 'rm -f "$hook" "$file.new"' EXIT
cat >"$hook" <<HOOK
#!/bin/sh
set -eu
cd "\$1"
chroot . apt-get install -qq -y --no-install-recommends --download-only $(echo $packages)
mkdir packages
mv var/cache/apt/archives/*.deb packages
(cd packages && apt-ftparchive packages .) >packages.index
mv packages.index packages/Packages
# apt has just held what it fetched against Debian's signatures; the index of this folder has none of its own.
rm -f etc/apt/sources.list.d/*
echo 'deb [trusted=yes] file:/packages ./' >etc/apt/sources.list
# No service is started while a package is installed: there is no init in a container.
printf '#!/bin/sh\nexit 101\n' >usr/sbin/policy-rc.d
chmod +x usr/sbin/policy-rc.d
# Each layer is hashed and packed when it is done; what dpkg flushes to the disk meanwhile is for nobody.
echo force-unsafe-io >etc/dpkg/dpkg.cfg.d/unsafe-io
HOOK

# Manuals and translations are a third of it, and nobody reads them in a container. A runtime fills /dev.
mmdebstrap --mode=root --variant=apt --quiet --format=tar --skip=output/dev \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/info/*' \
    --customize-hook="$hook" \
    bookworm "$file.new"
mv "$file.new" "$file"
