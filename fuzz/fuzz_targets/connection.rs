//! Whole connections, with a clock.
//!
//! `fuzz/run connection`

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| sinew::fuzzing::connection(data));
