//! The query path of names. `cargo +nightly fuzz run dns_query` lets LLVM make the bytes; without it, a stable
//! `cargo run -p drawbridge-fuzz --bin dns_query -- FILES` reads them from files: the corpus, or what once broke it.

#![expect(unexpected_cfgs, reason = "cargo-fuzz sets the word, of which cargo knows nothing")]
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| drawbridge_fuzz::dns_query(bytes));

#[cfg(not(fuzzing))]
fn main() -> std::io::Result<()> {
    let mut count = 0;
    for file in std::env::args_os().skip(1) {
        drawbridge_fuzz::dns_query(&std::fs::read(file)?);
        count += 1;
    }
    println!("{count} files passed");
    Ok(())
}
