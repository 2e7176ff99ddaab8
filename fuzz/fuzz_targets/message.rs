//! Messages and their frames.
//!
//! `fuzz/run message`

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| sinew::fuzzing::message(data));
