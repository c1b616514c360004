//! `cargo xtask …`: the same commands at home and in CI.

fn main() {}
