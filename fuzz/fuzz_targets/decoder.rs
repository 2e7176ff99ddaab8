//! What a peer says afterwards: whole, split and naively decoded, it is the same.
//!
//! `cargo +nightly fuzz run decoder`

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| sinew::fuzzing::decoder(data));
