//! Certificate files.
//!
//! `fuzz/run certificate`

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| sinew::fuzzing::certificate(data));
