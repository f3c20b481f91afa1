//! How a list is looked at: what it is filtered by and what it is sorted by. Both are part of the page's address. Pure.

use crate::{route::encode, text::lower};
use std::cmp::Ordering;

/// A filter and an order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Only what has this text in it; empty for all.
    pub find: String,
    /// The column that it is sorted by, `-` before it for backwards; empty for the order of making.
    pub sort: String,
}

impl Listing {
    /// With only a filter.
    pub fn find(find: impl Into<String>) -> Self {
        Self { find: find.into(), sort: String::new() }
    }

    /// With another filter.
    pub fn with_find(self, find: String) -> Self {
        Self { find, ..self }
    }

    /// What a press on a column's head leads to: the column, then backwards, then the order of making again.
    pub fn pressed(self, column: &str) -> Self {
        let sort = match self.order(column) {
            None => column.to_owned(),
            Some(Order::Up) => format!("-{column}"),
            Some(Order::Down) => String::new(),
        };
        Self { sort, ..self }
    }

    /// How a column is sorted; none when it is not.
    pub fn order(&self, column: &str) -> Option<Order> {
        match self.sort.strip_prefix('-') {
            Some(sort) => (sort == column).then_some(Order::Down),
            None => (self.sort == column).then_some(Order::Up),
        }
    }

    /// Sorts by `key`, which gives a column's key of a thing; what is equal keeps its order, whichever way.
    pub fn sort<T, K: Ord>(&self, things: &mut [T], key: impl Fn(&T, &str) -> K) {
        let (column, is_down) = match self.sort.strip_prefix('-') {
            Some(column) => (column, true),
            None => (self.sort.as_str(), false),
        };
        if column.is_empty() {
            return;
        }
        things.sort_by(|a, b| {
            let order = key(a, column).cmp(&key(b, column));
            if is_down { order.reverse() } else { order }
        });
    }

    /// The path with what is chosen.
    pub fn href(&self, path: &str) -> String {
        let pairs = [("find", &self.find), ("sort", &self.sort)];
        let query: Vec<String> = pairs
            .iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(key, value)| format!("{key}={}", encode(value)))
            .collect();
        if query.is_empty() { path.to_owned() } else { format!("{path}?{}", query.join("&")) }
    }
}

/// Which way a column is sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The smallest first.
    Up,
    /// The largest first.
    Down,
}

/// What a column is sorted by. Text is compared without regard to case, and numbers in it by their value: `box2` before `box10`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// A number.
    Number(i64),
    /// A text.
    Text(String),
}

impl Key {
    /// Of a text.
    pub fn text(text: impl AsRef<str>) -> Self {
        Self::Text(lower(text.as_ref()))
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => a.cmp(b),
            (Self::Text(a), Self::Text(b)) => natural(a, b),
            (Self::Number(_), Self::Text(_)) => Ordering::Less,
            (Self::Text(_), Self::Number(_)) => Ordering::Greater,
        }
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Runs of digits are compared as numbers, which may be longer than any integer.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    loop {
        let (Some(first_a), Some(first_b)) = (a.chars().next(), b.chars().next()) else {
            return a.len().cmp(&b.len());
        };
        if first_a.is_ascii_digit() && first_b.is_ascii_digit() {
            let (digits_a, rest_a) = a.split_at(a.find(|c: char| !c.is_ascii_digit()).unwrap_or(a.len()));
            let (digits_b, rest_b) = b.split_at(b.find(|c: char| !c.is_ascii_digit()).unwrap_or(b.len()));
            let [value_a, value_b] = [digits_a, digits_b].map(|digits| digits.trim_start_matches('0'));
            let order = value_a.len().cmp(&value_b.len()).then_with(|| value_a.cmp(value_b));
            if order != Ordering::Equal {
                return order;
            }
            (a, b) = (rest_a, rest_b);
        } else {
            let order = first_a.cmp(&first_b);
            if order != Ordering::Equal {
                return order;
            }
            (a, b) = (&a[first_a.len_utf8()..], &b[first_b.len_utf8()..]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_goes_up_down_and_back() {
        let mut listing = Listing::find("box");
        let mut seen = Vec::new();
        for _ in 0..3 {
            listing = listing.pressed("name");
            seen.push(listing.href("/containers"));
        }
        assert_eq!(seen, ["/containers?find=box&sort=name", "/containers?find=box&sort=-name", "/containers?find=box"]);
        assert_eq!(listing.pressed("state").pressed("name").order("name"), Some(Order::Up));
    }

    #[test]
    fn names_with_numbers_stand_as_people_count() {
        let sorted = |sort: &str, mut names: Vec<&'static str>| {
            Listing { find: String::new(), sort: sort.into() }.sort(&mut names, |name, _| Key::text(name));
            names.join(" ")
        };
        assert_eq!(sorted("name", vec!["box10", "Box2", "box1", "a", "box2x", "box"]), "a box box1 Box2 box2x box10");
        assert_eq!(sorted("-name", vec!["box10", "box2", "box1"]), "box10 box2 box1");
        assert_eq!(sorted("", vec!["b", "a"]), "b a");
        assert_eq!(sorted("name", vec!["10.0.0.10", "10.0.0.9", "9.0.0.1"]), "9.0.0.1 10.0.0.9 10.0.0.10");
        assert_eq!(sorted("name", vec!["ä1", "网络2", "网络10", "z"]), "z ä1 网络2 网络10");
    }
}
