-- Images from registries, archives, containers and builds.

-- The image that this one was made of by one more instruction, while both are here.
alter table image add column parent_id text references image on delete set null;

create index image_parent on image (parent_id);

-- When the tag was last set.
alter table image_tag add column tagged_at_ms integer not null default 0;

create index image_tag_image on image_tag (image_id);

-- The digests of manifests that were pulled or pushed: `redis` and `sha256:…`. Several may mean one image.
create table image_digest (
    repository text not null,                             -- docker.io/library left out
    digest     text not null check (digest like 'sha256:%' and length(digest) = 71),
    image_id   text not null references image on delete cascade,
    primary key (repository, digest)
) strict, without rowid;

create index image_digest_image on image_digest (image_id);
