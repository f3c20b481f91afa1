//! The program that the browser starts. Everything is in the library.

fn main() {
    drawbridge_ui::mount();
}
