//! What is written before and after a connection breaks.
//!
//! `fuzz/run encoder`

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| sinew::fuzzing::encoder(data));
