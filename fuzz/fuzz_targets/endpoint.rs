//! The text of endpoints.
//!
//! `fuzz/run endpoint`

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| sinew::fuzzing::endpoint(data));
