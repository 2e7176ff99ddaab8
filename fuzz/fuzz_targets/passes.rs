//! Whole passes of a reader over a real stream.
//!
//! `fuzz/run passes`

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| sinew::fuzzing::passes(data));
