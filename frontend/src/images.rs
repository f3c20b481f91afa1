//! Images as the page of images orders and finds them. Pure.

use crate::{
    listing::{Key, Listing},
    text::lower,
};
use drawbridge_api::{Container, Image};
use std::sync::Arc;

/// Those that have these words in a name or in their id, in the order that is chosen.
pub fn chosen(images: &[Arc<Image>], listing: &Listing) -> Vec<Arc<Image>> {
    let words: Vec<String> = listing.find.split_whitespace().map(lower).collect();
    let has = |image: &Image, word: &str| {
        image.tags.iter().any(|tag| lower(tag).contains(word)) || image.id.as_str().starts_with(word)
    };
    let mut found: Vec<Arc<Image>> =
        images.iter().filter(|image| words.iter().all(|word| has(image, word))).cloned().collect();
    listing.sort(&mut found, |image, column| match column {
        "size" => Key::Number(image.size_bytes),
        "created" => Key::Number(image.created_at_ms),
        // Those without a name last.
        _ => image.tags.first().map_or_else(|| Key::text("\u{10ffff}"), Key::text),
    });
    found
}

/// The one that a name or the beginning of an id in an address means.
pub fn meant(images: &[Arc<Image>], text: &str) -> Option<Arc<Image>> {
    // As everywhere else, a name without a tag means the latest.
    let is_meant = |tag: &String| tag.strip_prefix(text).is_some_and(|rest| rest.is_empty() || rest == ":latest");
    let by_name = images.iter().find(|image| image.tags.iter().any(is_meant));
    let by_id = || images.iter().find(|image| text.len() >= 4 && image.id.as_str().starts_with(text));
    by_name.or_else(by_id).cloned()
}

/// What an address has for it: its first name, or its short id.
pub fn address(image: &Image) -> String {
    image.tags.first().cloned().unwrap_or_else(|| image.id.short().to_owned())
}

/// The names of the containers that were made of it.
pub fn users(containers: &[Arc<Container>], image: &Image) -> Vec<String> {
    let own = containers.iter().filter(|container| container.image_id == image.id);
    own.map(|container| container.name.to_string()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(digit: char, tags: &[&str], size_bytes: i64) -> Arc<Image> {
        let id = digit.to_string().repeat(64).parse().unwrap();
        let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
        Arc::new(Image { id, tags, size_bytes, created_at_ms: size_bytes })
    }

    #[test]
    fn images_are_found_and_ordered() {
        let images = [image('a', &["redis:7", "cache:1"], 3), image('b', &[], 9), image('c', &["busybox:latest"], 1)];
        let names = |find: &str, sort: &str| {
            let listing = Listing { find: find.into(), sort: sort.into() };
            chosen(&images, &listing).iter().map(|image| address(image)).collect::<Vec<_>>()
        };
        assert_eq!(names("", ""), ["redis:7", "bbbbbbbbbbbb", "busybox:latest"]);
        assert_eq!(names("", "name"), ["busybox:latest", "redis:7", "bbbbbbbbbbbb"]);
        assert_eq!(names("", "-size"), ["bbbbbbbbbbbb", "redis:7", "busybox:latest"]);
        assert_eq!(names("CACHE", "created"), ["redis:7"]);
        assert_eq!(meant(&images, "cache:1").unwrap().id, images[0].id);
        assert_eq!(meant(&images, "bbbbb").unwrap().id, images[1].id);
        assert_eq!(meant(&images, "bb"), None);
    }
}
