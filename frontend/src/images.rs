//! Images as the page of images orders and finds them. Pure.

use drawbridge_api::{Container, Image};
use std::{cmp::Reverse, fmt, sync::Arc};

/// What the list is ordered by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// By name.
    #[default]
    Name,
    /// The largest first.
    Size,
    /// The newest first.
    Created,
}

impl Order {
    /// Reads the word of an address; by name when it is none.
    pub fn parse(text: &str) -> Self {
        match text {
            "size" => Self::Size,
            "created" => Self::Created,
            _ => Self::Name,
        }
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "name",
            Self::Size => "size",
            Self::Created => "created",
        })
    }
}

/// Those that have these words in a name or in their id, in this order.
pub fn chosen(images: &[Arc<Image>], find: &str, order: Order) -> Vec<Arc<Image>> {
    let words: Vec<String> = find.split_whitespace().map(str::to_lowercase).collect();
    let has = |image: &Image, word: &str| {
        image.tags.iter().any(|tag| tag.to_lowercase().contains(word)) || image.id.as_str().starts_with(word)
    };
    let mut found: Vec<Arc<Image>> =
        images.iter().filter(|image| words.iter().all(|word| has(image, word))).cloned().collect();
    match order {
        Order::Name => found.sort_by_key(|image| (image.tags.is_empty(), image.tags.first().cloned())),
        Order::Size => found.sort_by_key(|image| Reverse(image.size_bytes)),
        Order::Created => found.sort_by_key(|image| Reverse(image.created_at_ms)),
    }
    found
}

/// The one that a name or the beginning of an id in an address means.
pub fn meant(images: &[Arc<Image>], text: &str) -> Option<Arc<Image>> {
    let by_name = images.iter().find(|image| image.tags.iter().any(|tag| tag == text));
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
        let names =
            |find: &str, order| chosen(&images, find, order).iter().map(|image| address(image)).collect::<Vec<_>>();
        assert_eq!(names("", Order::Name), ["busybox:latest", "redis:7", "bbbbbbbbbbbb"]);
        assert_eq!(names("", Order::Size), ["bbbbbbbbbbbb", "redis:7", "busybox:latest"]);
        assert_eq!(names("CACHE", Order::Created), ["redis:7"]);
        assert_eq!(meant(&images, "cache:1").unwrap().id, images[0].id);
        assert_eq!(meant(&images, "bbbbb").unwrap().id, images[1].id);
        assert_eq!(meant(&images, "bb"), None);
    }
}
