-- What a step of a build did, so that the next build need not do it again: the SHA-256 of the image it was done on, the
-- instruction, the content that it copied and what it left to be run. Null for images that were not built here.
alter table image add column build_key text;

create index image_build_key on image (build_key) where build_key is not null;
